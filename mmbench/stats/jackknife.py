"""How far a score would be from itself on other test samples of the same kind, for any metric.

The delete-a-group jackknife: the test split is dealt into parts, the score is computed without each of them, and how
far it moves tells how far it would on other samples. Methods that are scored on the same parts can be compared: what is
hard for all of them cancels. Samples that belong together (of one speaker or site) are in one part. Quenouille 1956,
Notes on Bias in Estimation; Kott 2001, The Delete-a-Group Jackknife.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

PARTS = 40
"""So that the standard error itself is known to about a ninth."""


@dataclass(frozen=True, kw_only=True)
class OnSamples:
    """Of one data set. deviations: by method, (G,) of its score on parts of the test samples, so turned that more is
    better. groups: how many groups of samples that belong together there are; None where each stands for itself."""

    deviations: Mapping[str, NDArray[np.float64]]
    groups: int | None = None


def deal(samples: int, parts: int = PARTS) -> NDArray[np.intp]:
    """(N,) the part of each sample, the same whenever there are so many; parts are as large as each other, but for
    one sample."""
    return np.random.default_rng(0).permutation(np.arange(samples) % min(parts, samples)).astype(np.intp)


def deal_groups(groups: Sequence[int], parts: int = PARTS) -> NDArray[np.intp]:
    """(N,) the part of each sample; samples of one group are in one part, and parts are about as large as each other
    where there are more groups than parts."""
    numbers, group, sizes = np.unique(np.asarray(groups), return_inverse=True, return_counts=True)
    part, filled = np.zeros(len(numbers), np.intp), np.zeros(min(parts, len(numbers)), int)
    for g in np.argsort(-sizes, kind="stable"):
        part[g] = filled.argmin()
        filled[part[g]] += sizes[g]
    return part[group]


def deviations(score: Callable[[NDArray[np.bool_]], float], part: NDArray[np.intp]) -> NDArray[np.float64]:
    """(G,) one for each part: how far the score moves without it, times the other parts. The plain cluster jackknife:
    samples of one part may be alike, so that a large part does not vary less for being large. score: of the samples of
    a mask (N,); NaN where it is not defined on them."""
    count = int(part.max()) + 1
    if count < 2:
        return np.zeros(count)
    whole = score(np.ones(len(part), bool))
    without = np.array([score(part != g) for g in range(count)])
    return np.asarray((count - 1) * (whole - without), np.float64)


def standard_error(deviations: NDArray[np.float64]) -> float:
    """Of the score whose deviations these are (G,), or of a difference of two; NaN of fewer than two."""
    count = len(deviations)
    return float(np.sqrt((deviations**2).sum() / (count * (count - 1)))) if count > 1 else float("nan")


def half_width(deviations: NDArray[np.float64], confidence: float = 0.95) -> float:
    """Of the interval of that score or difference: Student's t with one degree of freedom for each part but one."""
    return standard_error(deviations) * float(stats.t.ppf((1 + confidence) / 2, max(1, len(deviations) - 1)))
