"""Shapley values and interactions of modalities: what must hold of them, and what wrong versions break."""

from __future__ import annotations

import math
from itertools import permutations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from mmbench.data.batches import Example, Inputs, Split
from mmbench.model.hiding import missing_at
from mmbench.probe import check_values
from mmbench.probe.contribution import Contribution, imbalance, interactions, shapley
from mmbench.probe.missing_modality import MissingModality
from mmbench.probe.shared import coalitions as coalitions_module
from mmbench.probe.shared.coalitions import coalitions
from mmbench.probe.shared.once import results_kept
from mmbench.probe.shared.sample import constant, sureness, value
from mmbench.schema.dataset import DataSpec, Modality
from mmbench.schema.quantity import Quantity, subsets
from mmbench.schema.task import task_of
from tests.support import small

NAMES = ("a", "b", "c")


def drawn(seed: int) -> dict[frozenset[str], float]:
    g = np.random.default_rng(seed)
    return {frozenset(s): float(g.normal()) for s in ((), *subsets(NAMES))}


@pytest.mark.parametrize("seed", range(5))
def test_shapley_is_the_mean_over_all_orders_and_adds_up(seed: int) -> None:
    v = drawn(seed)
    found = shapley(NAMES, v.__getitem__)
    for name in NAMES:
        gains = []
        for order in permutations(NAMES):
            before = frozenset(order[: order.index(name)])
            gains.append(v[before | {name}] - v[before])
        assert found[name] == pytest.approx(np.mean(gains), abs=1e-12)
    assert sum(found.values()) == pytest.approx(v[frozenset(NAMES)] - v[frozenset()], abs=1e-9)


def test_interactions_of_two_are_the_second_difference() -> None:
    v = {frozenset(s): x for s, x in zip(((), ("a",), ("b",), ("a", "b")), (0.0, 0.3, 0.4, 0.5), strict=True)}
    assert interactions(("a", "b"), v.__getitem__)["a", "b"] == pytest.approx(-0.2)
    xor = {s: float(len(s) == 2) for s in v}
    assert interactions(("a", "b"), xor.__getitem__)["a", "b"] == 1
    additive = {s: 0.3 * ("a" in s) + 0.1 * ("b" in s) for s in v}
    assert interactions(("a", "b"), additive.__getitem__)["a", "b"] == pytest.approx(0)


def test_imbalance_is_from_equal_to_one_alone() -> None:
    assert imbalance([0.2, 0.2, 0.2]) == 0
    assert imbalance([0.6, 0.0, -0.1]) == 1
    assert imbalance([0.3, 0.1]) == pytest.approx(0.5)
    assert imbalance([-0.1, -0.2]) is None


class Says(nn.Module):
    """Reads the label off some modalities: the first feature of the first token that is there; knows nothing else."""

    def __init__(self, *names: str) -> None:
        super().__init__()
        self.names = names

    def forward(self, inputs: Inputs) -> Tensor:
        total = torch.zeros(len(next(iter(inputs.values())).values), 2)
        for name in self.names:
            x = inputs[name]
            there = torch.ones(len(x.values), dtype=torch.bool) if x.mask is None else x.mask.any(1)
            said = x.values[:, 0, 0]
            total += there[:, None] * torch.stack([-said, said], 1) * 3
        return total


def two(task: str = "classification", metric: str | None = None) -> tuple[DataSpec, dict[str, Split]]:
    """Both modalities say the label, and say so in every token."""
    spec = small.spec(
        modalities={m: Modality(kind="feature", shape=(4, 2)) for m in ("a", "b")},
        task=task_of("classification", ("no", "yes")),
        chance=0.5,
    )
    made = {}
    for i, name in enumerate(("train", "validation", "test")):
        g = torch.Generator().manual_seed(i)
        labels = torch.randint(0, 2, (200,), generator=g)
        signs = (2.0 * labels - 1)[:, None, None].expand(-1, 4, 2)
        made[name] = Split(
            inputs={m: Example(values=signs + 0.1 * torch.randn(200, 4, 2, generator=g)) for m in ("a", "b")},
            labels=labels,
        )
    return spec, made


def measured(model: nn.Module, probe: MissingModality | Contribution) -> dict[str, float | list[float] | None]:
    spec, data = two()
    with results_kept():
        found = probe.measure(model.eval(), data, spec, seed=0)
    check_values(probe.quantities, found, ("a", "b"))
    return dict(found)


def test_who_ignores_a_modality_and_who_copies_it() -> None:
    """A model that reads one modality alone, and one that reads both, which say the same."""
    alone = measured(Says("a"), Contribution())
    gain = alone["shapley"]
    # What it says where it sees nothing is as good as a guess, but not the same.
    assert isinstance(gain, list) and gain[1] == pytest.approx(0, abs=0.03) and gain[0] > 0.4
    assert alone["imbalance"] == pytest.approx(1, abs=0.06) and alone["interaction"] == [pytest.approx(0, abs=0.06)]
    both = measured(Says("a", "b"), Contribution())
    assert isinstance(both["shapley"], list) and both["shapley"][0] == pytest.approx(both["shapley"][1], abs=0.02)
    assert isinstance(both["interaction"], list) and both["interaction"][0] < -0.4
    scores = measured(Says("a"), MissingModality())["subset_scores"]
    assert isinstance(scores, list) and scores[0] == scores[2] > 0.99 and scores[1] < 0.6


def test_shares_add_up_to_what_is_gained_over_the_constant_guess() -> None:
    spec, data = two()
    table = coalitions(Says("a", "b"), data, spec)
    gain = value(spec.task, table.outputs["a", "b"], table.labels) - value(spec.task, table.outputs[()], table.labels)
    found = measured(Says("a", "b"), Contribution())["shapley"]
    assert isinstance(found, list) and sum(found) == pytest.approx(gain, abs=1e-9)


def reordered(split: Split, order: Tensor) -> Split:
    inputs = {m: Example(values=x.values[order], mask=x.mask) for m, x in split.inputs.items()}
    return Split(inputs=inputs, labels=split.labels[order])


def test_permuting_samples_permutes_their_values_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also over the bounds of batches: who keeps what an earlier batch has said is found out."""
    monkeypatch.setattr("mmbench.probe.shared.sample.BATCH", 32)
    spec, data = two()
    order = torch.randperm(200, generator=torch.Generator().manual_seed(7))
    shuffled = {**data, "test": reordered(data["test"], order)}

    def per_sample(model: nn.Module, splits: dict[str, Split]) -> np.ndarray:
        table = coalitions(model, splits, spec)
        sure = {frozenset(s): sureness(spec.task, x, table.labels) for s, x in table.outputs.items()}
        return np.stack([np.asarray(x) for x in shapley(("a", "b"), sure.__getitem__).values()])

    model = Says("a", "b")
    assert np.allclose(per_sample(model, data)[:, order.numpy()], per_sample(model, shuffled), atol=1e-6)

    class Stale(Says):
        """Broken: answers every batch of one size as it did the first of them."""

        kept: dict[int, Tensor]

        def forward(self, inputs: Inputs) -> Tensor:
            kept = self.__dict__.setdefault("kept", {})
            found = super().forward(inputs)
            return kept.setdefault(len(found), found)

    apart = per_sample(Stale("a", "b"), data)[:, order.numpy()] - per_sample(Stale("a", "b"), shuffled)
    assert np.abs(apart).max() > 0.1


def test_results_are_kept_for_one_model_and_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    spec, data = two()
    calls = []
    inner = coalitions_module._coalitions

    def counted(*given: object) -> object:
        calls.append(given)
        return inner(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(coalitions_module, "_coalitions", counted)
    one, other = Says("a"), Says("b")
    with results_kept():
        first = coalitions(one, data, spec)
        assert coalitions(one, data, spec) is first and coalitions(other, data, spec) is not first
    assert len(calls) == 2
    with results_kept():
        coalitions(one, data, spec)
    assert len(calls) == 3


@pytest.mark.parametrize("kind", ["classification", "multilabel", "regression"])
def test_the_constant_guess_is_the_one_with_the_least_loss(kind: str) -> None:
    g = np.random.default_rng(0)
    targets = ("p", "q", "r")
    spec = small.spec(task=task_of(kind, targets))  # type: ignore[arg-type]
    labels = {
        "classification": g.choice(3, 500, p=[0.6, 0.3, 0.1]),
        "multilabel": (g.random((500, 3)) < [0.2, 0.5, 0.9]).astype(np.float32),
        "regression": g.normal(size=(500, 3)).astype(np.float32) + 2,
    }[kind]
    best = sureness(spec.task, constant(spec, labels, 500), labels).mean()
    for _ in range(20):
        other = constant(spec, labels, 500) + g.normal(size=3).astype(np.float32) * 0.3
        assert sureness(spec.task, other, labels).mean() < best


def test_errors_point_the_right_way() -> None:
    """Of a regression more is better too: less error. Who takes errors as they are has the sign wrong."""
    spec = small.spec(task=task_of("regression", ("y",)), chance=None)
    labels = np.array([[1.0], [2.0], [3.0]], np.float32)
    good, bad = labels + 0.1, labels + 2
    assert value(spec.task, good, labels) > value(spec.task, bad, labels)
    assert sureness(spec.task, good, labels).mean() > sureness(spec.task, bad, labels).mean()


def test_what_is_missing_at_a_rate_is_missing_at_higher_ones_and_one_is_kept() -> None:
    drawn = torch.rand(2000, 3, generator=torch.Generator().manual_seed(0))
    before = torch.zeros(2000, 3, dtype=torch.bool)
    for rate in (0.0, 0.1, 0.5, 0.9, 1.0):
        gone = missing_at(drawn, rate, torch.ones(2000, 3, dtype=torch.bool))
        assert not gone.all(1).any() and (gone | ~before).all()
        # A modality is kept as well where all three would be gone, by one in three.
        assert gone.float().mean().item() == pytest.approx(rate - rate**3 / 3, abs=0.03)
        before = gone


def test_a_number_for_each_subset_and_pair() -> None:
    assert subsets(NAMES) == (("a",), ("b",), ("c",), ("a", "b"), ("a", "c"), ("b", "c"), ("a", "b", "c"))
    assert Quantity(label="x", per="pair").names(NAMES) == ("a+b", "a+c", "b+c")
    assert Quantity(label="x", per="subset").names(("a", "b")) == ("a", "b", "a+b")
    assert Quantity(label="x", per="modality", levels=("1", "2")).names(("a", "b")) == ("a 1", "a 2", "b 1", "b 2")
    assert math.isfinite(len(Quantity(label="x", per="item").names(NAMES)))
