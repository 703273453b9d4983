"""The statistics: intervals over few seeds, differences paired by seed, tie groups. Plain arrays, no names.

docs/decisions/0004-report-statistics.md gives the reasons and what was rejected.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, special, stats

from mmbench.report.stats.estimates import Estimate, Verdict

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]


def estimate(values: ArrayLike, confidence: float) -> Estimate | None:
    """Mean and Student-t half width over replicates; None without any."""
    x = np.asarray(values, float)
    if x.size == 0:
        return None
    half = None
    if x.size > 1:
        half = float(stats.t.ppf((1 + confidence) / 2, x.size - 1) * x.std(ddof=1) / np.sqrt(x.size))
    return Estimate(mean=float(x.mean()), half=half, n=int(x.size))


def holm(p: ArrayLike) -> Floats:
    """Holm's adjusted p-values, in the order given."""
    x = np.asarray(p, float)
    order = np.argsort(x, kind="stable")
    adjusted = np.empty_like(x)
    adjusted[order] = np.minimum(np.maximum.accumulate(x[order] * np.arange(x.size, 0, -1)), 1)
    return adjusted


def holm_to_best(p: ArrayLike) -> Floats:
    """The same for the differences of n methods to the best of n + 1, which was picked from the same scores.

    Any of the n + 1 could have been picked, and each pair counts once: n (n + 1) / 2 comparisons at the first step.
    """
    adjusted = holm(p)
    return np.asarray(np.minimum(adjusted * (adjusted.size + 1) / 2, 1), float)


def verdict(mean: float, half: float | None, p: float | None, confidence: float, rope: float) -> Verdict:
    """Whether a difference is real, negligible or unclear; see `Verdict`. p: adjusted."""
    if half is not None and max(abs(mean - half), abs(mean + half)) <= rope:
        return "equal"
    if p is not None and p < 1 - confidence and mean != 0:
        return "better" if mean > 0 else "worse"
    return "unclear"


def common_block(done: NDArray[np.bool_]) -> tuple[Ints, Ints]:
    """The rows and seeds to compare: every row is done on every seed. done: (C, S).

    All seeds where at least most of the work is done on all of them; mid-run fewer seeds, if that keeps more results.
    """
    if not done.any():
        return np.array([], np.intp), np.array([], np.intp)
    order = np.argsort(-done.sum(0), kind="stable")
    complete = np.cumprod(done[:, order], axis=1)
    size = complete.sum(0) * np.arange(1, done.shape[1] + 1)
    k = len(size) - 1 - int(np.argmax(size[::-1]))
    return np.flatnonzero(complete[:, k]), np.sort(order[: k + 1])


def moderate(variance: Floats, df: float) -> tuple[Floats, float]:
    """Draw variances, each with `df` degrees of freedom, up towards their common value (Smyth 2004, empirical Bayes).

    How much is estimated from how unequal they are. Unlike Smyth, none is drawn down: that would understate the noise
    of a method that truly is unstable. Returns the variances and their degrees of freedom, infinite where nothing
    speaks against one common variance.
    """
    if len(variance) < 3 or not (variance > 0).any():
        return np.full_like(variance, variance.mean()), np.inf
    floor = 1e-5 * np.median(variance[variance > 0])
    spread = np.log(np.maximum(variance, floor)) - special.digamma(df / 2) + np.log(df / 2)
    excess = spread.var(ddof=1) - special.polygamma(1, df / 2)
    if excess <= 1e-3:
        return np.full_like(variance, variance.mean()), np.inf
    half_prior = optimize.brentq(lambda x: special.polygamma(1, x) - excess, 1e-6, 1e6)
    prior = 2 * half_prior
    common = np.exp(spread.mean() + special.digamma(half_prior) - np.log(half_prior))
    return np.maximum(variance, (prior * common + df * variance) / (prior + df)), prior + df


@dataclass(frozen=True, kw_only=True)
class Means:
    """Means of C methods that were run on the same seeds, with what is needed to compare them.

    mean: (C,). error: (C,) squared standard error of each mean, apart from what all methods of a seed share; NaN with
    one seed. df: (C,) its degrees of freedom; limit: none of a combination exceeds it. replicates: seeds.
    """

    mean: Floats
    error: Floats
    df: Floats
    limit: float
    replicates: int
    confidence: float
    rope: float

    def _test(self, delta: Floats, parts: Floats, df: Floats) -> tuple[Floats, Floats]:
        """Half widths and two-sided p of differences (K,) whose error is the sum of `parts` (K, n); df like parts."""
        error = parts.sum(1)
        with np.errstate(divide="ignore", invalid="ignore"):
            joint = np.minimum(error**2 / (parts**2 / df).sum(1), self.limit)
            joint = np.where(error > 0, np.maximum(joint, 1), self.limit)
            t = np.where(error > 0, np.abs(delta) / np.sqrt(error), np.where(delta == 0, 0.0, np.inf))
        t = np.where(np.isnan(error), np.nan, t)
        half = stats.t.ppf((1 + self.confidence) / 2, joint) * np.sqrt(error)
        return half, 2 * stats.t.sf(t, joint)

    def pairs(self, subject: Ints, reference: Ints) -> tuple[Floats, Floats, Floats]:
        """Differences subject - reference (K,), their half widths and p-values; NaN where there is one seed."""
        delta = self.mean[subject] - self.mean[reference]
        both = np.stack([subject, reference], 1)
        half, p = self._test(delta, self.error[both], self.df[both])
        same = subject == reference
        return delta, np.where(same, 0, half), np.where(same, 1, p)

    def _alone(self, index: Ints) -> Floats:
        """Degrees of freedom in a sum over many methods: each one's own, since there are enough of them to add up."""
        return self.df[index] if len(index) <= 2 else np.full(len(index), self.replicates - 1.0)

    def groups(self, subject: Sequence[int], reference: Sequence[int]) -> tuple[float, float, float]:
        """Difference of the mean of two groups of methods, its half width and p; a method may not be in both."""
        weight = np.zeros(len(self.mean))
        np.add.at(weight, np.asarray(subject, np.intp), 1 / len(subject))
        np.add.at(weight, np.asarray(reference, np.intp), -1 / len(reference))
        used = np.flatnonzero(weight)
        delta = float(weight @ self.mean)
        parts = (weight[used] ** 2 * self.error[used])[None]
        half, p = self._test(np.array([delta]), parts, self._alone(used)[None])
        return delta, float(half[0]), float(p[0])

    def average(self, group: Sequence[int]) -> Estimate:
        """Mean over a group of methods, with the interval for comparing it with other groups."""
        index = np.asarray(group, np.intp)
        parts = (self.error[index] / len(index) ** 2)[None]
        half, _ = self._test(np.zeros(1), parts, self._alone(index)[None])
        mean = float(self.mean[index].mean())
        return Estimate(mean=mean, half=None if np.isnan(half[0]) else float(half[0]), n=self.replicates)

    def tied(self, best: int, among: Ints) -> NDArray[np.bool_]:
        """Which of `among` cannot be told apart from the best of them, or differ by no more than the ROPE."""
        delta, half, p = self.pairs(np.full(len(among), best), among)
        other = among != best
        adjusted = np.ones(len(among))
        adjusted[other] = holm_to_best(p[other])
        inside = np.maximum(np.abs(delta - half), np.abs(delta + half)) <= self.rope
        return np.asarray((adjusted >= 1 - self.confidence) | inside | ~other, bool)

    def tiers(self, among: Ints) -> list[Ints]:
        """Tie groups from the top: the best and what cannot be told apart from it, then the same among the rest.

        Empty with one replicate: then nothing can be told apart and no group means anything.
        """
        if self.replicates < 2:
            return []
        tiers = []
        rest = among[np.argsort(-self.mean[among], kind="stable")]
        while len(rest):
            tied = self.tied(int(rest[0]), rest)
            tiers.append(rest[tied])
            rest = rest[~tied]
        return tiers


def compare(scores: Floats, confidence: float, rope: float) -> Means:
    """scores (C, S): C methods on the same S seeds.

    Noise is what a cells x seeds layout leaves unexplained, so what a seed does to all methods alike cancels. Each
    method has its own variance, moderated towards the common one.
    """
    methods, seeds = scores.shape
    limit = float((methods - 1) * (seeds - 1))
    if methods < 2 or seeds < 2:
        nothing = np.full(methods, np.nan)
        return Means(
            mean=scores.mean(1) if seeds else nothing,
            error=nothing,
            df=nothing,
            limit=1.0,
            replicates=seeds,
            confidence=confidence,
            rope=rope,
        )
    residual = scores - scores.mean(1, keepdims=True) - scores.mean(0, keepdims=True) + scores.mean()
    residual[np.abs(residual) < 1e-12] = 0
    own = (residual**2).sum(1) / (seeds - 1) * methods / (methods - 1)
    variance, df = moderate(own, seeds - 1)
    return Means(
        mean=scores.mean(1),
        error=variance / seeds,
        df=np.full(methods, min(df, limit)),
        limit=limit,
        replicates=seeds,
        confidence=confidence,
        rope=rope,
    )


def macro(parts: Sequence[Means]) -> Means:
    """The mean over data sets of the same C methods. Its errors are of seed noise on these very data sets."""
    n = len(parts)
    errors = np.stack([m.error for m in parts]) / n**2
    df = np.stack([m.df for m in parts])
    error = errors.sum(0)
    with np.errstate(divide="ignore", invalid="ignore"):
        joint = np.where(error > 0, error**2 / (errors**2 / df).sum(0), df.sum(0))
    return Means(
        mean=np.mean([m.mean for m in parts], axis=0),
        error=error,
        df=joint,
        limit=sum(m.limit for m in parts),
        replicates=min(m.replicates for m in parts),
        confidence=parts[0].confidence,
        rope=parts[0].rope,
    )
