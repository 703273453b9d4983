"""What guessing gets: the main metric of the best guess that is the same for every sample."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mmbench.schema.scores import better, scores
from mmbench.schema.task import Task


def chance(task: Task, labels: np.ndarray) -> float | None:
    """The best score of a constant guess on samples with these labels; None where the metric is not defined on them.

    The candidates hold a best one for every metric but a micro-F1 or exact match of labels that occur together oddly,
    where they hold the best of: the first k labels by frequency, for any k; the commonest set.
    """
    best: float | None = None
    for guess in _guesses(task, labels):
        outputs = np.broadcast_to(guess, (len(labels), len(guess)))
        found = scores(task, outputs, labels, only=(task.metric,)).get(task.metric)
        if found is not None and (best is None or better(task.metric, found, best)):
            best = found
    return best


def _guesses(task: Task, labels: np.ndarray) -> Iterator[np.ndarray]:
    if task.kind in ("classification", "binary"):
        # Accuracy and each F1 of a guess grow with how frequent it is; F1 of a binary task counts one class only.
        counts = np.bincount(labels, minlength=len(task.targets))
        for label in {int(counts.argmax()), *([1] if task.kind == "binary" else [])}:
            yield np.eye(len(task.targets))[label]
    elif task.kind == "multilabel":
        order = labels.mean(axis=0).argsort(kind="stable")[::-1]
        for k in range(len(order) + 1):
            yield np.isin(np.arange(len(order)), order[:k]).astype(float)
        sets, counts = np.unique(labels, axis=0, return_counts=True)
        yield sets[counts.argmax()].astype(float)
    else:
        yield np.median(labels, axis=0).astype(float)
        yield labels.mean(axis=0, dtype=float)
        if task.affect:
            yield from (np.array([float(n)]) for n in range(-3, 4))
