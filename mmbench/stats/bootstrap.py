"""Inter-quartile mean, performance profile and probability of improvement (Agarwal et al. 2021), each with a stratified
bootstrap: seeds are drawn anew within each data set.

docs/decisions/0018-ranks-and-aggregates.md gives the reasons.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats as scipy_stats

from mmbench.stats.paired import Floats, Ints


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A number with the ends of its interval from a stratified bootstrap; the ends are None where no resample differs
    from another, which says nothing about the noise."""

    value: float
    low: float | None
    high: float | None


RESAMPLES = 1000


SEED = 20211


TRIM = 0.25


THRESHOLDS = 41


def iqm(runs: Floats) -> Floats:
    """Mean of the middle half of all runs. runs: (..., n)."""
    return np.asarray(scipy_stats.trim_mean(runs, TRIM, axis=-1), float)


def profile(runs: Floats, thresholds: Floats) -> Floats:
    """(T,) share of runs above each threshold, every data set with equal weight. runs: (D, n, S)."""
    return np.asarray(_above(runs, thresholds).mean((0, 1)), float)


def _above(runs: Floats, thresholds: Floats) -> Floats:
    """(D, S, T) share of the settings of a seed that lie above each threshold, without a (D, n, S, T) array."""
    ordered = np.sort(runs, axis=1)
    datasets, settings, seeds = runs.shape
    below = [
        [np.searchsorted(ordered[d, :, s], thresholds, side="right") for s in range(seeds)] for d in range(datasets)
    ]
    return 1 - np.array(below, float) / settings


def wins(first: Floats, second: Floats) -> Floats:
    """(D, S, S) probability that seed s of the first beats seed t of the second, over the settings; a tie is a half.

    first, second: (D, n, S), the same settings in the same order. Its mean over data sets and both seeds is the
    probability of improvement: the mean of Mann-Whitney's U over n * m.
    """
    return np.asarray((np.sign(first[..., :, None] - second[..., None, :]).mean(1) + 1) / 2, float)


def improvement(first: Floats, second: Floats) -> float:
    """Probability that a run of the first beats a run of the second on the same data set in the same setting."""
    return float(wins(first, second).mean())


@dataclass(frozen=True, kw_only=True)
class Bootstrap:
    """Seeds drawn with replacement within each data set, the same for all methods, since seeds are paired.

    One fewer than there are is drawn: so the spread of the resampled means is the standard error itself and not, as
    with all S, (S - 1) / S of its square (Rao and Wu 1988). drawn: (B, D, S - 1). quantile: Student's t with D (S - 1)
    degrees of freedom, since few seeds estimate that spread only roughly.
    """

    drawn: Ints
    seeds: int
    quantile: float

    @property
    def weights(self) -> Floats:
        """(B, D, S): how often each seed was drawn, as a share."""
        return np.asarray((self.drawn[..., None] == np.arange(self.seeds)).mean(2), float)

    def interval(self, value: float, resampled: Floats, low: float = -np.inf, high: float = np.inf) -> Interval:
        """Around `value`, kept within low and high; without ends where no resample differs from another."""
        spread = float(resampled.std(ddof=1))
        if spread < 1e-12:
            return Interval(value=value, low=None, high=None)
        half = self.quantile * spread
        return Interval(value=value, low=max(value - half, low), high=min(value + half, high))

    def iqm(self, runs: Floats) -> Interval:
        """runs: (D, n, S)."""
        at = np.arange(runs.shape[0])[:, None]
        by_seed = np.moveaxis(runs, 1, 2)  # (D, S, n)
        resampled = np.concatenate([iqm(by_seed[at, part].reshape(len(part), -1)) for part in self._batches(runs.size)])
        return self.interval(float(iqm(runs.ravel())), resampled)

    def _batches(self, size: int) -> list[Ints]:
        """Resamples in parts of at most about 2e6 runs."""
        return np.array_split(self.drawn, max(1, len(self.drawn) * size // 2_000_000))

    def improvement(self, first: Floats, second: Floats) -> Interval:
        found, weights = wins(first, second), self.weights
        resampled = np.einsum("bds,dst,bdt->b", weights, found, weights, optimize=True) / len(found)
        return self.interval(float(found.mean()), resampled, 0, 1)

    def band(self, runs: Floats, thresholds: Floats) -> tuple[Floats, Floats]:
        """Lower and upper end (T,) of the profile's band, threshold by threshold."""
        above = _above(runs, thresholds)
        half = self.quantile * np.einsum("bds,dst->bt", self.weights, above, optimize=True).std(0, ddof=1) / len(above)
        mean = above.mean((0, 1))
        return np.maximum(mean - half, 0), np.minimum(mean + half, 1)


def bootstrap(datasets: int, seeds: int, confidence: float, resamples: int = RESAMPLES) -> Bootstrap:
    """The same draws every time. Needs at least two seeds."""
    rng = np.random.default_rng([SEED, datasets, seeds])
    return Bootstrap(
        drawn=rng.integers(seeds, size=(resamples, datasets, seeds - 1)),
        seeds=seeds,
        quantile=float(scipy_stats.t.ppf((1 + confidence) / 2, datasets * (seeds - 1))),
    )


def thresholds_of(runs: Floats) -> Floats:
    """(THRESHOLDS,) evenly from the worst run to the best, those of the lowest twentieth left out: one run that never
    learned would squeeze all others against the edge."""
    return np.linspace(np.quantile(runs, 0.05), runs.max(), THRESHOLDS)
