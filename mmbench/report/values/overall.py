"""Cells over all data sets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mmbench.report.values.methods import Method
from mmbench.report.values.numbers import rank_label
from mmbench.report.values.scale import Scale
from mmbench.stats.estimates import Difference, Estimate, Verdict


@dataclass(frozen=True, kw_only=True)
class OverallRow:
    """One cell over all data sets. score: macro mean, or mean rank (Overall.scale); its interval speaks of these data
    sets (seed noise only), n = data sets.

    None, with `missing` naming the data sets, where it is not ranked on each of them. verdict: against the best
    (better: it is the one best); may_be_behind: by how much it may be behind that, at most; in_top: not worse.
    """

    method: Method
    score: Estimate | None
    per_dataset: Mapping[str, float | None]
    rank: int | None
    rank_low: int | None
    rank_high: int | None
    mean_rank: float | None
    best: bool
    verdict: Verdict | None
    may_be_behind: float | None
    in_top: bool | None
    to_best: Difference | None
    missing: tuple[str, ...]

    @property
    def key(self) -> str:
        return self.method.key

    @property
    def rank_label(self) -> str:
        return rank_label(self.rank, self.rank_low, self.rank_high)


@dataclass(frozen=True, kw_only=True)
class Overall:
    """Cells across data sets, in order of rank. Controls of one modality are not comparable across data sets and left
    out.

    why_ranks: why mean ranks are compared and not mean scores; None where scores are.
    """

    scale: Scale
    why_ranks: str | None
    datasets: tuple[str, ...]
    rows: tuple[OverallRow, ...]
    best: str | None
    top: tuple[str, ...]
    finding: str
