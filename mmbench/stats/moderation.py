"""Variances of many methods, each from a few seeds: what all of them tell of each one.

Sources: Smyth 2004, Linear Models and Empirical Bayes Methods; Law et al. 2014, voom (a prior that follows the mean);
Phipson et al. 2016, Robust Hyperparameter Estimation (outliers do not decide how alike the others are).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]

TREND = 8
"""Methods from which on the usual variance may follow the mean."""
CLIP = 0.05
"""The share of variances on each side that count no further out than where it ends."""
OUTLIER = 0.05
"""How rarely the largest of all variances is so large by chance, for it to speak for itself alone."""
PRIORS = np.append(np.geomspace(0.5, 2000, 80), np.inf)
"""Degrees of freedom of the prior that are considered: the larger, the more alike the methods are."""
QUANTILES = 400


def moderate(variance: Floats, df: Floats, mean: Floats | None = None) -> tuple[Floats, Floats]:
    """Draw variances, each with its degrees of freedom, up towards what is usual for a method with that mean.

    How much is estimated from how unequal they are. Unlike Smyth, none is drawn down: that would understate the noise
    of a method that truly is unstable. Returns the variances and their degrees of freedom, infinite where nothing
    speaks against one common variance.

    mean: of each method. Noise often follows it (methods that have learnt less are noisier); what it explains is no
    reason to know less of each.
    """
    boundless = np.full_like(variance, np.inf)
    if len(variance) < 3 or not (variance > 0).any():
        return np.full_like(variance, np.average(variance, weights=df)), boundless
    likely = [_likely(float(d)) for d in df]
    # Without its median, which depends on the degrees of freedom, each is the logarithm of its own true variance.
    floor = 1e-5 * np.median(variance[variance > 0])
    level = np.log(np.maximum(variance, floor)) - np.array([x.median for x in likely])
    usual, used = _usual(level, likely, mean)
    found = float(_clipped(level - usual, likely).var(ddof=used))
    expected = np.mean([x.clipped for x in likely], axis=0)
    if found <= expected[-1] * (1 + 1e-3):
        prior = np.inf
        common = np.exp(usual) if used > 1 else np.full_like(variance, np.average(variance, weights=df))
    else:
        # The more alike the methods are, the smaller it is.
        prior = float(np.exp(np.interp(-found, -expected[:-1], np.log(PRIORS[:-1]))))
        shift = np.array([np.interp(np.log(prior), np.log(PRIORS[:-1]), x.shift[:-1]) for x in likely])
        common = np.exp(usual - shift)
    outlier = variance > common * stats.f.isf(OUTLIER / len(df), df, min(prior, 1e6))
    if np.isinf(prior):
        return np.where(outlier, variance, common), np.where(outlier, df, np.inf)
    mixed = np.maximum(variance, (prior * common + df * variance) / (prior + df))
    return mixed, np.where(outlier, df, prior + df)


def _usual(level: Floats, likely: Sequence[_Likely], mean: Floats | None) -> tuple[Floats, int]:
    """The usual level for each method, and the number of parameters that were fitted."""
    middle = np.full_like(level, np.median(level))
    if mean is None or len(level) < TREND or np.ptp(mean) == 0:
        return middle, 1
    x = (mean - mean.mean()) / np.ptp(mean)
    fitted = middle
    for _ in range(3):
        # Outliers count no further out than clipping leaves them.
        near = fitted + _clipped(level - fitted, likely)
        slope = float(x @ near / (x @ x))
        rest = near - near.mean() - slope * x
        error = float(rest @ rest / (len(x) - 2) / (x @ x))
        # Of a slope within two standard errors nothing is left: fitting noise would overstate what is known.
        kept = max(0.0, 1 - 4 * error / slope**2) if slope else 0.0
        fitted = kept * slope * x
        fitted = fitted + np.median(level - fitted)
    return fitted, 2 if kept else 1


class _Likely(NamedTuple):
    """Of the logarithm of a sample variance with these degrees of freedom.

    median: where all true variances are one. low, high: where it is clipped, beside its median. clipped: its variance
    then, by prior; shift: by how much its median is another one, by prior.
    """

    median: float
    low: float
    high: float
    clipped: Floats
    shift: Floats


def _clipped(beside: Floats, likely: Sequence[_Likely]) -> Floats:
    """beside: the median."""
    return np.clip(beside, [x.low for x in likely], [x.high for x in likely])


@lru_cache(maxsize=256)
def _likely(df: float) -> _Likely:
    q = (np.arange(QUANTILES) + 0.5) / QUANTILES
    median, low, high = np.log(stats.chi2.ppf([0.5, CLIP, 1 - CLIP], df) / df).tolist()
    clipped, shift = [], []
    for prior in PRIORS:
        x = np.log(stats.chi2.ppf(q, df) / df if np.isinf(prior) else stats.f.ppf(q, df, prior))
        centre = float(np.median(x))
        clipped.append(float(np.clip(x - centre, low - median, high - median).var()))
        shift.append(centre - median)
    return _Likely(median, low - median, high - median, np.array(clipped), np.array(shift))
