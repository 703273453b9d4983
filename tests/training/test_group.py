"""Models that are trained as one program end as if each had been alone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from mmbench.attention.scaled_dot_product import ScaledDotProduct
from mmbench.checks import tiny
from mmbench.fusion.concat import Concat
from mmbench.model.build import build
from mmbench.model.interfaces import Heads
from mmbench.registry import get, variants
from mmbench.schema.params import Choice
from mmbench.schema.plan import Job
from mmbench.schema.result import State
from mmbench.training import group
from mmbench.training.group import fit as fit_group
from mmbench.training.group_contract import trains_as_if_alone
from mmbench.training.group_trial import run_group
from mmbench.training.history import DivergedError, Trained
from mmbench.training.loop import fit
from mmbench.training.objective import Objective, objective
from mmbench.training.stack import CannotStackError, Stack
from tests.support import small
from tests.training.test_all_cells import AXES, Cell, sample

BASE: Cell = ("scaled_dot_product", "cross_attention", "independent")
EACH = [(*BASE[:i], name, *BASE[i + 1 :]) for i, axis in enumerate(AXES) for name in variants(axis)]


def as_alone(cell: Cell) -> None:
    found = [get(axis, name, where="tests").cls for axis, name in zip(AXES, cell, strict=True)]  # type: ignore[arg-type]
    attention, fusion, architecture = found

    def build(seed: int):  # type: ignore[no-untyped-def]
        return tiny.model(3, attention=attention, fusion=fusion, architecture=architecture, seed=seed)

    trains_as_if_alone(" + ".join(cell), build, 3)


@pytest.mark.parametrize("cell", EACH, ids=" ".join)
def test_every_variant_trains_in_a_group_as_alone(cell: Cell) -> None:
    as_alone(cell)


@pytest.mark.exhaustive
@pytest.mark.parametrize("cell", sample(), ids=" ".join)
def test_every_pair_of_variants_trains_in_a_group_as_alone(cell: Cell) -> None:
    as_alone(cell)


@pytest.fixture(scope="module")
def task() -> Objective:
    return objective(small.spec(), small.splits()["train"].labels, smoothing=0.1)


def models(count: int, **config: object) -> list[nn.Module]:
    made = []
    for seed in range(count):
        torch.manual_seed(seed)
        made.append(build(small.config(**config), small.spec()))
    return made


Found = list[Trained | DivergedError]


def together(task: Objective, rates: list[float], **train: object) -> tuple[list[nn.Module], Found]:
    made, data = models(len(rates)), small.splits()
    settings = [small.training(learning_rate=rate, **train) for rate in rates]
    seeds = range(len(rates))
    return made, fit_group(made, data["train"], data["validation"], settings, task, seeds=seeds)


def test_whole_trainings_are_those_of_each_alone(task: Objective) -> None:
    """Seeds, learning rates and orders of their own; equal but for the order in which sums are added."""
    rates = [0.003, 0.001, 0.01]
    made, found = together(task, rates, epochs=4, averaging=0.1)
    data = small.splits()
    for seed, (rate, twin, model, grouped) in enumerate(zip(rates, models(3), made, found, strict=True)):
        settings = small.training(learning_rate=rate, epochs=4, averaging=0.1)
        alone = fit(twin, data["train"], data["validation"], settings, task, seed=seed)
        assert isinstance(grouped, Trained) and grouped.best_epoch == alone.best_epoch
        for name, curve in alone.curves.items():
            assert grouped.curves[name] == pytest.approx(curve, rel=1e-3, abs=1e-3)
        assert torch.allclose(grouped.outputs, alone.outputs, atol=1e-3)
        for name, value in twin.state_dict().items():
            assert torch.allclose(model.state_dict()[name], value, atol=1e-3), name


def test_the_same_group_finds_the_same_bits(task: Objective) -> None:
    (_, some), (_, others) = (together(task, [0.003, 0.01], epochs=2) for _ in range(2))
    for one, other in zip(some, others, strict=True):
        assert isinstance(one, Trained) and isinstance(other, Trained)
        assert torch.equal(one.outputs, other.outputs) and one.curves == other.curves


def test_a_model_that_diverges_changes_no_other(task: Objective) -> None:
    """The second is thrown out of all bounds; the first and the third end as in a group without it."""
    _, found = together(task, [0.003, 1e30, 0.01], epochs=3)
    assert isinstance(found[1], DivergedError)
    assert re.fullmatch(r"(loss|training loss) .* at epoch \d+(, step \d+)?", str(found[1]))
    data = small.splits()
    for seed, rate in ((0, 0.003), (2, 0.01)):
        twin = models(3)[seed]
        settings = small.training(learning_rate=rate, epochs=3)
        alone = fit(twin, data["train"], data["validation"], settings, task, seed=seed)
        grouped = found[seed]
        assert isinstance(grouped, Trained) and torch.allclose(grouped.outputs, alone.outputs, atol=1e-3)


def test_each_has_patience_of_its_own(task: Objective) -> None:
    """One that learns nothing stops after so many epochs, while the other goes on."""
    _, found = together(task, [1e-12, 0.003], epochs=8, patience=2)
    lengths = [len(one.curves["train_loss"]) for one in found if isinstance(one, Trained)]
    assert lengths[0] == 3 < lengths[1]


class Flipped(torch.autograd.Function):
    """The same for a model alone; in a group every model gets what belongs to another."""

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return x.clone()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None: ...

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        return grad

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], x: Tensor) -> tuple[Tensor, int | None]:
        return x if in_dims[0] is None else x.flip(in_dims[0]), in_dims[0]


class Mixing(ScaledDotProduct):
    """Broken: it mixes the models of a group."""

    def attend(self, heads: Heads, *, need_weights: bool = False) -> tuple[Tensor, Tensor | None]:
        y, weights = super().attend(heads, need_weights=need_weights)
        return Flipped.apply(y), weights


class Looking(ScaledDotProduct):
    """It cannot be one program: what it computes depends on values."""

    def attend(self, heads: Heads, *, need_weights: bool = False) -> tuple[Tensor, Tensor | None]:
        y, weights = super().attend(heads, need_weights=need_weights)
        return (y if float(y.detach().sum()) > 0 else y * 1.0), weights


@pytest.mark.parametrize(("broken", "why"), [(Mixing, "alone"), (Looking, "cannot be trained in a group")])
def test_the_contract_catches_what_does_not_belong_in_a_group(broken: type[ScaledDotProduct], why: str) -> None:
    def made(seed: int) -> nn.Module:
        return tiny.model(2, attention=broken, fusion=Concat, seed=seed)

    with pytest.raises(AssertionError, match=why):
        trains_as_if_alone("broken", made, 2)


@pytest.mark.parametrize("broken", [Mixing, Looking])
def test_a_group_of_such_models_is_refused_before_it_is_trained(
    broken: type[ScaledDotProduct], task: Objective
) -> None:
    data = small.splits()
    made = []
    for seed in range(3):
        torch.manual_seed(seed)
        made.append(build(small.config(), small.spec(), attention=broken))
    before = [{name: value.clone() for name, value in model.state_dict().items()} for model in made]
    with pytest.raises(CannotStackError):
        fit_group(made, data["train"], data["validation"], [small.training()] * 3, task, seeds=range(3))
    for model, state in zip(made, before, strict=True):
        assert all(torch.equal(model.state_dict()[name], value) for name, value in state.items())


def test_models_of_different_kinds_are_no_group() -> None:
    one, other = models(1)[0], models(1, fusion=Choice(name="early_concat"))[0]
    with pytest.raises(CannotStackError, match="different shapes"):
        Stack([one, other])


def test_a_group_for_which_memory_does_not_suffice_is_trained_in_halves(monkeypatch: pytest.MonkeyPatch) -> None:
    """PyTorch's allocator on a CPU raises what other faults raise, too; only its words tell."""
    fit_all = group.fit

    def at_most_two(models: Sequence[nn.Module], *rest: Any, **options: Any) -> Found:
        if len(models) > 2:
            try:
                raise RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 1 byte")
            except RuntimeError as error:
                raise CannotStackError(str(error)) from error
        return fit_all(models, *rest, **options)

    monkeypatch.setattr(group, "fit", at_most_two)
    jobs = [
        Job(trial_id=f"t{seed}", config=small.config(seed=seed), data_hash="0", fingerprint="0") for seed in range(4)
    ]
    found = [one.result for one in run_group(jobs, small.spec(), small.splits())]
    assert [r.state for r in found] == [State.DONE] * 4
    assert [r.group for r in found] == [("t0", "t1"), ("t0", "t1"), ("t2", "t3"), ("t2", "t3")]
    assert not any(r.ungrouped for r in found)
