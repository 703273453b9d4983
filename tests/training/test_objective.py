"""What is minimised, and what a trial of every type of task makes of it: each learns what is planted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from mmbench.data.batches import Split, as_split
from mmbench.schema.dataset import DataSpec, Normal
from mmbench.schema.plan import Job
from mmbench.schema.result import State, TrialResult
from mmbench.schema.task import Task, task_of
from mmbench.schema.trial import TrialConfig
from mmbench.training.objective import objective
from tests.support import small
from tests.support.run_trial import run

TASKS: dict[str, Task] = {
    "classification": task_of("classification", ("zero", "one", "two")),
    "binary": task_of("binary", ("less", "two"), "auroc"),
    "multilabel": task_of("multilabel", ("some", "both")),
    "regression": task_of("regression", ("sum", "twice"), "rmse"),
    "affect": task_of("regression", ("sum",), affect=True),
}


def labels(task: Task, total: np.ndarray) -> np.ndarray:
    """Targets that say the same as the sum of the two planted bits."""
    if task.kind == "classification":
        return total
    if task.kind == "binary":
        return (total == 2).astype(np.int64)
    if task.kind == "multilabel":
        return np.stack([total > 0, total == 2], 1).astype(np.int64)
    return np.stack([total - 1.0, 100 + 20.0 * total], 1)[:, : len(task.targets)].astype(np.float32)


def data(task: Task) -> tuple[DataSpec, dict[str, Split]]:
    """The small data with other targets, and with the first modality missing in every third sample."""
    arrays = {}
    for split, n in small.SIZES.items():
        arrays[split] = small.arrays(split)
        arrays[split]["label"] = labels(task, arrays[split]["label"])
        missing = np.arange(n) % 3 == 0
        arrays[split]["a.mask"] = arrays[split]["a.mask"] & ~missing[:, None]
    scale = None
    if task.kind == "regression":
        train = arrays["train"]["label"]
        scale = Normal(axis=0, mean=tuple(map(float, train.mean(0))), std=tuple(map(float, train.std(0))))
    spec = small.spec(task=task, scale=scale)
    return spec, {split: as_split(spec, x) for split, x in arrays.items()}


def trial(task: Task, config: TrialConfig) -> TrialResult:
    spec, splits = data(task)
    return run(Job(trial_id="t", config=config, data_hash="d", fingerprint="f"), spec, splits)


@pytest.mark.slow
@pytest.mark.parametrize("name", TASKS)
def test_every_type_of_task_learns_and_beats_the_constant_guess(name: str) -> None:
    task = TASKS[name]
    found = trial(task, small.config(train=small.training(epochs=8)))
    guess, linear = (trial(task, small.baseline(b)) for b in ("majority", "linear"))
    assert [r.state for r in (found, guess, linear)] == [State.DONE] * 3, [r.message for r in (found, guess, linear)]
    assert f"validation_{task.metric}" in found.curves
    loss = {"rmse": 0.8, "mae": 0.8}.get(task.metric)
    ours, theirs = found.metrics["test"][task.metric], guess.metrics["test"][task.metric]
    if loss is None:
        assert ours > theirs + 0.1
        assert linear.metrics["test"][task.metric] > theirs + 0.1
    else:
        assert ours < loss * theirs
        assert linear.metrics["test"][task.metric] < loss * theirs
    assert TrialResult.model_validate_json(found.model_dump_json()) == found


@pytest.mark.slow
@pytest.mark.parametrize("baseline", ["linear_late", "boosting", "kernel_svm"])
@pytest.mark.parametrize("name", TASKS)
def test_every_baseline_beats_the_constant_guess(name: str, baseline: str) -> None:
    """Also where a modality is missing in every third sample."""
    task = TASKS[name]
    guess, found = (trial(task, small.baseline(b)) for b in ("majority", baseline))
    assert found.state is State.DONE, found.message
    # By the loss, since an average of what modalities say of a sum alone is right more often in what is unsure.
    assert found.metrics["test"]["loss"] < 0.9 * guess.metrics["test"]["loss"]


def test_numbers_are_trained_in_normal_units_and_told_in_their_own() -> None:
    spec, splits = data(TASKS["regression"])
    aim = objective(spec, splits["train"].labels)
    y = splits["train"].labels
    normal = (y - y.mean(0)) / y.std(0, correction=0)
    assert aim.loss(normal, y).item() == pytest.approx(0, abs=1e-9)
    assert torch.allclose(aim.in_units(normal), y, atol=1e-3)
    assert aim.loss(torch.zeros_like(y), y).item() == pytest.approx(1, rel=1e-3)


@pytest.mark.parametrize(("name", "outputs"), [("classification", 3), ("multilabel", 2)])
def test_balanced_weights_undo_how_often_classes_occur(name: str, outputs: int) -> None:
    spec, _ = data(TASKS[name])
    g = torch.Generator().manual_seed(0)
    if name == "classification":
        y = torch.tensor([0] * 60 + [1] * 30 + [2] * 10)
        aim = objective(spec, y, balanced=True)
        x = torch.randn(100, outputs, generator=g)
        each = F.cross_entropy(x, y, reduction="none")
        wanted = torch.stack([each[y == c].mean() for c in range(3)]).mean()
    else:
        y = torch.zeros(100, 2)
        y[:20, 0], y[:50, 1] = 1, 1
        aim = objective(spec, y, balanced=True)
        assert aim.weight is not None and aim.weight.tolist() == [4, 1]
        x = torch.randn(100, outputs, generator=g)
        each = F.binary_cross_entropy_with_logits(x, y, reduction="none")
        wanted = (each * torch.where(y == 1, aim.weight, 1.0)).mean()
    assert torch.allclose(aim.loss(x, y), wanted, rtol=1e-5)
    assert not torch.allclose(objective(spec, y).loss(x, y), wanted, rtol=1e-3)


def test_a_class_that_training_lacks_still_has_its_column() -> None:
    task = task_of("classification", ("zero", "never", "one", "two"))
    spec, splits = data(task)
    moved: dict[str, Any] = {}
    for name, split in splits.items():
        y = torch.where(split.labels > 0, split.labels + 1, 0)
        moved[name] = Split(inputs=split.inputs, labels=y)
    result = run(Job(trial_id="t", config=small.baseline("linear"), data_hash="d", fingerprint="f"), spec, moved)
    assert result.state is State.DONE, result.message
    assert result.metrics["test"]["accuracy"] > 0.5
    assert "auroc" not in result.metrics["test"]


def test_smoothed_labels_are_those_of_the_formula() -> None:
    """A share of each label is spread over all classes; a yes or no moves half of it towards the other."""
    x = torch.randn(8, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    y = torch.tensor([0, 1, 2, 0, 1, 2, 0, 1])
    spec = small.spec(task=TASKS["classification"])
    aim = objective(spec, y, smoothing=0.1)
    target = 0.9 * F.one_hot(y, 3) + 0.1 / 3
    assert aim.training_loss(x, y).item() == pytest.approx(-(target * x.log_softmax(-1)).sum(-1).mean().item())
    assert aim.loss(x, y) == objective(spec, y).loss(x, y), "validation is held against the labels as they are"
    labels_NL = torch.tensor([[1.0, 0.0]] * 8, dtype=torch.float64)
    aim = objective(small.spec(task=TASKS["multilabel"]), labels_NL, smoothing=0.1)
    target = torch.tensor([[0.95, 0.05]] * 8, dtype=torch.float64)
    assert aim.training_loss(x[:, :2], labels_NL) == F.binary_cross_entropy_with_logits(x[:, :2], target)
    numbers = objective(small.spec(task=TASKS["regression"]), labels_NL, smoothing=0.1)
    assert numbers.training_loss(x[:, :2], labels_NL) == numbers.loss(x[:, :2], labels_NL)
