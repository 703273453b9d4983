"""What both correlations share."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mmbench.metric.shared.decisions import mean


def correlation(of: Callable[..., tuple[float, float]], values: np.ndarray, labels: np.ndarray) -> float:
    """The mean over targets; 0 for a target that is predicted by a constant (it orders nothing), NaN where the labels
    themselves do not vary."""
    each = []
    for y, x in zip(labels.astype(float).T, values.T, strict=True):
        if len(y) < 2 or np.ptp(y) == 0:
            return float("nan")
        # Differences that are rounding of a constant are none.
        each.append(0.0 if np.ptp(x) <= 1e-12 * np.abs(x).max(initial=0) else float(of(y, x)[0]))
    return mean(each)
