"""Trials on a GPU. Where there is none, what can be told without: that nothing is made beside the data's device."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from mmbench.data.batches import Split, as_split
from mmbench.data.prepared import SPLITS
from mmbench.model.build import build
from mmbench.model.interfaces import Values
from mmbench.schema.dataset import Modality, Normal
from mmbench.schema.result import State
from mmbench.training.captured import WARM, Capture, Graph, Results
from mmbench.training.group import fit as fit_group
from mmbench.training.history import Trained
from mmbench.training.loop import fit
from mmbench.training.objective import objective
from mmbench.training.sandbox import seed_everything
from tests.support import driver, small
from tests.training.test_all_cells import LEVELS, Cell, config, data
from tests.training.test_trial import numbers, trial

gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU on this machine")


def each_level_once() -> list[Cell]:
    """Cells that together hold every level of every axis."""
    first = [levels[0] for levels in LEVELS]
    return [tuple(x or y for x, y in zip(cell, first, strict=True)) for cell in zip_longest(*LEVELS)]  # type: ignore[misc]


def moved(split: Split, device: str) -> Split:
    inputs = {name: x.to(device) for name, x in split.inputs.items()}
    return Split(inputs=inputs, labels=split.labels.to(device), normal=split.normal)


def one_step(cell: Cell, device: str) -> float | None:
    """Forward and backward as in training; returns the loss, None where the device holds no numbers."""
    spec, split = data()
    split = moved(split, device)
    torch.manual_seed(0)
    model = build(config(cell), spec).to(device)
    inputs, labels = split.rows(torch.arange(len(split)).to(device))
    outputs = model(inputs)
    loss = objective(spec, split.labels).loss(outputs, labels)
    loss.backward()
    assert outputs.device.type == device
    assert all(p.grad is None or p.grad.device.type == device for p in model.parameters())
    return None if device == "meta" else loss.item()


@pytest.fixture
def no_autocast(monkeypatch: pytest.MonkeyPatch) -> None:
    """PyTorch cannot enter autocast for the device that holds no numbers, not even to turn it off."""
    monkeypatch.setattr(torch, "autocast", lambda *args, **options: contextlib.nullcontext())


@pytest.mark.slow
@pytest.mark.parametrize("cell", each_level_once(), ids=" ".join)
@pytest.mark.usefixtures("no_autocast")
def test_everything_is_made_on_the_device_of_the_data(cell: Cell) -> None:
    one_step(cell, "meta")


def test_a_tensor_on_another_device_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    from mmbench.attention.mean import Mean

    attend = Mean.attend

    def beside(self: Mean, values: Values, **options: bool) -> object:
        return attend(self, replace(values, v=values.v + torch.zeros(values.v.shape)), **options)

    monkeypatch.setattr(Mean, "attend", beside)
    with pytest.raises(RuntimeError, match="device"):
        one_step(("mean", "concat", "independent"), "meta")


@gpu
@pytest.mark.parametrize("cell", each_level_once(), ids=" ".join)
def test_a_step_is_that_of_the_cpu(cell: Cell) -> None:
    on_gpu, on_cpu = one_step(cell, "cuda"), one_step(cell, "cpu")
    assert on_gpu == pytest.approx(on_cpu, rel=1e-3)


def on_gpu() -> dict[str, Split]:
    normal = Normal(axis=1, mean=(0.0,) * 3, std=(1.0,) * 3)
    modalities = small.spec().modalities
    spec = small.spec(
        modalities=modalities | {"a": Modality(kind="feature", shape=(6, 3), normal=normal)},
    )
    return {name: as_split(spec, small.arrays(name), "cuda") for name in SPLITS}


@gpu
@pytest.mark.parametrize("precision", ["float32", "auto"])
def test_a_trial_learns_there_and_repeats_itself(precision: str) -> None:
    settings = small.config(train=small.training(precision=precision))
    first, second = trial(settings, on_gpu()), trial(settings, on_gpu())
    assert first.state is State.DONE, first.message
    assert numbers(first) == numbers(second)
    assert first.metrics["test"]["accuracy"] > 0.6
    assert first.provenance.hardware["gpu"] == torch.cuda.get_device_name(0)
    assert 0 < first.quantities["peak_memory"] < 2**30  # type: ignore[operator]


class Nothing:
    """Captures nothing, so that each operation is launched by itself."""

    def __init__(self) -> None:
        self.refusal: str | None = "a test"
        self.made: dict[object, tuple[Sequence[Tensor], Graph]] = {}

    def __call__(self, compute: Callable[[], Results], state: Sequence[Tensor]) -> Graph:
        raise AssertionError


def fitted(cell: Cell, capture: Capture | None, seeds: Sequence[int], precision: str) -> list[Trained]:
    """On a GPU: one model by itself, several as a group. Enough epochs for the part of a batch to be captured too."""
    spec, split = data()
    split = moved(split, "cuda")
    train = small.training(epochs=WARM + 3, batch_size=len(split) // 2 + 1, precision=precision, dropout=0.1)
    aim = objective(spec, split.labels)
    made = []
    for seed in seeds:
        seed_everything(seed, strict=True)
        made.append(build(config(cell), spec).to("cuda"))
    if len(seeds) == 1:
        return [fit(made[0], split, split, train, aim, seed=seeds[0], capture=capture)]
    found = fit_group(made, split, split, [train] * len(seeds), aim, seeds=seeds, capture=capture)
    assert all(isinstance(one, Trained) for one in found)
    return found  # type: ignore[return-value]


@gpu
@pytest.mark.parametrize("precision", ["float32", "auto"])
@pytest.mark.parametrize("seeds", [(0,), (0, 1, 2)], ids=["alone", "group"])
@pytest.mark.parametrize("cell", each_level_once(), ids=" ".join)
def test_graphs_find_what_is_found_without(cell: Cell, seeds: Sequence[int], precision: str) -> None:
    graphs, without = fitted(cell, None, seeds, precision), fitted(cell, Nothing(), seeds, precision)
    for one, other in zip(graphs, without, strict=True):
        assert one.uncaptured is None
        assert one.outputs.cpu().numpy() == pytest.approx(other.outputs.cpu().numpy(), rel=1e-2, abs=1e-2)
        for name, curve in one.curves.items():
            assert curve == pytest.approx(other.curves[name], rel=1e-2, abs=1e-2)


@gpu
def test_what_a_graph_cannot_wait_for_is_computed_and_the_next_training_has_graphs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """After a capture that failed, dropout still draws."""
    from mmbench.attention.scaled_dot_product import ScaledDotProduct

    attend = ScaledDotProduct.attend
    cell = ("scaled_dot_product", "concat", "independent")

    def looking(self: ScaledDotProduct, *args: Any, **options: Any) -> object:
        y, weights = attend(self, *args, **options)
        assert bool(y.isfinite().all())
        return y, weights

    with monkeypatch.context() as planted:
        planted.setattr(ScaledDotProduct, "attend", looking)
        (refused,) = fitted(cell, None, (0,), "float32")
    assert refused.uncaptured
    (after,) = fitted(cell, None, (0,), "float32")
    assert after.uncaptured is None
    assert after.outputs.cpu().numpy() == pytest.approx(refused.outputs.cpu().numpy(), rel=1e-2, abs=1e-2)


@gpu
@pytest.mark.parametrize("name", ["majority", "linear", "linear_late", "boosting", "kernel_svm"])
def test_baselines_read_from_there(name: str) -> None:
    result, as_ever = trial(small.baseline(name), on_gpu()), trial(small.baseline(name))
    assert result.state is State.DONE, result.message
    assert result.metrics["test"]["accuracy"] == pytest.approx(as_ever.metrics["test"]["accuracy"], abs=0.02)


@gpu
def test_out_of_memory_there_is_told_and_the_next_trial_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    from mmbench.attention.scaled_dot_product import ScaledDotProduct

    def greedy(self: ScaledDotProduct, *args: object, **options: object) -> object:
        return torch.empty(2**50, dtype=torch.uint8, device="cuda")

    with monkeypatch.context() as planted:
        planted.setattr(ScaledDotProduct, "attend", greedy)
        result = trial(small.config(), on_gpu())
    assert result.state is State.OUT_OF_MEMORY and "out of memory" in (result.message or "")
    assert trial(small.config(), on_gpu()).state is State.DONE


@gpu
def test_a_sweep_packs_trials_on_it(tmp_path: Path) -> None:
    root = driver.project(tmp_path / "project", sweep={"per_gpu": 3})
    sweep = driver.start(root)
    output, _ = sweep.communicate(timeout=300)
    assert sweep.returncode == 0, output
    assert "3 at a time" in output
    found = driver.results(root).values()
    assert {r.state for r in found} == {State.DONE}
    assert {r.provenance.hardware["gpu"] for r in found} == {torch.cuda.get_device_name(0)}
