"""Models that are not deep, on the same prepared data: what deep models gain is measured against them.

A baseline is made as `SomeBaseline(**options)`; `model(seed, task)` is the scikit-learn estimator for such a task.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mmbench.config import Task


def predict_by(model: Any, x: np.ndarray, task: Task) -> np.ndarray:
    """Predictions of a fitted estimator in the form that `mmbench.metrics.scores` takes: (N, C), (N, L) or (N, K)."""
    if task.kind == "regression":
        return np.asarray(model.predict(x), dtype=np.float64).reshape(len(x), len(task.targets))
    known = np.asarray(model.predict_proba(x))
    if task.kind == "multilabel":
        return known
    # A class that the training split lacks has no column of its own.
    probabilities = np.zeros((len(x), len(task.targets)))
    probabilities[:, model.classes_] = known
    return probabilities


def linear_size(model: Any) -> tuple[int, int]:
    """The numbers of weights and of biases of a fitted linear estimator, at the end of a pipeline or not; 0, 0 for one
    that has none."""
    last = model.steps[-1][1] if hasattr(model, "steps") else model
    parts = getattr(last, "estimators_", [last])
    weights = [np.asarray(part.coef_) for part in parts if hasattr(part, "coef_")]
    return sum(w.size for w in weights), sum(len(np.atleast_2d(w)) for w in weights)
