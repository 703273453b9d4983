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

from mmbench.stats.estimates import Verdict
from mmbench.stats.paired import Floats, Ints, Means, holm, seeds_to_decide, settled

NODES = 24
"""Of each of the two quadratures; with them, and shares to two digits, small p-values are right to about 0.0003."""
SURE = 1e-4
"""Where Bonferroni's p, which is never smaller, is below it, there is no need for the exact one."""
INTERPOLATED = 129
"""Degrees of freedom for which quantiles are found exactly; those of more are interpolated between so many."""
MOST = 200
"""Comparisons for which the critical value is exact; with more it is Bonferroni's, which is hardly larger."""


@dataclass(frozen=True, kw_only=True)
class WithBest:
    """k methods, each against the best of the others.

    Attributes:
        p: (k,) Of "this one is the best", adjusted for the k - 1 comparisons; NaN with one replicate.
        p_worse: (k,) The same, adjusted for the k methods of which it is asked (Holm): none is called worse by chance.
        close: (k,) Whether it is within the margin of the method with the best mean, by two one-sided tests (TOST).
        best: Which method has the best mean.
        low, high: (k,) Simultaneous limits of its true mean minus that of the best other one. Hsu's limits, which never
            exclude zero on the side on which nothing was found.
        reach: (k,) Half widths of intervals of its true mean minus that of the method with the best mean, for all k at
            once; NaN of that one itself.
        first, last: (k,) The ranks that it may have: the first is 1 plus the number of methods that are surely ahead of
            it, the last k minus the number of those that are surely behind.
        decided_at: (k,) About how many seeds would decide whether it is worse or within the margin; 0: none would.
        rope, confidence: The margin, and how surely.
        equal: Whether methods within the margin of each other count as equal; that is open otherwise.
    """

    p: Floats
    p_worse: Floats
    close: NDArray[np.bool_]
    best: int
    low: Floats
    high: Floats
    reach: Floats
    first: Ints
    last: Ints
    decided_at: Ints
    rope: float
    confidence: float
    equal: bool = True

    def may_be_best(self) -> NDArray[np.bool_]:
        """The subset that holds the truly best method with this confidence."""
        return np.asarray(~(self.p < 1 - self.confidence), bool)

    def verdicts(self) -> list[Verdict]:
        """Of each method against the best. worse: surely not among the best; equal: within the margin of the one with
        the best mean, also where it is worse by less. That one is better where all others are worse, equal where all
        are decided."""
        worse = (self.p_worse < 1 - self.confidence) & ~self.close
        near: Verdict = "equal" if self.equal else "open"
        found: list[Verdict] = ["worse" if x else near if y else "open" for x, y in zip(worse, self.close, strict=True)]
        others = found[: self.best] + found[self.best + 1 :]
        if found:
            open_ = "open" in others
            found[self.best] = "open" if open_ else "equal" if "equal" in others else "better"
        return found


def with_best(means: Means, among: Ints, *, equal: bool = True) -> WithBest:
    """Compare each of these methods with all others of them. With one replicate or method nothing is known. equal: as
    in `WithBest`."""
    k = len(among)
    nothing, any_rank = np.full(k, np.nan), (np.ones(k, np.intp), np.full(k, k, np.intp))
    p, low, high, (first, last), decided = nothing, nothing.copy(), nothing.copy(), any_rank, np.zeros(k, np.intp)
    best, reach = int(means.mean[among].argmax()) if k else 0, nothing.copy()
    if k > 1 and means.replicates > 1:
        mean, error, df = means.mean[among], means.error[among], np.minimum(means.df[among], means.limit)

        def against(i: int) -> _Against:
            others = np.arange(k) != i
            return _Against(mean[i], error[i], df[i], mean[others], error[others], df[others], means)

        p, low, high = np.empty(k), np.empty(k), np.empty(k)
        for i in range(k):
            found = against(i)
            p[i], (low[i], high[i]) = found.p(), found.limits()
            if i != best:
                reach[i] = found.reach()[best - (best > i)]
            first[i], last[i] = found.ranks()
        # Holm's method asks for as much more of a p-value as there are larger ones.
        for i, left in zip(np.argsort(p, kind="stable").tolist(), range(k, 0, -1), strict=True):
            decided[i] = against(i).decided_at(left, equal)
    # Hsu's limits stop at zero: being ahead is claimed only of a method that is ahead of all others, and the reverse.
    return WithBest(
        p=p,
        p_worse=p if np.isnan(p).any() else holm(p),
        close=_close(means, among, best),
        best=best,
        low=np.minimum(low, 0.0),
        high=np.maximum(high, 0.0),
        reach=reach,
        first=first,
        last=last,
        decided_at=decided,
        rope=means.rope,
        confidence=means.confidence,
        equal=equal,
    )


def _close(means: Means, among: Ints, best: int) -> NDArray[np.bool_]:
    if len(among) < 2 or means.replicates < 2 or means.rope == 0:
        return np.zeros(len(among), bool)
    found = means.pairs(among, np.full(len(among), among[best]))
    return np.asarray(np.abs(found.delta) + found.near <= means.rope, bool)


class _Against:
    """One method against all others."""

    def __init__(
        self, mean: float, error: float, df: float, others: Floats, errors: Floats, dfs: Floats, means: Means
    ) -> None:
        total = error + errors
        self.means, self.ahead, self.noisy = means, settled(others - mean, means.mean), bool(total.any())
        self.scale = np.sqrt(np.maximum(total, 1e-24))
        with np.errstate(divide="ignore", invalid="ignore"):
            joint = np.where(total > 0, total**2 / (error**2 / df + errors**2 / dfs), means.limit)
        # Each difference has degrees of freedom of its own (Games and Howell 1976): one unsteady method must not make
        # comparisons between steady ones as unsure as those with it. All are held to the tails of the steadiest.
        self.dfs = np.clip(joint, 1, means.limit).round(2)
        self.freedom = float(self.dfs.max())
        self.shared = _shares(np.sqrt(error) / self.scale)

    def p(self) -> float:
        """Of "this one is the best"."""
        if not self.noisy:
            # Without any noise every difference counts.
            return float((self.ahead <= 0).all())
        tails = special.stdtr(self.dfs, -self.ahead / self.scale)
        p = min(1.0, float(tails.min()) * len(self.ahead))
        t = -float(special.stdtrit(self.freedom, tails.min()))
        return p if p <= SURE or len(self.ahead) == 1 else 1 - _probability(t, self.shared, self.freedom)

    def limits(self) -> tuple[float, float]:
        """Of its mean minus that of the best other one."""
        if not self.noisy:
            return float(-self.ahead.max()), float(-self.ahead.max())
        reach = self.reach()
        return float((-self.ahead - reach).min()), float((-self.ahead + reach).min())

    def reach(self) -> Floats:
        """How far each difference may be from what was found."""
        return self._reach(self.means.confidence) if self.noisy else np.zeros(len(self.ahead))

    def ranks(self) -> tuple[int, int]:
        """The first and the last that it may have. Two-sided, so each side gets half of the error."""
        reach = self._reach((1 + self.means.confidence) / 2) if self.noisy else 0.0
        return 1 + int((self.ahead > reach).sum()), 1 + len(self.ahead) - int((self.ahead < -reach).sum())

    def decided_at(self, family: int, equal: bool) -> int:
        """About how many seeds of every method would decide whether it is worse or within the margin. family: of how
        many methods "worse" is asked, which asks for more; of the margin it is asked one by one, where that counts."""
        at = int(self.ahead.argmax())
        if self.ahead[at] <= 0:
            at = int(np.abs(self.ahead).argmin())
        if not self.noisy:
            return 0
        confidence, k = self.means.confidence, len(self.ahead)
        half = -float(special.stdtrit(self.dfs[at], (1 - confidence) / family / k) * self.scale[at])
        near = -float(special.stdtrit(self.dfs[at], 1 - confidence) * self.scale[at])
        rope = self.means.rope if equal else 0.0
        return seeds_to_decide(float(self.ahead[at]), half, near, rope, self.means.replicates)

    def _reach(self, confidence: float) -> Floats:
        """The same, this surely."""
        tail = float(special.stdtr(self.freedom, -_critical(confidence, self.shared, self.freedom)))
        return np.asarray(quantiles(tail, self.dfs) * self.scale)


def quantiles(tail: float, dfs: Floats) -> Floats:
    """Student's t that has this probability above it, for each of these degrees of freedom (at least 1).

    Of many they are interpolated, as logarithms over 1 / df, with an error of less than 0.05 % where the tail is at
    least 1e-9: with 1,734 methods there are millions.
    """
    if len(dfs) <= INTERPOLATED:
        return np.asarray(-special.stdtrit(dfs, tail))
    inverse = np.linspace(0, 1, INTERPOLATED)
    known = np.log(-special.stdtrit(1 / np.maximum(inverse, 1e-9), tail))
    return np.asarray(np.exp(np.interp(1 / dfs, inverse, known)))


Shares = tuple[tuple[float, int], ...]
"""The square root of the common method's share in the variance of a difference, and how many differences have it."""


def _shares(shared: Floats) -> Shares:
    """To two digits: then their number, and so the time, hardly grows with that of the methods."""
    values, counts = np.unique(np.round(shared, 2), return_counts=True)
    return tuple(zip(values.tolist(), counts.tolist(), strict=True))


@lru_cache(maxsize=4096)
def _critical(confidence: float, shared: Shares, df: float) -> float:
    """The value that no statistic exceeds with this probability."""
    # Between one comparison, and as many independent ones as Bonferroni allows for.
    many = sum(n for _, n in shared)
    low, high = (-special.stdtrit(df, error) for error in (1 - confidence, (1 - confidence) / many))
    if many > MOST or high - low < 1e-9:
        return float(high)
    # As normal quantiles, in which it is nearly a straight line.
    target = special.ndtri(confidence)
    return float(
        optimize.brentq(
            lambda c: special.ndtri(_probability(c, shared, df)) - target, low - 0.01, high + 0.01, xtol=1e-3
        )
    )


def _probability(limit: float, shared: Shares, df: float) -> float:
    """That max_j T_j <= limit, where T_j = (Z_j - shared_j Z) / S: normal differences to one common method, divided by
    one estimate of their noise with `df` degrees of freedom."""
    z, weight_z = _normal_nodes()
    s, weight_s = _chi_nodes(round(df, 3))
    share, times = np.array(shared).T
    own = np.sqrt(np.maximum(1 - share**2, 1e-12))
    # (S, Z, shares): given the common method's deviation and the noise, the statistics are independent.
    inside = special.log_ndtr((limit * s[:, None, None] + share * z[None, :, None]) / own) @ times
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
