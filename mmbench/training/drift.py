"""A machine whose speed changes while many methods are timed in turn: what it was at each moment, taken out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter

NEIGHBOURS = 15
"""Times from which the speed at a moment is told: seconds apart, and of so many methods that none decides."""
PASSES = 4
"""Between what methods take and what the machine does; more change nothing that could be measured."""


def without_drift(methods: NDArray[np.intp], times: NDArray[np.float64]) -> NDArray[np.float64]:
    """The same times as if the machine had always been as fast as it usually was.

    methods: (N,) whose each time is, in the order in which they were taken, 0 <= method < M. times: (N,) above 0.

    What a time is above its method's median is the machine's doing as far as its neighbours, which are other methods',
    are above theirs too: a two-way fit by medians (Tukey 1977, median polish), along time with a running median.
    """
    logs = np.log(times)
    drift = np.zeros_like(logs)
    of_each = [np.flatnonzero(methods == m) for m in range(int(methods.max()) + 1)] if len(methods) else []
    for _ in range(PASSES):
        rest = np.empty_like(logs)
        for own in of_each:
            rest[own] = logs[own] - np.median(logs[own] - drift[own]) if len(own) else 0.0
        drift = median_filter(rest, size=NEIGHBOURS, mode="nearest")
    return np.exp(logs - drift)
