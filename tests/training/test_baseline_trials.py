"""Trials of baselines: what they reach, what they are said to be made of, and that they repeat themselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import threadpoolctl

from mmbench.data.batches import Example
from mmbench.model.baseline import BaselineModel
from mmbench.probe.adaptation import Adaptation
from mmbench.probe.faithfulness import Faithfulness
from mmbench.probe.relevance import RelevanceProbe
from mmbench.probe.representation import Representation
from mmbench.schema.plan import Job
from mmbench.schema.quantity import QUANTITIES
from mmbench.schema.result import State, TrialResult
from mmbench.training.trial import run as train
from tests.support import small
from tests.support.run_trial import numbers, spoilt, trial


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [
        ("majority", 0.3, 0.6),
        ("linear", 0.9, 1.0),
        # Each modality tells one of the two bits alone, and an average of what they say is no sum.
        ("linear_late", 0.4, 0.7),
        ("boosting", 0.9, 1.0),
        ("kernel_svm", 0.4, 0.7),
    ],
)
def test_baselines(name: str, least: float, most: float) -> None:
    result = trial(small.baseline(name))
    assert result.state is State.DONE
    assert least <= result.metrics["test"]["accuracy"] <= most
    inputs = 6 * 3 + 5 * 2 + (6 - 1)  # the padding word is not counted
    weights = {"majority": (0, 3), "linear": (3 * inputs, 3), "linear_late": (3 * inputs, 3 * 3)}.get(name)
    # There are no tokens in a baseline.
    absent = {*Representation.quantities, *RelevanceProbe.quantities}
    # These are measured when asked for.
    absent |= {*Adaptation.quantities, *Faithfulness.quantities}
    absent |= set() if weights else {"parameters", "flops"}
    # Who gains nothing has no shares that could be unequal.
    absent |= {"imbalance"} if name == "majority" else set()
    assert set(result.quantities) == set(QUANTITIES) - absent
    if weights:
        assert result.quantities["parameters"] == sum(weights)
        assert result.quantities["flops"] == 2 * weights[0]
    assert TrialResult.model_validate_json(result.model_dump_json()) == result


@pytest.mark.parametrize("name", ["linear", "linear_late", "boosting", "kernel_svm"])
def test_baselines_use_one_thread(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With more of them sums are added in another order, and the last bits differ."""
    seen = []
    forward, fit = BaselineModel.forward, BaselineModel.fit

    def watched(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any) -> Any:
            seen.append({pool["num_threads"] for pool in threadpoolctl.threadpool_info()})
            return function(*args)

        return call

    monkeypatch.setattr(BaselineModel, "fit", watched(fit))
    monkeypatch.setattr(BaselineModel, "forward", watched(forward))
    spec, data = small.spec(), small.splits()
    assert train(Job(trial_id="t", config=small.baseline(name), data_hash="d", fingerprint="f"), spec, data).outputs
    assert seen == [{1}] * 3


def test_majority_scores_the_share_of_its_class() -> None:
    data = small.splits()
    common = data["train"].labels.mode().values
    share = (data["test"].labels == common).double().mean().item()
    assert trial(small.baseline("majority")).metrics["test"]["accuracy"] == pytest.approx(share)


def test_numbers_and_padding_of_baselines_do_not_mix() -> None:
    a = small.splits()["train"].inputs["a"]
    assert a.mask is not None
    garbage = a.values.masked_fill(~a.mask[..., None], float("nan"))
    clean = trial(small.baseline("linear"))
    padded = trial(small.baseline("linear"), spoilt("train", a=Example(values=garbage, mask=a.mask)))
    assert numbers(padded) == numbers(clean)
