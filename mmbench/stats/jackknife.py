"""How far a score would be from itself on other test samples of the same kind, for any metric.

The delete-a-group jackknife: the test split is dealt into groups, the score is computed without each of them, and the
pseudo-values that follow vary as scores of a group would. Methods that are scored on the same groups can be compared:
what is hard for all of them cancels. Quenouille 1956, Notes on Bias in Estimation; Kott 2001, The Delete-a-Group
Jackknife.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

GROUPS = 40
"""So that the standard error itself is known to about a ninth."""


def deal(samples: int, groups: int = GROUPS) -> NDArray[np.intp]:
    """(N,) the group of each sample, the same whenever there are so many; groups are as large as each other, but for
    one sample."""
    return np.random.default_rng(0).permutation(np.arange(samples) % min(groups, samples)).astype(np.intp)


def pseudo_values(score: Callable[[NDArray[np.bool_]], float], group: NDArray[np.intp]) -> NDArray[np.float64]:
    """(G,) one for each group. score: of the samples of a mask (N,); NaN where it is not defined on them."""
    count = int(group.max()) + 1
    whole = score(np.ones(len(group), bool))
    without = np.array([score(group != g) for g in range(count)])
    return np.asarray(count * whole - (count - 1) * without, np.float64)


def standard_error(values: NDArray[np.float64]) -> float:
    """Of the mean of pseudo-values (G,), or of a difference of them; NaN of fewer than two."""
    return float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else float("nan")
