"""The rank ladder: a row a level, a dot at its mean rank, brackets beside levels between which it is open.

Instead of the usual critical-difference drawing, whose leader lines cross.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from mmbench.report.draw.axis import Axis, Tick
from mmbench.report.draw.dots import Dot, Dots
from mmbench.report.sections.ranks.record import LevelRank, RankTable

TICKS = 8
SPELT = 4
"""Up to so many data sets the rank on each is printed."""


@dataclass(frozen=True, kw_only=True)
class Ladder:
    """brackets: for each row one mark a bracket: "start", "in", "end", "past" where the row lies between but is not
    joined, or "" where the bracket does not reach."""

    title: str
    table: RankTable
    figure: Dots
    brackets: tuple[tuple[str, ...], ...]


def rank(value: float) -> str:
    """`2`, `2.5`: a rank on one data set."""
    return f"{value:.1f}".removesuffix(".0")


def _axis(levels: int) -> Axis:
    axis = Axis(low=0.8, high=levels + 0.2)
    step = ceil(levels / TICKS)
    ticks = tuple(Tick(at=axis.at(v), value=v, label=str(v)) for v in range(1, levels + 1, step))
    return Axis(low=axis.low, high=axis.high, ticks=ticks)


def _dot(level: LevelRank, first: bool, axis: Axis) -> Dot:
    ranks = level.per_dataset
    low, high = axis.at(min(ranks.values())), axis.at(max(ranks.values()))
    each = "\n".join(f"{name} {rank(value)}" for name, value in ranks.items())
    return Dot(
        name=level.level,
        note="",
        key=None,
        kind="best" if first else "",
        at=axis.at(level.mean_rank),
        low=low,
        width=round(high - low, 2),
        value=f"{level.mean_rank:.2f}",
        extra=" · ".join(map(rank, ranks.values())) if len(ranks) <= SPELT else "",
        tip=f"{level.level}\nmean rank {level.mean_rank:.2f}\n{each}",
    )


def _brackets(order: Sequence[str], groups: Sequence[Sequence[str]]) -> tuple[tuple[str, ...], ...]:
    def mark(level: str, group: Sequence[str]) -> str:
        if level not in group:
            inside = order.index(group[0]) < order.index(level) < order.index(group[-1])
            return "past" if inside else ""
        return "start" if level == group[0] else "end" if level == group[-1] else "in"

    return tuple(tuple(mark(level, group) for group in groups) for level in order)


def ladder(table: RankTable) -> Ladder:
    axis = _axis(len(table.levels))
    best = table.levels[0].mean_rank
    return Ladder(
        title=table.factor,
        table=table,
        figure=Dots(ticks=axis.ticks, rows=tuple(_dot(x, x.mean_rank == best, axis) for x in table.levels)),
        brackets=_brackets([x.level for x in table.levels], table.groups),
    )
