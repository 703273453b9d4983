"""Comparisons with the best: which of k methods may be the best, and how far each may be from the best of the others.

Only k - 1 one-sided comparisons matter for each method, those of it with every other one, where comparing all pairs
corrects for k (k - 1) / 2 two-sided ones. Sources: Gupta 1965, On Some Multiple Decision (Selection and Ranking) Rules;
Hsu 1984, Constrained Simultaneous Confidence Intervals for Multiple Comparisons with the Best; Dunnett 1955.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special, stats

from mmbench.report.stats.paired import Floats, Ints, Means

NODES = 48
"""Of each of the two quadratures; with them the probabilities are right to about five digits."""
SURE = 1e-4
"""Where Bonferroni's p, which is never smaller, is below it, there is no need for the exact one."""
MOST = 200
"""Comparisons for which the critical value is exact; with more it is Bonferroni's, which is hardly larger."""


@dataclass(frozen=True, kw_only=True)
class WithBest:
    """k methods, each against the best of the others.

    Attributes:
        p: (k,) Of "this one is the best", adjusted for the k - 1 comparisons; NaN with one replicate.
        low, high: (k,) Simultaneous limits of its true mean minus that of the best other one. Hsu's limits, which never
            exclude zero on the side on which nothing was found.
    """

    p: Floats
    low: Floats
    high: Floats

    def may_be_best(self, confidence: float) -> NDArray[np.bool_]:
        """The subset that holds the truly best method with this probability."""
        return np.asarray(~(self.p < 1 - confidence), bool)


def with_best(means: Means, among: Ints) -> WithBest:
    """Compare each of these methods with all others of them. With one replicate or method nothing is known."""
    k = len(among)
    unknown = np.full(k, np.nan)
    if k < 2 or means.replicates < 2:
        return WithBest(p=unknown, low=unknown, high=unknown)
    mean, error, df = means.mean[among], means.error[among], np.minimum(means.df[among], means.limit)
    p, low, high = np.empty(k), np.empty(k), np.empty(k)
    for i in range(k):
        others = np.arange(k) != i
        p[i], low[i], high[i] = _against(mean[i], error[i], df[i], mean[others], error[others], df[others], means)
    # Hsu's limits stop at zero: being ahead is claimed only of a method that is ahead of all others, and the reverse.
    return WithBest(p=p, low=np.minimum(low, 0.0), high=np.maximum(high, 0.0))


def _against(
    mean: float, error: float, df: float, others: Floats, errors: Floats, dfs: Floats, means: Means
) -> tuple[float, float, float]:
    """p of "this one is the best", and the limits of its mean minus that of the best other one."""
    total = error + errors
    scale = np.sqrt(np.maximum(total, 1e-24))
    with np.errstate(divide="ignore", invalid="ignore"):
        joint = np.where(total > 0, total**2 / (error**2 / df + errors**2 / dfs), means.limit)
    freedom = float(np.clip(joint, 1, means.limit).min())
    if not total.any():
        # Without any noise every difference counts.
        ahead = others - mean
        return float((ahead <= 0).all()), float(-ahead.max()), float(-ahead.max())
    shared = np.sqrt(error) / scale
    t = float(((others - mean) / scale).max())
    p = min(1.0, float(stats.t.sf(t, freedom)) * len(others))
    if p > SURE:
        p = 1 - _probability(t, shared, freedom)
    reach = _critical(means.confidence, shared, freedom) * scale
    return p, float((mean - others - reach).min()), float((mean - others + reach).min())


def _critical(confidence: float, shared: Floats, df: float) -> float:
    """The value that no statistic exceeds with this probability."""
    key = tuple(np.round(np.sort(shared), 4).tolist())
    return _solve(confidence, key, round(df, 3))


@lru_cache(maxsize=4096)
def _solve(confidence: float, shared: tuple[float, ...], df: float) -> float:
    rho = np.array(shared)
    # Between one comparison, and as many independent ones as Bonferroni allows for.
    low, high = stats.t.ppf(confidence, df), stats.t.ppf(1 - (1 - confidence) / len(rho), df)
    if len(rho) > MOST or high - low < 1e-9:
        return float(high)
    return float(optimize.brentq(lambda c: _probability(c, rho, df) - confidence, low - 1e-3, high + 1e-3, xtol=1e-4))


def _probability(limit: float, shared: Floats, df: float) -> float:
    """That max_j T_j <= limit, where T_j = (Z_j - shared_j Z) / S: normal differences to one common method, divided by
    one estimate of their noise with `df` degrees of freedom. shared: (k - 1,) the square root of the common method's
    share in the variance of each difference."""
    z, weight_z = _normal_nodes()
    s, weight_s = _chi_nodes(round(df, 3))
    own = np.sqrt(np.maximum(1 - shared**2, 1e-12))
    # (S, Z, k - 1): given the common method's deviation and the noise, the statistics are independent.
    inside = special.log_ndtr((limit * s[:, None, None] + shared * z[None, :, None]) / own).sum(-1)
    return float(weight_s @ (np.exp(inside) @ weight_z))


@lru_cache(maxsize=1)
def _normal_nodes() -> tuple[Floats, Floats]:
    nodes, weights = np.polynomial.hermite_e.hermegauss(NODES)
    return nodes, weights / weights.sum()


@lru_cache(maxsize=512)
def _chi_nodes(df: float) -> tuple[Floats, Floats]:
    """Of sqrt(chi2 / df): Gauss and Legendre's nodes on the scale of its cumulative probability."""
    if df > 1e5:
        return np.ones(1), np.ones(1)
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    return np.sqrt(stats.chi2.ppf((nodes + 1) / 2, df) / df), weights / 2
