"""Ranks of levels over data sets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


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
    friedman: its p-value, None for two levels. pairs: empty where they are not tested. groups: levels between
    which it is open, from the top; one level may be in several; empty where nothing is tested. withheld: why
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
    where anything declared is missing from them. by: what is averaged before levels are ranked ("accuracy", "rank").
    cautions: what is to be kept in mind first."""

    datasets: tuple[str, ...]
    tables: tuple[RankTable, ...]
    by: str
    refused: str | None
    dropped: tuple[str, ...]
    finding: str
    cautions: tuple[str, ...] = ()
