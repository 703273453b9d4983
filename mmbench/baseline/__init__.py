"""Models that are not deep, on the same prepared data: what deep models gain is measured against them.

A baseline is made as `SomeBaseline(**options)`; `model(seed, task)` is the scikit-learn estimator for such a task.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mmbench.schema.task import Task


def predict_by(model: Any, x: np.ndarray, task: Task) -> np.ndarray:
    """Predictions of a fitted estimator as `Metric.score` takes them: (N, C), (N, L) or (N, K)."""
    if task.kind == "regression":
        return np.asarray(model.predict(x), dtype=np.float64).reshape(len(x), len(task.targets))
    known = np.asarray(model.predict_proba(x))
    if task.kind == "multilabel":
        return known.astype(np.float64)
    # A class that the training split lacks has no column of its own.
    probabilities = np.zeros((len(x), len(task.targets)))
    # Estimators that work in float32 leave sums that are not quite one.
    probabilities[:, model.classes_] = known / known.sum(1, keepdims=True, dtype=np.float64)
    return probabilities


def linear_size(model: Any, task: Task) -> tuple[int, int]:
    """The numbers of weights and of biases of a fitted estimator, at the end of a pipeline or not. One without weights
    has one number a target."""
    last = model.steps[-1][1] if hasattr(model, "steps") else model
    parts = getattr(last, "estimators_", [last])
    weights = [np.asarray(part.coef_) for part in parts if hasattr(part, "coef_")]
    if not weights:
        return 0, len(task.targets)
    return sum(w.size for w in weights), sum(len(np.atleast_2d(w)) for w in weights)
