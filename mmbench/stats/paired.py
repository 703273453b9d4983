"""The statistics: intervals over few seeds, differences paired by seed. Plain arrays, no names.

docs/decisions/0004-report-statistics.md gives the reasons and what was rejected.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from mmbench.stats.estimates import Estimate, Verdict
from mmbench.stats.moderation import moderate

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]


OF_CHANGES = 0.99
"""Confidence of intervals of changes: of many differences those that change most are looked at, and the best of many
has been lucky."""


DUST = 1e-12
"""What rounding may leave of the difference of equal numbers, as a share of the numbers."""


def settled(delta: Floats, of: Floats) -> Floats:
    """Differences of such numbers, 0 where no more than rounding parts them: equal scores must not be told apart."""
    size = float(np.nanmax(np.abs(of), initial=0.0)) if np.size(of) else 0.0
    return np.asarray(np.where(np.abs(delta) <= DUST * size, 0.0, delta), float)


def _round(means: Floats) -> Floats:
    """To as many digits as mean something, so that means of equal scores are equal whatever their number."""
    size = float(np.nanmax(np.abs(means), initial=0.0)) if means.size else 0.0
    return np.round(means, 12 - math.floor(math.log10(size))) if size > 0 and math.isfinite(size) else means


@cache
def _quantile(confidence: float, df: int) -> float:
    """Of Student's t, for an interval of this confidence; scipy takes long for one."""
    return float(stats.t.ppf((1 + confidence) / 2, df))


def estimate(values: ArrayLike, confidence: float) -> Estimate | None:
    """Mean and Student-t half width over replicates; None without any. NaN is none."""
    # A report has hundreds of thousands of them, of a handful of numbers each: for those NumPy takes longer.
    x = [v for v in np.asarray(values, float).tolist() if not math.isnan(v)]
    n = len(x)
    if n == 0:
        return None
    mean = sum(x) / n
    half = None
    if n > 1:
        deviation = math.sqrt(sum([(v - mean) * (v - mean) for v in x]) / (n - 1))
        half = _quantile(confidence, n - 1) * deviation / math.sqrt(n)
    return Estimate(mean=mean, half=half, n=n)


def holm(p: ArrayLike) -> Floats:
    """Holm's adjusted p-values, in the order given."""
    x = np.asarray(p, float)
    order = np.argsort(x, kind="stable")
    adjusted = np.empty_like(x)
    adjusted[order] = np.minimum(np.maximum.accumulate(x[order] * np.arange(x.size, 0, -1)), 1)
    return adjusted


def verdict(mean: float, near: float | None, p: float | None, confidence: float, rope: float) -> Verdict:
    """What is known of a difference; see `Verdict`. near: half width of the interval of confidence 2 confidence - 1,
    within the margin if both one-sided tests reject; without a margin nothing is equal, however well the seeds agree.
    p: adjusted."""
    if near is not None and max(abs(mean - near), abs(mean + near)) <= rope > 0:
        return "equal"
    if p is not None and p < 1 - confidence and mean != 0:
        return "better" if mean > 0 else "worse"
    return "open"


def seeds_to_decide(mean: float, half: float, near: float, rope: float, seeds: int) -> int:
    """About how many seeds in all would decide a difference that stays as it is: find it real, or within the margin.

    half: what its distance from zero is held against; near: what its distance from the margin is held against.
    """
    found = [half / abs(mean)] if abs(mean) > 1e-9 else []
    found += [near / (rope - abs(mean))] if abs(mean) < rope - 1e-9 else []
    return math.ceil(seeds * min(found) ** 2) if found else 0


class Tested(NamedTuple):
    """K differences. half: of their intervals; near: of the narrower ones that decide on equality; p: two-sided. NaN
    with one replicate."""

    delta: Floats
    half: Floats
    near: Floats
    p: Floats


def test(delta: Floats, error: Floats, df: Floats | float, confidence: float) -> Tested:
    """error: squared standard errors; df: their degrees of freedom. Without any error every difference is real."""
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.where(error > 0, np.abs(delta) / np.sqrt(error), np.where(delta == 0, 0.0, np.inf))
    t = np.where(np.isnan(error), np.nan, t)
    half, near = (stats.t.ppf(q, df) * np.sqrt(error) for q in ((1 + confidence) / 2, confidence))
    return Tested(delta=delta, half=half, near=near, p=2 * stats.t.sf(t, df))


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


@dataclass(frozen=True, kw_only=True)
class Means:
    """Means of C methods, with what is needed to compare them.

    mean: (C,). error: (C,) squared standard error of each mean, apart from what all methods of a seed share; NaN with
    one seed. df: (C,) its degrees of freedom; limit: none of a combination exceeds it. seeds: (C,) of each method.
    """

    mean: Floats
    error: Floats
    df: Floats
    limit: float
    seeds: Floats
    confidence: float
    rope: float

    @property
    def replicates(self) -> int:
        """The seeds of the method that has fewest."""
        return int(self.seeds.min(initial=np.inf)) if len(self.seeds) else 0

    def _test(self, delta: Floats, parts: Floats, df: Floats) -> Tested:
        """Differences (K,) whose error is the sum of `parts` (K, n); df like parts."""
        error = parts.sum(1)
        with np.errstate(divide="ignore", invalid="ignore"):
            joint = np.minimum(error**2 / (parts**2 / df).sum(1), self.limit)
        return test(delta, error, np.where(error > 0, np.maximum(joint, 1), self.limit), self.confidence)

    def pairs(self, subject: Ints, reference: Ints) -> Tested:
        """Differences subject - reference (K,)."""
        both = np.stack([subject, reference], 1)
        delta = settled(self.mean[subject] - self.mean[reference], self.mean)
        found = self._test(delta, self.error[both], self.df[both])
        same = subject == reference
        return found._replace(
            half=np.where(same, 0, found.half), near=np.where(same, 0, found.near), p=np.where(same, 1, found.p)
        )

    def _alone(self, index: Ints) -> Floats:
        """Degrees of freedom in a sum over many methods: each one's own, since there are enough of them to add up."""
        return self.df[index] if len(index) <= 2 else self.seeds[index] - 1.0

    def groups(self, subject: Sequence[int], reference: Sequence[int]) -> Tested:
        """Difference of the mean of two groups of methods; a method may not be in both."""
        weight = np.zeros(len(self.mean))
        np.add.at(weight, np.asarray(subject, np.intp), 1 / len(subject))
        np.add.at(weight, np.asarray(reference, np.intp), -1 / len(reference))
        used = np.flatnonzero(weight)
        parts = (weight[used] ** 2 * self.error[used])[None]
        delta = settled(np.array([weight[used] @ self.mean[used]]), self.mean)
        return self._test(delta, parts, self._alone(used)[None])

    def change(self, weight: Floats) -> float:
        """Half width of the interval (`OF_CHANGES`) of how a weighted sum of methods (C,) changes to what one more seed
        of each has under another budget, with the noise that it has under this one. NaN with one seed."""
        used = np.flatnonzero(weight)
        parts = (weight[used] ** 2 * self.error[used] * (1 + self.seeds[used]))[None]
        sure = replace(self, confidence=OF_CHANGES)
        return float(sure._test(np.zeros(1), parts, self._alone(used)[None]).half[0])

    def average(self, group: Sequence[int]) -> Estimate:
        """Mean over a group of methods, with the interval for comparing it with other groups."""
        index = np.asarray(group, np.intp)
        parts = (self.error[index] / len(index) ** 2)[None]
        half = self._test(np.zeros(1), parts, self._alone(index)[None]).half[0]
        mean = float(self.mean[index].mean())
        return Estimate(mean=mean, half=None if np.isnan(half) else float(half), n=self.replicates)


def compare(scores: Floats, confidence: float, rope: float) -> Means:
    """scores (C, S): C methods on S seeds; NaN where a method was not run on a seed.

    Noise is what a cells x seeds layout leaves unexplained, so what a seed does to all methods alike cancels. Where
    methods were run on different seeds it does not cancel, and is left in the noise. Each method has its own variance,
    moderated towards the common one.
    """
    run = ~np.isnan(scores)
    seeds = run.sum(1).astype(float)
    methods, replicates = len(scores), int(seeds.min(initial=scores.shape[1]))
    mean = _round(np.array([row[own].mean() if own.any() else np.nan for row, own in zip(scores, run, strict=True)]))
    if methods < 2 or replicates < 2:
        return Means(
            mean=mean,
            error=np.full(methods, np.nan),
            df=np.full(methods, np.nan),
            limit=1.0,
            seeds=seeds,
            confidence=confidence,
            rope=rope,
        )
    residual = scores - mean[:, None]
    shared = 0
    if run.all():
        residual = residual - residual.mean(0, keepdims=True)
        shared = replicates - 1
    residual[~run | (np.abs(residual) <= DUST * np.nanmax(np.abs(scores), initial=0.0))] = 0
    limit = float((seeds - 1).sum() - shared)
    own = (residual**2).sum(1) / (seeds - 1) * ((seeds - 1).sum() / limit)
    variance, df = moderate(own, seeds - 1, mean)
    return Means(
        mean=mean,
        error=variance / seeds,
        df=np.minimum(df, limit),
        limit=limit,
        seeds=seeds,
        confidence=confidence,
        rope=rope,
    )


def macro(parts: Sequence[Means], rope: float) -> Means:
    """The mean over data sets of the same C methods. Its errors are of seed noise on these very data sets. rope: of
    these means."""
    n = len(parts)
    errors = np.stack([m.error for m in parts]) / n**2
    df = np.stack([m.df for m in parts])
    error = errors.sum(0)
    with np.errstate(divide="ignore", invalid="ignore"):
        joint = np.where(error > 0, error**2 / (errors**2 / df).sum(0), df.sum(0))
    return Means(
        mean=_round(np.mean([m.mean for m in parts], axis=0)),
        error=error,
        df=joint,
        limit=sum(m.limit for m in parts),
        seeds=np.min([m.seeds for m in parts], axis=0),
        confidence=parts[0].confidence,
        rope=rope,
    )
