"""Summaries over data sets that no single outlier decides: inter-quartile mean, performance profile and probability of
improvement (Agarwal et al. 2021), each with a stratified bootstrap: seeds are drawn anew within each data set.

docs/decisions/0018-ranks-and-aggregates.md gives the reasons.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats as scipy_stats

from mmbench.report.scores.complete_block import Common
from mmbench.report.stats.paired import Floats, Ints
from mmbench.report.values.scale import Scale
from mmbench.report.values.sections import Aggregates, AggregateTable, Interval, Member
from mmbench.report.values.words import listing, sentence

RESAMPLES = 1000
SEED = 20211
TRIM = 0.25
CELLS = 6
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


def aggregate(factor: str, members: Mapping[str, Floats], scale: Scale, boot: Bootstrap) -> AggregateTable:
    """members: name -> runs (D, n, S), so turned that more is better, the n settings the same for all."""
    middle = {name: float(iqm(runs.ravel())) for name, runs in members.items()}
    order = sorted(members, key=lambda name: -middle[name])
    first = order[0]
    thresholds = thresholds_of(np.stack(list(members.values())))

    def turned(found: Interval) -> Interval:
        ends = [None if v is None else scale.oriented(v) for v in (found.low, found.high)]
        low, high = ends if scale.higher else reversed(ends)
        return Interval(value=scale.oriented(found.value), low=low, high=high)

    def member(name: str) -> Member:
        runs = members[name]
        low, high = boot.band(runs, thresholds)
        return Member(
            name=name,
            runs=runs.size,
            iqm=turned(boot.iqm(runs)),
            improvement=None if name == first else boot.improvement(members[first], runs),
            profile=tuple(profile(runs, thresholds).tolist()),
            profile_low=tuple(low.tolist()),
            profile_high=tuple(high.tolist()),
        )

    made = tuple(member(name) for name in order)
    return AggregateTable(
        factor=factor,
        members=made,
        first=first,
        contexts=next(iter(members.values())).shape[1],
        thresholds=tuple(scale.oriented(t) for t in thresholds.tolist()),
        finding=_finding(factor, made, scale),
    )


def _finding(factor: str, members: Sequence[Member], scale: Scale) -> str:
    """Which member's middle half is best, and how surely a run of it beats one of the next."""
    best, second = members[0], members[1]
    what = "of the best cells" if factor == "cell" else f"of {factor}"
    text = f"{best.name} has the best inter-quartile mean {what} ({scale.number(best.iqm.value)})"
    chance = second.improvement
    assert chance is not None
    said = f"a run of it beats one of {second.name} with probability {chance.value:.2f}"
    if chance.value < 0.5:
        # Its middle half is better, but run against run it loses more often: two sentences that seem to disagree.
        said = f"yet a run of it beats one of {second.name} with a probability of only {chance.value:.2f}"
    unclear = chance.low is not None and chance.high is not None and chance.low <= 0.5 <= chance.high
    return sentence(f"{text}; {said}{', which may be chance' if unclear else ''}")


def _heading(tables: Sequence[AggregateTable]) -> str:
    """Which levels lead their factor by more than what a coin toss would give."""
    if not tables:
        return "Summaries over data sets: nothing to summarise yet"
    leads = []
    for table in tables:
        chance = table.members[1].improvement
        assert chance is not None
        if table.factor != "cell" and (chance.value if chance.low is None else chance.low) > 0.5:
            leads.append(f"{table.first} leads {table.factor}")
    over = "by inter-quartile mean and probability of improvement over the data sets"
    return sentence(f"{listing(leads)} {over}") if leads else sentence(f"no level clearly leads {over}")


def aggregates(
    found: Common, levels: Mapping[str, Sequence[str]], best: Sequence[str], confidence: float
) -> Aggregates:
    """levels: factor -> levels in the plan's order. best: keys of the cells over all data sets, best first."""
    refused = None
    if len(found.datasets) < 2:
        refused = "Summaries over data sets need at least two data sets with complete cells."
    elif not found.keys or not found.seeds:
        refused = "Nothing is summarised: no cell is complete on every data set."
    elif len(found.seeds) < 2:
        refused = (
            "One seed: there is no spread over seeds to draw from, and an aggregate without an interval would pass for "
            "more than it is."
        )
    tables = []
    if refused is None:
        boot = bootstrap(len(found.datasets), len(found.seeds), confidence)
        for factor, order in levels.items():
            cells = found.matched(factor, order)
            if cells:
                runs = {level: found.values[:, index] for level, index in cells.items()}
                tables.append(aggregate(factor, runs, found.scale, boot))
        at = {k: i for i, k in enumerate(found.keys)}
        top = [k for k in best if k in at][:CELLS]
        if len(top) > 1:
            runs = {k: found.values[:, [at[k]]] for k in top}
            tables.append(aggregate("cell", runs, found.scale, boot))
        if not tables:
            refused = "Nothing is summarised: no two levels are complete in the same setting on every data set."
    said = _heading(tables)
    return Aggregates(
        datasets=found.datasets,
        seeds=found.seeds,
        scale=found.scale,
        tables=tuple(tables),
        refused=refused,
        dropped=found.dropped,
        finding=f"{said} (incomplete grid)" if tables and found.dropped else said,
    )
