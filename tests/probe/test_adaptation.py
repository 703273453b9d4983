"""A model that turns from a spoilt modality is told from one that is swayed by it, and from one that ignores it."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from mmbench.data.batches import Example, Inputs, Split
from mmbench.model.baseline import BaselineModel
from mmbench.probe import check_values
from mmbench.probe.adaptation import Adaptation
from mmbench.registry import get
from mmbench.schema.dataset import Modality, Normal
from mmbench.schema.quantity import Value
from mmbench.schema.task import TaskKind, task_of
from tests.probe.test_contribution import Says, two
from tests.support import small


class Gated(nn.Module):
    """Reads the label off both modalities; where one says more than could be true of clean data, it is not listened
    to."""

    def forward(self, inputs: Inputs) -> Tensor:
        total = torch.zeros(len(next(iter(inputs.values())).values), 2)
        for x in inputs.values():
            there = torch.ones(len(x.values), dtype=torch.bool) if x.mask is None else x.mask.any(1)
            said = x.values[:, 0, 0]
            there = there & (x.values.flatten(1).abs().amax(1) < CLEAN)
            total += there[:, None] * torch.stack([-said, said], 1) * 3
        return total


CLEAN = 3.0


def found(model: nn.Module) -> dict[str, Value]:
    spec, data = two()
    return check_values(Adaptation.quantities, Adaptation().measure(model.eval(), data, spec, seed=0), ("a", "b"))


def test_clean_data_are_within_what_the_gate_lets_through() -> None:
    _, data = two()
    for x in data["test"].inputs.values():
        assert (x.values.flatten(1).abs().amax(1) < CLEAN).float().mean() > 0.9


def test_who_turns_away_from_noise_adapts_and_who_adds_up_is_swayed() -> None:
    gated, sum_ = found(Gated()), found(Says("a", "b"))
    assert gated["reliance"] == pytest.approx([0.5, 0.5], abs=0.1) == sum_["reliance"]
    assert isinstance(gated["adaptation"], float) and gated["adaptation"] > 0.3
    assert isinstance(sum_["adaptation"], float) and sum_["adaptation"] < -0.1


def test_who_ignores_a_modality_does_not_adapt_by_it() -> None:
    alone = found(Says("a"))
    assert alone["reliance"] == [1, 0] == alone["reliance_spoilt"] and alone["adaptation"] == 0


def test_nothing_of_who_relies_on_nothing_or_has_one_modality() -> None:
    assert found(Says()) == {}
    spec, data = two()
    one = {name: split.only(("a",)) for name, split in data.items()}
    assert set(Adaptation().measure(Says("a").eval(), one, spec, seed=0).values()) == {None}


def test_the_same_whatever_the_random_state() -> None:
    spec, data = two()
    torch.manual_seed(1)
    one = Adaptation().measure(Says("a", "b").eval(), data, spec, seed=0)
    torch.manual_seed(2)
    assert Adaptation().measure(Says("a", "b").eval(), data, spec, seed=3) == one


@pytest.mark.parametrize("kind", ["multilabel", "regression"])
def test_numbers_and_labels(kind: TaskKind) -> None:
    spec, data = two()
    spec = spec.model_copy(update={"task": task_of(kind, ("x", "y"))})
    for model, sign in ((Gated(), 1), (Says("a", "b"), -1)):
        adaptation = Adaptation().measure(model.eval(), data, spec, seed=0)["adaptation"]
        assert isinstance(adaptation, float) and sign * adaptation > 0.1


def test_a_baselines_targets_count_alike_whatever_their_units() -> None:
    """One target follows a, the other b; a baseline says both in their own units."""
    draw = torch.Generator().manual_seed(0)
    found = []
    for unit in (1.0, 10_000.0):
        draw.manual_seed(0)
        splits = {}
        for name in ("train", "validation", "test"):
            inputs = {m: Example(values=torch.randn(60, 4, 2, generator=draw)) for m in ("a", "b")}
            labels = torch.stack([inputs["a"].values[:, 0, 0], unit * inputs["b"].values[:, 0, 0]], 1)
            splits[name] = Split(inputs=inputs, labels=labels)
        truth = splits["train"].labels
        scale = Normal(axis=0, mean=tuple(truth.mean(0).tolist()), std=tuple(truth.std(0).tolist()))
        modalities = {m: Modality(kind="feature", shape=(4, 2)) for m in ("a", "b")}
        spec = small.spec(modalities=modalities, task=task_of("regression", ("x", "y")), scale=scale)
        model = BaselineModel(get("baseline", "linear", where="a test").cls().model(0, spec.task), spec)
        model.fit(splits["train"])
        found.append(Adaptation().measure(model, splits, spec, seed=0)["reliance"])
    assert found[0] == pytest.approx(found[1], rel=1e-3)
    assert found[0] == pytest.approx([0.5, 0.5], abs=0.15)


def test_words_that_cannot_be_replaced_are_said() -> None:
    alone = small.spec(modalities={"c": Modality(kind="text", shape=(4,), options={"vocabulary": 2})})
    assert "one word" in (Adaptation.cannot(alone) or "")
