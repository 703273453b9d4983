from __future__ import annotations

import numpy as np
import pytest
import torch

from mmbench.data.batches import Example, Split
from mmbench.model.baseline import BaselineModel
from mmbench.registry import Variant, variants
from mmbench.schema.dataset import Modality
from mmbench.schema.task import Task, task_of
from tests.support import small

CLASSES = task_of("classification", "abc")
TASKS = [CLASSES, task_of("multilabel", "abcd"), task_of("regression", "ab"), task_of("regression", "a")]


def labels(task: Task, x: np.ndarray) -> np.ndarray:
    """What a line through the first numbers tells."""
    if task.kind == "classification":
        return np.digitize(x[:, 0], [-0.5, 0.5])
    some = x[:, : len(task.targets)]
    return (some > 0).astype(np.float32) if task.kind == "multilabel" else 3 * some + 1


def split(x: np.ndarray, y: np.ndarray) -> Split:
    inputs = {"x": Example(values=torch.from_numpy(x.astype(np.float32))[:, None], mask=None)}
    return Split(inputs=inputs, labels=torch.from_numpy(y))


def fit(variant: Variant, task: Task, data: Split, **options: float) -> BaselineModel:
    spec = small.spec(modalities={"x": Modality(kind="feature", shape=(1, 5))}, task=task)
    model = BaselineModel(variant.cls(**options).model(7, task), spec)
    model.fit(data)
    return model


@pytest.mark.parametrize("task", TASKS, ids=lambda t: f"{t.kind}-{len(t.targets)}")
@pytest.mark.parametrize("variant", variants("baseline").values(), ids=lambda v: v.name)
def test_predicts_what_scores_take_and_repeats_itself(variant: Variant, task: Task) -> None:
    x = np.random.default_rng(0).normal(size=(60, 5))
    data = split(x, labels(task, x))
    fitted = [fit(variant, task, data) for _ in range(2)]
    a, b = (model(data.inputs) for model in fitted)
    assert a.shape == (60, len(task.targets)) and a.dtype == torch.float32
    assert a.isfinite().all()
    assert torch.equal(a, b)
    if task.kind != "regression":
        estimator, known = fitted[0].estimator, data.inputs["x"].values[:, 0].numpy()
        probabilities = torch.softmax(a.double(), 1) if task.kind == "classification" else torch.sigmoid(a.double())
        assert np.allclose(probabilities, estimator.predict_proba(known), atol=1e-6)
    assert fitted[0].size in ((0, len(task.targets)), (5 * len(task.targets), len(task.targets)))


def test_majority_ignores_its_input() -> None:
    model = variants("baseline")["majority"].cls().model(0, CLASSES)
    model.fit(np.zeros((5, 2)), np.array([1, 1, 1, 0, 2]))
    assert model.predict(np.random.default_rng(0).normal(size=(4, 2))).tolist() == [1, 1, 1, 1]


@pytest.mark.parametrize(("metric", "guess"), [("mae", 1.0), ("rmse", 3.0)])
def test_the_constant_guess_is_the_best_one_for_the_metric(metric: str, guess: float) -> None:
    model = variants("baseline")["majority"].cls().model(0, task_of("regression", "x", metric))
    model.fit(np.zeros((4, 2)), np.array([[1.0], [1.0], [1.0], [9.0]]))
    assert model.predict(np.zeros((1, 2))).item() == guess


@pytest.mark.parametrize("task", TASKS, ids=lambda t: f"{t.kind}-{len(t.targets)}")
def test_linear_finds_what_a_line_tells(task: Task) -> None:
    x = np.random.default_rng(0).normal(size=(400, 5))
    y = labels(task, x)
    data = split(x, y)
    found = fit(variants("baseline")["linear"], task, data, inverse_strength=1.0)(data.inputs).numpy()
    if task.kind == "regression":
        assert np.abs(found - y).mean() < 0.05
    else:
        truth = found.argmax(1) == y if task.kind == "classification" else (found > 0) == y
        assert truth.mean() > 0.9
