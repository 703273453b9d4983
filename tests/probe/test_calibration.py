"""Calibration: parts against scikit-learn and closed forms, the probe on models whose calibration is known."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from sklearn import metrics

from mmbench.data.batches import Split
from mmbench.probe import check_values
from mmbench.probe.calibration import BINS, Calibration
from mmbench.probe.shared import binning, outputs
from mmbench.probe.shared.binning import (
    adaptive_error,
    binned,
    classwise_error,
    equal_mass,
    equal_width,
    expected_error,
)
from mmbench.probe.shared.coverage import augrc, aurc
from mmbench.probe.shared.once import results_kept
from mmbench.probe.shared.temperature import HIGH, LOW, fit_temperature, log_loss
from mmbench.schema.dataset import DataSpec
from mmbench.schema.outputs import Outputs
from mmbench.schema.plan import Job, Limits
from mmbench.schema.scores import predictions
from mmbench.schema.task import Task, task_of
from mmbench.schema.trial import TrialConfig
from mmbench.training import trial
from tests.support import small
from tests.support.saying import Says, drawn, drawn_labels, saying

THREE, TWO = task_of("classification", ("zero", "one", "two")), task_of("binary", ("no", "yes"))
LABELS = task_of("multilabel", ("a", "b", "c", "d"))
Area = Callable[[np.ndarray, np.ndarray], float]


def measure(task: Task, splits: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> dict[str, Any]:
    spec, made = saying(task, **splits)
    return checked(spec, made)


def checked(spec: DataSpec, splits: Mapping[str, Split]) -> dict[str, Any]:
    probe = Calibration()
    return check_values(probe.quantities, probe.measure(Says().eval(), splits, spec, seed=0), ("a",))


def of(kind: str, temperature: float) -> tuple[Task, dict[str, tuple[np.ndarray, np.ndarray]]]:
    if kind == "multilabel":
        return LABELS, {s: drawn_labels(i, 4000, 4, temperature) for i, s in enumerate(("validation", "test"))}
    task = TWO if kind == "binary" else THREE
    return task, {s: drawn(i, 8000, len(task.targets), temperature) for i, s in enumerate(("validation", "test"))}


# Bins.


def phantom(sure: np.ndarray, bins: int = BINS) -> np.ndarray:
    """As torchmetrics 1.9 has it: a confidence of exactly 1 is in a bin of its own, behind the last."""
    return np.searchsorted(np.linspace(0, 1, bins + 1), sure, side="right") - 1


def is_last_bin_closed(place: Callable[[np.ndarray], np.ndarray]) -> bool:
    """One of four that are sure by 1 is wrong, and one that is sure by 0.95 is right: together 0.99 sure and 0.8 right,
    so that the error is 0.19. Apart it would be 0.2 + 0.01."""
    sure, right = np.array([1.0, 1.0, 1.0, 1.0, 0.95]), np.array([1.0, 1.0, 1.0, 0.0, 1.0])
    return abs(binned(sure, right, place(sure), BINS + 1).error - 0.19) < 1e-12


def test_a_confidence_of_one_is_in_the_last_bin() -> None:
    assert is_last_bin_closed(equal_width)
    assert not is_last_bin_closed(phantom), "the check finds a bin of its own"
    assert equal_width(np.array([0.0, 1 / 15, 0.5, 14 / 15, 1.0])).tolist() == [0, 1, 7, 14, 14]


def test_bins_of_known_samples() -> None:
    sure, right = np.array([0.1, 0.12, 0.5, 0.52, 0.98, 1.0]), np.array([0.0, 1.0, 1.0, 0.0, 1.0, 1.0])
    found = binned(sure, right, equal_width(sure))
    assert found.counts.sum() == 6 and found.counts[[1, 7, 14]].tolist() == [2, 2, 2]
    assert found.confidence[[1, 7, 14]] == pytest.approx([0.11, 0.51, 0.99])
    assert found.accuracy[[1, 7, 14]] == pytest.approx([0.5, 0.5, 1.0])
    assert found.error == pytest.approx((0.39 + 0.01 + 0.01) / 3)
    assert found.confidence[0] == 0 == found.accuracy[0]


def by_place(sure: np.ndarray, right: np.ndarray) -> float:
    """Wrong: equal confidences lie in two bins, by which of them comes first."""
    parts = np.array_split(np.argsort(sure, kind="stable"), BINS)
    return float(sum(len(p) * abs(sure[p].mean() - right[p].mean()) for p in parts if len(p)) / len(sure))


def is_free_of_order(error: Area) -> bool:
    sure, right = np.repeat([0.6, 0.8, 0.9], 20), np.tile([1.0, 1.0, 0.0], 20)
    order = np.argsort(right, kind="stable")
    return abs(error(sure, right) - error(sure[order], right[order])) < 1e-12


def test_bins_of_equal_mass_keep_equal_confidences_together() -> None:
    assert is_free_of_order(adaptive_error) and is_free_of_order(expected_error)
    assert not is_free_of_order(by_place), "the check finds bins that part ties"
    sure = np.random.default_rng(0).random(1500)
    assert set(np.bincount(equal_mass(sure))) <= {99, 100, 101} and equal_mass(sure).max() == BINS - 1
    assert equal_mass(np.full(9, 0.7)).tolist() == [0] * 9
    right = (np.random.default_rng(1).random(1500) < sure).astype(float)
    assert adaptive_error(sure, right) == pytest.approx(by_place(sure, right), abs=2e-3)


def test_each_class_has_its_own_error() -> None:
    p = np.array([[0.8, 0.2], [0.8, 0.2], [0.4, 0.6], [0.4, 0.6]])
    true = np.eye(2)[[0, 1, 1, 1]]
    # 0.8 of which half are, 0.4 of which none is: (0.3 + 0.4) / 2; of the other class the same.
    assert classwise_error(p, true) == pytest.approx(0.35)


# Risk under coverage.


def test_areas_of_known_orders() -> None:
    """n samples of which e are wrong, told last: risk is 0 up to the coverage 1 - e / n."""
    n, e = 40, 10
    right_first = np.arange(n)[::-1] / n
    lost = np.r_[np.zeros(n - e), np.ones(e)]
    assert aurc(right_first, lost) == pytest.approx(sum(j / (n - e + j) for j in range(1, e + 1)) / n)
    assert augrc(right_first, lost) == pytest.approx((e / n) ** 2 / 2)
    assert augrc(-right_first, lost) == pytest.approx(e / n - (e / n) ** 2 / 2), "wrong ones told first"
    for area, none in ((aurc, 0.0), (augrc, 0.0)):
        assert area(right_first, np.zeros(n)) == none
    assert aurc(right_first, np.ones(n)) == pytest.approx(1) and augrc(right_first, np.ones(n)) == pytest.approx(0.5)


def test_equally_sure_of_all_is_no_order() -> None:
    lost = np.array([1.0, 0, 0, 1, 0, 0, 0, 0])
    assert aurc(np.full(8, 0.9), lost) == pytest.approx(0.25)
    assert augrc(np.full(8, 0.9), lost) == pytest.approx(0.125)


@pytest.mark.parametrize("seed", range(3))
def test_the_generalised_area_is_that_of_its_closed_form(seed: int) -> None:
    """Also with ties, which an AUROC counts by half."""
    draw = np.random.default_rng(seed)
    sure = draw.integers(0, 12, 300) / 12
    right = draw.random(300) < 0.3 + 0.6 * sure
    a, auroc = right.mean(), metrics.roc_auc_score(right, sure)
    assert augrc(sure, 1.0 - right) == pytest.approx((1 - auroc) * a * (1 - a) + (1 - a) ** 2 / 2, abs=1e-12)


def unshared(sure: np.ndarray, lost: np.ndarray) -> float:
    """Wrong: of equally sure samples the one that comes first is the surer."""
    return float(np.mean(np.cumsum(lost[np.argsort(-sure, kind="stable")]) / np.arange(1, len(sure) + 1)))


def test_ties_have_no_order_and_the_area_is_the_mean_over_all() -> None:
    assert is_free_of_order(aurc) and is_free_of_order(augrc)
    assert not is_free_of_order(unshared), "the check finds an order of ties"
    draw = np.random.default_rng(0)
    sure, lost = draw.integers(0, 4, 30) / 4, (draw.random(30) < 0.4).astype(float)
    orders = [draw.permutation(30) for _ in range(4000)]
    assert aurc(sure, lost) == pytest.approx(np.mean([unshared(sure[o], lost[o]) for o in orders]), abs=2e-3)


# Temperature.


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
@pytest.mark.parametrize("kind", ["classification", "binary", "multilabel"])
def test_the_temperature_that_was_planted_is_found(kind: str, temperature: float) -> None:
    task, splits = of(kind, temperature)
    found = measure(task, splits)
    assert found["temperature"] == pytest.approx(temperature, rel=0.06)
    before, after = found["calibration_error"]
    assert after < 0.02 and (temperature == 1 or before > 3 * after)
    assert found["log_loss"][1] <= found["log_loss"][0] + 1e-3
    assert sum(found["reliability_counts"][:BINS]) == sum(found["reliability_counts"][BINS:])


def test_temperature_has_the_least_log_loss_and_stays_within_bounds() -> None:
    logits, labels = drawn(0, 500, 3, 1.7)
    best = fit_temperature(THREE, logits, labels)
    losses = [log_loss(THREE, logits / t, labels) for t in (best, best * 1.02, best / 1.02)]
    assert losses[0] < min(losses[1:])
    assert fit_temperature(THREE, logits, logits.argmax(1)) == pytest.approx(LOW, rel=0.01), "right on all"
    assert fit_temperature(THREE, logits, logits.argmin(1)) == pytest.approx(HIGH, rel=0.01), "wrong on all"
    assert fit_temperature(THREE, np.zeros((9, 3), np.float32), np.arange(9) % 3) == 1, "says nothing of any"


def test_temperature_is_fitted_on_validation_and_test_is_left_alone() -> None:
    task, splits = of("classification", 2.0)
    other = splits | {"test": drawn(9, 900, 3, 0.5)}
    assert measure(task, splits)["temperature"] == measure(task, other)["temperature"]
    assert measure(task, other)["temperature"] != measure(task, {**other, "validation": other["test"]})["temperature"]


# The probe.


@pytest.mark.parametrize("kind", ["classification", "binary"])
def test_log_loss_and_brier_are_scikit_learns(kind: str) -> None:
    task, splits = of(kind, 2.0)
    found = measure(task, splits)
    logits, labels = splits["test"]
    for i, t in enumerate((1.0, found["temperature"])):
        p = predictions(task.kind, logits / t)
        assert found["log_loss"][i] == pytest.approx(metrics.log_loss(labels, p), rel=1e-6)
        brier = metrics.brier_score_loss(labels, p if kind == "classification" else p[:, 1])
        assert found["brier"][i] == pytest.approx(brier, rel=1e-6)


def test_labels_are_decisions_each() -> None:
    task, splits = of("multilabel", 2.0)
    found = measure(task, splits)
    logits, labels = splits["test"]
    p = predictions("multilabel", logits)
    assert found["log_loss"][0] == pytest.approx(
        np.mean([metrics.log_loss(y, q) for y, q in zip(labels.T, p.T, strict=True)]), rel=1e-6
    )
    assert found["brier"][0] == pytest.approx(
        np.mean([metrics.brier_score_loss(y, q) for y, q in zip(labels.T, p.T, strict=True)]), rel=1e-6
    )
    assert sum(found["reliability_counts"][:BINS]) == labels.size
    assert not any(found["reliability_counts"][:7]), "what is said of a label is at least as likely as not"
    right = (p >= 0.5) == labels
    assert found["aurc"][0] == pytest.approx(aurc(np.maximum(p, 1 - p).mean(1), 1 - right.mean(1)))


def permuted(splits: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    draw = np.random.default_rng(3)
    found = {}
    for name, (logits, labels) in splits.items():
        order = draw.permutation(len(labels))
        found[name] = logits[order], labels[order]
    return found


def is_free_of_batches(task: Task, splits: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> bool:
    one, two = measure(task, splits), measure(task, permuted(splits))
    return all(np.allclose(one[name], two[name], rtol=1e-6, atol=1e-9) for name in one)


@pytest.mark.parametrize("kind", ["classification", "multilabel"])
def test_the_order_of_samples_changes_nothing(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    task, splits = of(kind, 1.5)
    assert is_free_of_batches(task, splits)
    real, first = outputs.outputs_on, {}

    def reused(*args: Any) -> np.ndarray:
        """Wrong: what was said of the first batch is said of all."""
        said = real(*args)
        return first.setdefault(len(said), said)

    monkeypatch.setattr(outputs, "outputs_on", reused)
    assert not is_free_of_batches(task, splits), "the check finds reused batches"


def test_a_perfect_model_and_one_sure_of_all_are_measured() -> None:
    """Also where probabilities are exactly 1 and 0."""
    labels = np.arange(300) % 3
    sure = np.eye(3)[labels] * 2000
    found = measure(THREE, {"validation": (sure, labels), "test": (sure, labels)})
    for name in ("log_loss", "brier", "calibration_error", "aurc", "augrc"):
        assert found[name] == [0.0, 0.0]
    wrong = measure(THREE, {"validation": (sure, (labels + 1) % 3), "test": (sure, (labels + 1) % 3)})
    assert wrong["calibration_error"] == [1.0, 1.0] and wrong["augrc"] == pytest.approx([0.5, 0.5])
    assert wrong["temperature"] == pytest.approx(HIGH, rel=0.01)


def test_a_regression_has_no_probabilities() -> None:
    spec = small.spec(task=task_of("regression", ("x",)))
    assert Calibration.cannot(spec) == "a regression gives no probabilities"
    assert Calibration.cannot(small.spec()) is None
    assert binning.BINS == BINS


def test_probes_of_one_model_share_its_outputs() -> None:
    spec, splits = saying(THREE, validation=drawn(0, 50, 3, 1), test=drawn(1, 60, 3, 1))
    model, calls = Says().eval(), []
    model.register_forward_hook(lambda *_: calls.append(1))
    with results_kept():
        one = outputs.outputs_of(model, splits, spec, "test")
        assert outputs.outputs_of(model, splits, spec, "test") is one and len(calls) == 1
        Calibration().measure(model, splits, spec, seed=0)
    assert len(calls) == 2 and len(one.outputs) == 60


@pytest.mark.parametrize("config", [small.config(), small.baseline("linear")], ids=["cell", "baseline"])
def test_what_was_kept_with_the_trial_is_what_the_model_says(config: TrialConfig) -> None:
    """The probe asks no model whose outputs are at hand, and finds the same without them."""
    spec = small.spec()
    splits = {name: split.only(config.modalities) for name, split in small.splits().items()}
    ended = trial.run(Job(config=config, trial_id="0" * 16, data_hash="0", fingerprint="0"), spec, splits, Limits())
    assert ended.model is not None and ended.outputs is not None
    model, calls = ended.model.eval(), []
    model.register_forward_hook(lambda *_: calls.append(1))
    asked = Calibration().measure(model, splits, spec, seed=0)
    assert calls
    calls.clear()
    with results_kept():
        outputs.know(model, Outputs.from_bytes(ended.outputs))
        assert Calibration().measure(model, splits, spec, seed=0) == asked
    assert not calls
