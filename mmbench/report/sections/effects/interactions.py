"""Interaction plots: the means of two factors' levels together, a mark a level of the one over the levels of the other.

Levels have no order, so only two of them are joined by a line. Distances that stay alike: the factors add up. Distances
that differ: the better level of one depends on the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from mmbench.report.draw.axis import Axis, linear
from mmbench.report.draw.lines import HUES
from mmbench.report.values.effects import EffectTable, PairMean

DODGE = 4.0
"""Distance of the intervals of neighbouring lines, in % of the plot, so that they do not lie on one another; less where
columns are many, so that all lines of a column take at most half of its width."""
UPRIGHT = 4
"""With more levels than this their names stand upright under the axis."""


@dataclass(frozen=True, kw_only=True)
class Strand:
    """A level of `by` over all levels of `over`. path: line, where there are two; bars: intervals; dots: means."""

    name: str
    hue: int
    path: str
    bars: str
    dots: str
    value: str


@dataclass(frozen=True, kw_only=True)
class Interaction:
    """Two factors together. over: on the x axis, with `columns` as levels, best first; by: a strand a level.

    grey: the means of the strands beyond the six that are named, one path.
    """

    over: str
    by: str
    columns: tuple[str, ...]
    y: Axis
    strands: tuple[Strand, ...]
    grey: str
    rest: int
    upright: bool

    @property
    def places(self) -> tuple[float, ...]:
        """Of the columns, in %."""
        return tuple(_place(i, len(self.columns)) for i in range(len(self.columns)))


def _place(column: int, columns: int) -> float:
    return round(100 * (column + 0.5) / columns, 2)


def interactions(table: EffectTable) -> tuple[Interaction, ...]:
    """One plot a pair of factors, all on one axis."""
    scale = table.scale
    order = {(m.factor, m.level): -scale.oriented(m.score.mean) for m in table.means}

    def best_first(factor: str, levels: Iterable[str]) -> tuple[str, ...]:
        return tuple(sorted(dict.fromkeys(levels), key=lambda level: order.get((factor, level), 0.0)))

    y = linear(
        [v for p in table.pairs for v in (p.score.low, p.score.mean, p.score.high)],
        floor=scale.low,
        ceiling=scale.high,
    )
    grouped: dict[tuple[str, str], list[PairMean]] = {}
    for pair in table.pairs:
        grouped.setdefault(pair.factors, []).append(pair)
    made = []
    for factors, pairs in grouped.items():
        levels = [best_first(factors[i], (p.levels[i] for p in pairs)) for i in (0, 1)]
        if min(map(len, levels)) < 2:
            continue
        # The longer factor is read off the axis: few lines are easier to tell apart than many.
        by, over = (0, 1) if len(levels[0]) <= len(levels[1]) else (1, 0)
        known = {(p.levels[by], p.levels[over]): p for p in pairs}
        made.append(_plot(table, (factors[by], factors[over]), (levels[by], levels[over]), known, y))
    return tuple(made)


def _plot(
    table: EffectTable,
    factors: tuple[str, str],
    levels: tuple[Sequence[str], Sequence[str]],
    known: Mapping[tuple[str, str], PairMean],
    y: Axis,
) -> Interaction:
    rows, columns = levels
    named, rest = rows[:HUES], rows[HUES:]

    def points(level: str, shift: float = 0.0) -> list[tuple[float, PairMean]]:
        found = ((_place(i, len(columns)) + shift, known.get((level, c))) for i, c in enumerate(columns))
        return [(round(x, 2), pair) for x, pair in found if pair is not None]

    def path(drawn: Sequence[tuple[float, PairMean]]) -> str:
        return "M" + "L".join(f"{x:g} {100 - y.at(p.score.mean):g}" for x, p in drawn) if drawn else ""

    step = min(DODGE, 50 / len(columns) / len(named))
    shifts = [step * (i - (len(named) - 1) / 2) for i in range(len(named))]
    drawn = [points(level, shift) for level, shift in zip(named, shifts, strict=True)]
    last = [d[-1][1].score.mean for d in drawn]
    strands = tuple(
        Strand(
            name=level,
            hue=hue,
            path=path(line) if len(columns) == 2 else "",
            bars="".join(
                f"M{x:g} {100 - y.at(p.score.low):g}V{100 - y.at(p.score.high):g}" for x, p in line if p.score.half
            ),
            dots="".join(f"M{x:g} {100 - y.at(p.score.mean):g}h0" for x, p in line),
            value=table.scale.number(value),
        )
        for hue, (level, line, value) in enumerate(zip(named, drawn, last, strict=True), start=1)
    )
    return Interaction(
        over=factors[1],
        by=factors[0],
        columns=tuple(columns),
        y=y,
        strands=strands,
        grey="".join(f"M{x:g} {100 - y.at(p.score.mean):g}h0" for level in rest for x, p in points(level)),
        rest=len(rest),
        upright=len(columns) > UPRIGHT,
    )
