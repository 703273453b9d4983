"""Summaries over data sets."""

from __future__ import annotations

from dataclasses import dataclass

from mmbench.report.values.scale import Scale
from mmbench.stats.bootstrap import Interval


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


@dataclass(frozen=True, kw_only=True)
class Summaries:
    """by_rank: the values are places among all cells. cautions: what is to be kept in mind first."""

    found: Aggregates
    confidence: float
    by_rank: bool
    cautions: tuple[str, ...] = ()
