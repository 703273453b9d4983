"""The records of the report's sections: what each of them shows, computed once. `Analysis` holds them all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mmbench.report.stats.estimates import Difference, Estimate
from mmbench.report.values.scale import Scale


@dataclass(frozen=True, kw_only=True)
class Question:
    """One of the article's questions. per_dataset: differences by data set; overall: over data sets (n = data sets).

    scales: of per_dataset, by data set; scale: of overall. name: "attention" (each mechanism against `mean`), "fusion"
    (families pairwise), "architecture" (pairwise), "multimodal" (best cell, and each fusion, against the best single
    modality). finding: a heading that states the answer; sentences: one per data set or pair. dropped: what could not
    be paired, in words.
    """

    name: str
    title: str
    finding: str
    sentences: tuple[str, ...]
    per_dataset: Mapping[str, tuple[Difference, ...]]
    overall: tuple[Difference, ...]
    scales: Mapping[str, Scale]
    scale: Scale
    dropped: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class LevelMean:
    """Marginal mean of one level: over the settings of the other factors that every level has (`contexts`)."""

    factor: str
    level: str
    score: Estimate
    contexts: int


@dataclass(frozen=True, kw_only=True)
class Term:
    """One line of the variance table. factors: ("attention",), ("attention", "fusion"), ("attention", "dataset"), ...

    share: of the total sum of squares; omega2: ω² (share of variance, unbiased for few runs, may be slightly below 0:
    then 0). p: F test against seed noise. The line with factors ("seed noise",) has share only.
    """

    factors: tuple[str, ...]
    label: str
    df: int
    share: float
    omega2: float | None
    p: float | None


@dataclass(frozen=True, kw_only=True)
class PairMean:
    """Mean score of two levels together, for interaction plots; over the third factor's common levels."""

    factors: tuple[str, str]
    levels: tuple[str, str]
    score: Estimate


@dataclass(frozen=True, kw_only=True)
class EffectTable:
    """Main effects and interactions on one data set, or with data set as block (dataset = None).

    dropped: the cells that were left out, in words; empty on a complete grid. scale: of the means.
    """

    dataset: str | None
    scale: Scale
    means: tuple[LevelMean, ...]
    pairs: tuple[PairMean, ...]
    terms: tuple[Term, ...]
    noise_share: float | None
    finding: str
    dropped: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Effects:
    """winner_changes: True when no cell is in the tie group of every data set. None with one data
    set."""

    per_dataset: tuple[EffectTable, ...]
    blocked: EffectTable | None
    winner_changes: bool | None
    winner_sentence: str


@dataclass(frozen=True, kw_only=True)
class Growth:
    """cost ~ length^exponent, fitted over the lengths first ... last. half: of the 95 % interval, None with two."""

    exponent: float
    half: float | None
    first: int
    last: int


@dataclass(frozen=True, kw_only=True)
class LengthRow:
    """What one attention costs as sequences grow; one value a measured length, in seconds and bytes.

    training: forward and backward. last_...: at the report's greatest length, None where it did not get there. speedup:
    against the exact softmax, same length, same run. stopped_at: the first length that was not measured, and why.
    """

    attention: str
    lengths: tuple[int, ...]
    forward: tuple[float, ...]
    training: tuple[float, ...]
    memory: tuple[int, ...]
    time_growth: Growth | None
    memory_growth: Growth | None
    last_training: float | None
    last_memory: int | None
    speedup: float | None
    stopped_at: int | None
    why: str | None
    message: str | None


@dataclass(frozen=True, kw_only=True)
class LengthReport:
    """One profile of all mechanisms on one device. fitted_from: tokens from which exponents are fitted."""

    device: str
    conditions: str
    fitted_from: int
    lengths: tuple[int, ...]
    longest: int
    reference: str
    rows: tuple[LengthRow, ...]
    finding: str


@dataclass(frozen=True, kw_only=True)
class LevelRank:
    """One level of a factor. mean_rank: over data sets (1 is best). per_dataset: its rank on each."""

    level: str
    mean_rank: float
    per_dataset: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class RankPair:
    """Two levels over data sets, the better-ranked first. p: exact Wilcoxon signed-rank; p_holm: over the pairs of the
    factor. apart: p_holm is below 1 - confidence."""

    first: str
    second: str
    p: float
    p_holm: float
    apart: bool


@dataclass(frozen=True, kw_only=True)
class RankTable:
    """The levels of one factor ranked on every data set; the data set is the unit.

    levels: by mean rank. contexts: settings of the other factors over which a level is averaged on a data set.
    friedman: its p-value, None for two levels. pairs: empty where they are not tested. groups: levels that cannot be
    told apart from one another, from the top; one level may be in several; empty where nothing is tested. withheld: why
    no p-value is shown, with the smallest attainable; None where tests are shown. least: that smallest p-value, after
    Holm. needed: data sets from which it can fall below 1 - confidence.
    """

    factor: str
    levels: tuple[LevelRank, ...]
    contexts: int
    friedman: float | None
    pairs: tuple[RankPair, ...]
    groups: tuple[tuple[str, ...], ...]
    withheld: str | None
    least: float
    needed: int
    finding: str


@dataclass(frozen=True, kw_only=True)
class Ranks:
    """A table a factor. refused: why there is none, in words. dropped: what the ranks leave out, in words; never empty
    where anything declared is missing from them. by: what is averaged before levels are ranked ("accuracy", "rank")."""

    datasets: tuple[str, ...]
    tables: tuple[RankTable, ...]
    by: str
    refused: str | None
    dropped: tuple[str, ...]
    finding: str


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A number with the ends of its interval from a stratified bootstrap; the ends are None where no resample differs
    from another, which says nothing about the noise."""

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True, kw_only=True)
class Member:
    """A level, or a cell. runs: that went in. iqm: inter-quartile mean. improvement: probability that a run of the
    table's first member beats one of this in the same setting on the same data set, a tie counting half; None for the
    first itself. profile: share of the runs that score better than each threshold; profile_low, profile_high: band."""

    name: str
    runs: int
    iqm: Interval
    improvement: Interval | None
    profile: tuple[float, ...]
    profile_low: tuple[float, ...]
    profile_high: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class AggregateTable:
    """The levels of one factor, or the best cells (factor = "cell"), by inter-quartile mean, best first.

    thresholds: of the profiles, as scores read. first: the member that all improvements speak of.
    """

    factor: str
    members: tuple[Member, ...]
    first: str
    contexts: int
    thresholds: tuple[float, ...]
    finding: str


@dataclass(frozen=True, kw_only=True)
class Aggregates:
    """A table a factor, then the best cells. scale: of inter-quartile means and thresholds. seeds: that are resampled.
    refused, dropped: as in Ranks."""

    datasets: tuple[str, ...]
    seeds: tuple[int, ...]
    scale: Scale
    tables: tuple[AggregateTable, ...]
    refused: str | None
    dropped: tuple[str, ...]
    finding: str
