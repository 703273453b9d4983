"""Every cell of the grid trains: finite loss, finite gradients, and a gradient for every parameter.

Two steps of the real loop on a tiny batch of four modalities with padding. `make test` takes a sample that holds every
pair of levels of two axes, `make test-all` the other cells too. Cells that have passed with the source as it is are
not trained again.
"""

from __future__ import annotations

import functools
import math
from itertools import combinations, product
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from mmbench.data.batches import Example, Split
from mmbench.model.build import build
from mmbench.registry import variants
from mmbench.schema.dataset import DataSpec, Modality
from mmbench.schema.params import Choice, ModelSize
from mmbench.schema.trial import TrialConfig
from mmbench.training import loop
from mmbench.training.objective import objective
from tests.support import small
from tests.support.passed import Passed

AXES = ("attention", "fusion", "architecture")
LEVELS = tuple(tuple(variants(axis)) for axis in AXES)
SHAPES = {"a": (10, 3), "b": (13, 2), "c": (9, 4), "d": (8, 3)}
"""More tokens than the windows, landmarks, slots and numbers of best keys with which variants come."""
BATCH = 8
Cell = tuple[str, str, str]


def pairs(cell: Cell) -> list[tuple[int, int, str, str]]:
    """The pairs of levels that a cell holds."""
    return [(i, j, cell[i], cell[j]) for i, j in combinations(range(3), 2)]


@functools.cache
def sample() -> tuple[Cell, ...]:
    """A covering array, built greedily: the cell that holds most pairs not yet held, the first of those in order."""
    grid = [(a, f, r) for a, f, r in product(*LEVELS)]
    missing = {pair for cell in grid for pair in pairs(cell)}
    chosen: list[Cell] = []
    for most in (3, 2, 1):
        for cell in grid:
            if len(missing.intersection(pairs(cell))) >= most:
                chosen.append(cell)
                missing.difference_update(pairs(cell))
    return tuple(chosen)


@functools.cache
def data() -> tuple[DataSpec, Split]:
    spec = small.spec(modalities={m: Modality(kind="feature", shape=shape) for m, shape in SHAPES.items()})
    g, inputs = torch.Generator().manual_seed(0), {}
    for name, shape in SHAPES.items():
        mask = torch.rand(2 * BATCH, shape[0], generator=g) < 0.9
        mask[:, 0] = True
        inputs[name] = Example(values=torch.randn(2 * BATCH, *shape, generator=g), mask=mask)
    return spec, Split(inputs=inputs, labels=torch.arange(2 * BATCH) % len(spec.task.targets))


def config(cell: Cell) -> TrialConfig:
    return small.config(
        modalities=tuple(SHAPES),
        attention=Choice(name=cell[0]),
        fusion=Choice(name=cell[1]),
        architecture=Choice(name=cell[2]),
        model=ModelSize(width=8, depth=2, heads=2, mlp_ratio=2),
        train=small.training(epochs=1, batch_size=BATCH),
    )


def faults(model: nn.Module, split: Split, settings: TrialConfig) -> list[str]:
    """What goes wrong in two steps of training."""
    largest: dict[str, list[float]] = {name: [] for name, _ in model.named_parameters()}

    def watch(name: str, p: nn.Parameter) -> None:
        def note(p: Tensor) -> None:
            assert p.grad is not None
            largest[name].append(float(p.grad.abs().max()))

        p.register_post_accumulate_grad_hook(note)

    for name, p in model.named_parameters():
        watch(name, p)
    assert settings.train is not None
    try:
        aim = objective(data()[0], split.labels)
        loop.fit(model, split, split, settings.train, aim, seed=0)
    except loop.DivergedError as error:
        return [f"diverged: {error}", *(name for name, sizes in largest.items() if not all(map(math.isfinite, sizes)))]
    assert max(map(len, largest.values())) == 2
    return [f"no gradient reaches {name}" for name, sizes in largest.items() if not any(sizes)]


def modules(cell: Cell) -> list[str]:
    """Of the cell's variants, and of the stem that all cells use."""
    chosen = zip((*AXES, "stem"), (*cell, "feature"), strict=True)
    return [variants(axis)[name].module for axis, name in chosen]


def failing(cells: list[Cell], passed: Passed) -> dict[Cell, list[str]]:
    """The faults of every cell that has not passed before with the source as it is."""
    spec, split = data()
    found = {}
    for cell in cells:
        if passed.before(" ".join(cell), modules(cell)):
            continue
        settings = config(cell)
        # A mechanism that reads its best keys alone may leave out a modality in one draw of the weights: what counts
        # is what goes wrong in all. Nearly all cells need the first draw only.
        wrong: list[str] = []
        for seed in range(3):
            torch.manual_seed(seed)
            again = faults(build(settings, spec), split, settings)
            wrong = [fault for fault in again if seed == 0 or fault in wrong or fault.startswith("diverged")]
            if not wrong or wrong[0].startswith("diverged"):
                break
        if wrong:
            found[cell] = wrong
        else:
            passed.note(" ".join(cell), modules(cell))
    return found


def test_the_sample_holds_every_pair_of_levels() -> None:
    grid = list(product(*LEVELS))
    assert {pair for cell in sample() for pair in pairs(cell)} == {pair for cell in grid for pair in pairs(cell)}
    assert len(sample()) < len(grid) / 4


@pytest.mark.slow
@pytest.mark.parametrize("attention", LEVELS[0])
def test_every_pair_of_levels_trains(attention: str, passed: Passed) -> None:
    assert failing([cell for cell in sample() if cell[0] == attention], passed) == {}


@pytest.mark.exhaustive
@pytest.mark.parametrize("attention", LEVELS[0])
def test_every_other_cell_trains(attention: str, passed: Passed) -> None:
    cells = [(attention, f, r) for f, r in product(*LEVELS[1:])]
    assert failing([cell for cell in cells if cell not in sample()], passed) == {}


def test_a_cell_that_fails_is_not_skipped_the_next_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    passed, cell = Passed(tmp_path, "tests.training.test_all_cells"), ("mean", "concat", "independent")
    calls = []

    def planted(model: nn.Module, split: Split, settings: TrialConfig) -> list[str]:
        calls.append(settings.seed)
        return ["planted"]

    with monkeypatch.context() as patch:
        patch.setitem(globals(), "faults", planted)
        for _ in range(2):
            assert failing([cell], passed) == {cell: ["planted"]}
        assert len(calls) == 2 * 3, "three draws of the weights, twice"
        patch.setitem(globals(), "faults", lambda *_: calls.append(0) or [])
        calls.clear()
        for _ in range(2):
            assert failing([cell], passed) == {}
        assert len(calls) == 1, "once it has passed it is not trained again"


def test_a_parameter_without_gradient_and_a_loss_that_is_not_finite_are_found() -> None:
    spec, split = data()
    settings = config(("mean", "concat", "independent"))
    idle = build(settings, spec)
    idle.idle = nn.Parameter(torch.ones(2))
    assert faults(idle, split, settings) == ["no gradient reaches idle"]

    zero = build(settings, spec)
    nn.init.zeros_(zero.fused.fusion.head[2].weight)
    nn.init.zeros_(zero.fused.fusion.head[0].weight)
    nn.init.zeros_(zero.fused.fusion.head[0].bias)
    assert "no gradient reaches fused.layers.0.out.by_key.a.weight" in faults(zero, split, settings)

    broken = build(settings, spec)
    nn.init.constant_(broken.fused.fusion.head[2].bias, math.inf)
    assert faults(broken, split, settings)[0].startswith("diverged")
