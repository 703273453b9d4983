"""From a model's outputs to predictions, and from predictions to scores. One place for training and for whatever
measures later, so that both find the same numbers bit by bit."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from mmbench.registry import get
from mmbench.schema.metric import METRICS, fitting
from mmbench.schema.task import Task, TaskKind

if TYPE_CHECKING:
    import numpy as np


def predictions(kind: TaskKind, outputs: np.ndarray) -> np.ndarray:
    """Outputs as they are kept (N, C) -> float64: probabilities of logits, numbers as they are."""
    import numpy as np

    x = np.asarray(outputs, np.float64)
    if kind in ("classification", "binary"):
        e = np.exp(x - x.max(-1, keepdims=True))
        return e / e.sum(-1, keepdims=True)
    if kind == "multilabel":
        # Exactly one half at zero, and never an overflow.
        e = np.exp(-np.abs(x))
        return np.where(x >= 0, 1.0, e) / (1.0 + e)
    return x


def score(name: str, task: Task, predictions: np.ndarray, labels: np.ndarray) -> float:
    """One metric; NaN where it is not defined on these samples. Raises whatever the metric raises."""
    return float(get("metric", name, where="a score").cls(task).score(predictions, labels))


def scores(
    task: Task, predictions: np.ndarray, labels: np.ndarray, only: Collection[str] | None = None
) -> dict[str, float]:
    """Every metric of the task that these samples can carry; one that is not defined on them is left out.

    Shapes are those of `Metric.score`. only: no others.
    """
    import numpy as np

    wanted = [name for name in fitting(task.kind, affect=task.affect) if only is None or name in only]
    found = {name: score(name, task, predictions, labels) for name in wanted}
    return {name: value for name, value in found.items() if np.isfinite(value)}


def better(name: str, a: float, b: float) -> bool:
    """Whether the score `a` is strictly better than `b`."""
    return a > b if METRICS[name].higher else a < b
