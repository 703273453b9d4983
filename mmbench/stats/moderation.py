"""Variances of many methods, each from a few seeds: what all of them tell of each one.

Sources: Smyth 2004, Linear Models and Empirical Bayes Methods; Law et al. 2014, voom (a prior that follows the mean);
Phipson et al. 2016, Robust Hyperparameter Estimation (outliers do not decide how alike the others are).
"""

from __future__ import annotations

from functools import lru_cache

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
    median = np.array([_likely(float(d))[2] for d in df])
    # Without its median, which depends on the degrees of freedom, each is the logarithm of its own true variance.
    floor = 1e-5 * np.median(variance[variance > 0])
    level = np.log(np.maximum(variance, floor)) - median
    usual, used = _usual(level, df, mean)
    clipped = np.array([_clip(x, float(d)) for x, d in zip(level - usual, df, strict=True)])
    found = float(clipped.var(ddof=used))
    expected = np.mean([_likely(float(d))[0] for d in df], axis=0)
    if found <= expected[-1] * (1 + 1e-3):
        prior = np.inf
        common = np.exp(usual) if used > 1 else np.full_like(variance, np.average(variance, weights=df))
    else:
        # Falls as the prior grows.
        prior = float(np.exp(np.interp(-found, -expected[:-1], np.log(PRIORS[:-1]))))
        shift = np.array([np.interp(np.log(prior), np.log(PRIORS[:-1]), _likely(float(d))[1][:-1]) for d in df])
        common = np.exp(usual - shift)
    outlier = variance > common * stats.f.isf(OUTLIER / len(df), df, min(prior, 1e6))
    if np.isinf(prior):
        return np.where(outlier, variance, common), np.where(outlier, df, np.inf)
    mixed = np.maximum(variance, (prior * common + df * variance) / (prior + df))
    return mixed, np.where(outlier, df, prior + df)


def _usual(level: Floats, df: Floats, mean: Floats | None) -> tuple[Floats, int]:
    """The usual level for each method, and the number of parameters that were fitted."""
    middle = np.full_like(level, np.median(level))
    if mean is None or len(level) < TREND or np.ptp(mean) == 0:
        return middle, 1
    x = (mean - mean.mean()) / np.ptp(mean)
    fitted = middle
    for _ in range(3):
        # Outliers count no further out than clipping leaves them.
        near = fitted + np.array([_clip(r, float(d)) for r, d in zip(level - fitted, df, strict=True)])
        slope = float(x @ near / (x @ x))
        rest = near - near.mean() - slope * x
        error = float(rest @ rest / (len(x) - 2) / (x @ x))
        # Of a slope within two standard errors nothing is left: fitting noise would overstate what is known.
        kept = max(0.0, 1 - 4 * error / slope**2) if slope else 0.0
        fitted = kept * slope * x
        fitted = fitted + np.median(level - fitted)
    return fitted, 2 if kept else 1


def _clip(x: float, df: float) -> float:
    _, _, _, low, high = _likely(df)
    return min(max(x, low), high)


@lru_cache(maxsize=256)
def _likely(df: float) -> tuple[Floats, Floats, float, float, float]:
    """Of the logarithm of a sample variance, less its median if all true variances were equal.

    Returns, for each prior, the variance of it when it is clipped around its median, and that median; the median of
    the logarithm itself, and where it is clipped.
    """
    q = (np.arange(QUANTILES) + 0.5) / QUANTILES
    plain = np.log(stats.chi2.ppf(q, df) / df)
    median = float(np.log(stats.chi2.ppf(0.5, df) / df))
    low, high = (float(np.log(stats.chi2.ppf(p, df) / df)) - median for p in (CLIP, 1 - CLIP))
    variances, medians = [], []
    for prior in PRIORS:
        x = plain if np.isinf(prior) else np.log(stats.f.ppf(q, df, prior))
        centre = float(np.median(x))
        variances.append(float(np.clip(x - centre, low, high).var()))
        medians.append(centre - median)
    return np.array(variances), np.array(medians), median, low, high
