"""Interaction plots: the means of two factors' levels together, a line a level of the one over the levels of the other.

Parallel lines: the factors add up. Lines that cross or fan out: the better level of one depends on the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from mmbench.report.draw.axis import Axis, linear, spread
from mmbench.report.draw.lines import HUES
from mmbench.report.values.effects import EffectTable, PairMean

DODGE = 1.2
"""Distance of the intervals of neighbouring lines, in % of the plot, so that they do not lie on one another; less where
columns are many, so that all lines of a column take at most half of its width."""
UPRIGHT = 4
"""With more levels than this their names stand upright under the axis."""


@dataclass(frozen=True, kw_only=True)
class Strand:
    """A level of `by` over all levels of `over`. path: line; bars: intervals; dots: means. end: place of the label."""

    name: str
    hue: int
    path: str
    bars: str
    dots: str
    end: float
    value: str


@dataclass(frozen=True, kw_only=True)
class Interaction:
    """Two factors together. over: on the x axis, with `columns` as levels, best first; by: a strand a level.

    grey: the strands beyond the six that are named, one path. width: room for labels at the end, in characters.
    """

    over: str
    by: str
    columns: tuple[str, ...]
    y: Axis
    strands: tuple[Strand, ...]
    grey: str
    rest: int
    upright: bool
    width: int

    @property
    def places(self) -> tuple[float, ...]:
        """Of the columns, in %."""
        return tuple(_place(i, len(self.columns)) for i in range(len(self.columns)))


def _place(column: int, columns: int) -> float:
    return round(100 * (column + 0.5) / columns, 2)


def interactions(table: EffectTable, *, gap: float) -> tuple[Interaction, ...]:
    """One plot a pair of factors, all on one axis. gap: height of a label in % of the plot."""
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
        made.append(_plot(table, (factors[by], factors[over]), (levels[by], levels[over]), known, y, gap))
    return tuple(made)


def _plot(
    table: EffectTable,
    factors: tuple[str, str],
    levels: tuple[Sequence[str], Sequence[str]],
    known: Mapping[tuple[str, str], PairMean],
    y: Axis,
    gap: float,
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
    ends = spread((100 - y.at(v) for v in last), gap=gap)
    strands = tuple(
        Strand(
            name=level,
            hue=hue,
            path=path(line),
            bars="".join(
                f"M{x:g} {100 - y.at(p.score.low):g}V{100 - y.at(p.score.high):g}" for x, p in line if p.score.half
            ),
            dots="".join(f"M{x:g} {100 - y.at(p.score.mean):g}h0" for x, p in line),
            end=end,
            value=table.scale.number(value),
        )
        for hue, (level, line, end, value) in enumerate(zip(named, drawn, ends, last, strict=True), start=1)
    )
    return Interaction(
        over=factors[1],
        by=factors[0],
        columns=tuple(columns),
        y=y,
        strands=strands,
        grey="".join(path(points(level)) for level in rest),
        rest=len(rest),
        upright=len(columns) > UPRIGHT,
        width=max(len(level) for level in named),
    )
