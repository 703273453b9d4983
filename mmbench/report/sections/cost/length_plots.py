"""Cost against length as a plot: both axes logarithmic, exponents in the labels, a cross where one was stopped."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from mmbench.report.draw.axis import Axis, Tick, logarithmic, spread
from mmbench.report.sections.cost.lengths import highlighted
from mmbench.report.sections.cost.record import Growth, LengthReport, LengthRow
from mmbench.report.values.numbers import NONE, count, seconds, two_figures

_ZEROS = re.compile(r"\.0+(?= )|(?<=\.\d)0+(?= )")
TICKS = 5
"""Lengths written under the axis at most: more would touch on a phone."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """A named mechanism. hue: 1-6, also its dash. end: place of its label in % from the top."""

    name: str
    hue: int
    path: str
    end: float
    label: str


@dataclass(frozen=True, kw_only=True)
class Cross:
    """Where mechanisms were stopped: at this length, at the upper edge, in % from the left. said: which, and why."""

    x: float
    said: str


@dataclass(frozen=True, kw_only=True)
class Plot:
    """One quantity of all mechanisms. grey: the unnamed ones, one path. width: room for labels, in characters."""

    title: str
    x: Axis
    y: Axis
    lines: tuple[Line, ...]
    grey: str
    grey_count: int
    crosses: tuple[Cross, ...]
    width: int


@dataclass(frozen=True, kw_only=True)
class Row:
    """A line of the table, as text."""

    attention: str
    time_growth: str
    memory_growth: str
    training: str
    memory: str
    speedup: str
    stopped: str
    message: str


@dataclass(frozen=True, kw_only=True)
class Lengths:
    report: LengthReport
    plots: tuple[Plot, ...]
    rows: tuple[Row, ...]


def duration(value: float | None) -> str:
    """42 µs, 4.2 ms, 4.2 s"""
    return f"{two_figures(value * 1e6)} µs" if value is not None and 0 < value < 0.995e-3 else seconds(value)


def _tick(value: float) -> str:
    """Decades of time: `100 s` is rounder than `1.7 min`."""
    return f"{value:g} s" if 1 <= value < 1000 else duration(value)


def memory(value: float | None) -> str:
    """42 MB"""
    return NONE if value is None else count(value) + ("B" if value >= 995 else " B")


def _with_commas(value: float) -> str:
    """1,600"""
    text = two_figures(value)
    return f"{int(text):,}" if text.isdigit() else text


def growth(value: Growth | None) -> str:
    """1.02 ±0.03"""
    if value is None:
        return NONE
    return f"{value.exponent:.2f}" + ("" if value.half is None else f" ±{value.half:.2f}")


def _tokens(lengths: Sequence[int]) -> Axis:
    low, high = lengths[0], max(lengths[-1], lengths[0] + 1)
    axis = Axis(low=low, high=high, log=True)
    shown = sorted(lengths[:: -math.ceil(len(lengths) / TICKS)])
    return replace(axis, ticks=tuple(Tick(at=axis.at(n), value=n, label=f"{n:,}") for n in shown))


def _path(row: LengthRow, values: Sequence[float], x: Axis, y: Axis) -> str:
    places = [f"{x.at(n):g} {100 - y.at(v):g}" for n, v in zip(row.lengths, values, strict=True) if v > 0]
    return "M" + "L".join(places) if places else ""


def _crosses(report: LengthReport, x: Axis) -> tuple[Cross, ...]:
    stops = sorted({(r.stopped_at, str(r.why)) for r in report.rows if r.stopped_at is not None})
    made = []
    for length in dict.fromkeys(n for n, _ in stops):
        said = []
        for why in [w for n, w in stops if n == length]:
            names = [r.attention for r in report.rows if (r.stopped_at, r.why) == (length, why)]
            said.append(f"{', '.join(names)}: {why}")
        made.append(Cross(x=x.at(length), said=f"{length:,} tokens\n" + "\n".join(said)))
    return tuple(made)


def _plot(report: LengthReport, quantity: str, title: str, gap: float) -> Plot | None:
    rows = [r for r in report.rows if any(v > 0 for v in getattr(r, quantity))]
    if not rows:
        return None
    named = highlighted(report)
    write = memory if quantity == "memory" else _tick
    x = _tokens(report.lengths)
    y = logarithmic((v for r in rows for v in getattr(r, quantity) if v > 0), name=lambda v: _ZEROS.sub("", write(v)))
    own = {r.attention: r for r in rows}
    shown = [name for name in named if name in own]
    ends = spread((100 - y.at(getattr(own[name], quantity)[-1]) for name in shown), gap=gap)
    lines = []
    for hue, (name, end) in enumerate(zip(shown, ends, strict=True), start=1):
        found: Growth | None = own[name].memory_growth if quantity == "memory" else own[name].time_growth
        label = f"{name} {found.exponent:.2f}" if found else name
        path = _path(own[name], getattr(own[name], quantity), x, y)
        lines.append(Line(name=name, hue=hue, path=path, end=end, label=label))
    grey = [r for r in rows if r.attention not in named]
    return Plot(
        title=title,
        x=x,
        y=y,
        lines=tuple(lines),
        grey="".join(_path(r, getattr(r, quantity), x, y) for r in grey),
        grey_count=len(grey),
        crosses=_crosses(report, x),
        width=max(len(line.label) for line in lines),
    )


def _row(row: LengthRow) -> Row:
    return Row(
        attention=row.attention,
        time_growth=growth(row.time_growth),
        memory_growth=growth(row.memory_growth),
        training=duration(row.last_training),
        memory=memory(row.last_memory),
        speedup=NONE if row.speedup is None else f"{_with_commas(row.speedup)}×",
        stopped="" if row.stopped_at is None else f"{row.stopped_at:,} tokens: {row.why}",
        message=row.message or "",
    )


def length_view(report: LengthReport, *, gap: float) -> Lengths:
    """Figures and table of one profile. gap: height of a label in % of a plot."""
    made = (_plot(report, "training", "Time", gap), _plot(report, "memory", "Peak memory", gap))
    return Lengths(report=report, plots=tuple(p for p in made if p), rows=tuple(_row(r) for r in report.rows))
