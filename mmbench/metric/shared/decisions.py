"""What metrics of classes and labels share: decisions from probabilities, and means over labels."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np


def decisions(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The most probable class (N,), or the labels (N, L) that hold with at least 0.5; by the shape of the truth."""
    return probabilities.argmax(-1) if labels.ndim == 1 else (probabilities >= 0.5).astype(int)


def average_f1(probabilities: np.ndarray, labels: np.ndarray, average: str) -> float:
    """scikit-learn's F1 over all classes, those that do not occur included, or over all labels."""
    from sklearn.metrics import f1_score

    classes = list(range(probabilities.shape[1])) if labels.ndim == 1 else None
    guess = decisions(probabilities, labels)
    return float(f1_score(labels.astype(int), guess, average=average, labels=classes, zero_division=0))


def mean(values: Sequence[float]) -> float:
    """NaN of nothing."""
    return float(sum(values) / len(values)) if values else float("nan")


def mean_over_labels(score: Callable[..., float], probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Over the labels that hold for some samples and not for others."""
    labels = labels.astype(int)
    both = [i for i in range(labels.shape[1]) if 0 < labels[:, i].sum() < len(labels)]
    return mean([score(labels[:, i], probabilities[:, i]) for i in both])
