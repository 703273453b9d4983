"""Ensembles by greedy selection, and what tuning would have found with fewer configurations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import comb

import numpy as np
from numpy.typing import NDArray

ROUNDING = 1e-12
STEPS = 40
"""Members that are added, one by one; a model may be added again."""


def select(predictions: Sequence[NDArray[np.float64]], score: Callable[[NDArray[np.float64]], float]) -> list[int]:
    """How often each model is in the ensemble whose mean prediction scores best (Caruana et al. 2004, Ensemble
    Selection from Libraries of Models).

    predictions: of each model on the samples to select on, of one shape. score: more is better; NaN is the worst. The
    ensemble is the best of those after 1 to STEPS members, of equals the smallest.
    """

    def value(prediction: NDArray[np.float64]) -> float:
        found = score(prediction)
        return -np.inf if np.isnan(found) else found

    counts, total = [0] * len(predictions), np.zeros_like(predictions[0])
    best, best_value = counts, -np.inf
    for size in range(1, STEPS + 1):
        values = [value((total + p) / size) for p in predictions]
        added = int(np.argmax(values))
        total = total + predictions[added]
        counts = [n + (i == added) for i, n in enumerate(counts)]
        # By more than rounding: the same ensemble with every member twice is no better.
        if values[added] > best_value + ROUNDING:
            best, best_value = counts, values[added]
    return best


def mean_of(predictions: Sequence[NDArray[np.float64]], counts: Sequence[int]) -> NDArray[np.float64]:
    """The ensemble's prediction."""
    total = sum((n * p for n, p in zip(counts, predictions, strict=True)), np.zeros_like(predictions[0]))
    return np.asarray(total / sum(counts))


def expected_best(choosing: Sequence[float], reached: Sequence[float]) -> list[float]:
    """What the best of k of these K configurations reaches on average, for k = 1 to K, without bias.

    choosing: by which one is chosen, more is better, of equals the first; reached: what it then reaches. The mean over
    all subsets of k: an order statistic, which the plug-in estimator with replacement gets wrong, and which nothing
    tells beyond K (Tang et al. 2020, Showing Your Work Doesn't Always Work).
    """
    order = sorted(range(len(choosing)), key=lambda i: (choosing[i], -i))
    total = len(order)
    return [
        sum(comb(place, k - 1) * reached[i] for place, i in enumerate(order)) / comb(total, k)
        for k in range(1, total + 1)
    ]
