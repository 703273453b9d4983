"""Learning curves: paths for the strokes, places for the words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from mmbench.report.draw.axis import Axis, Tick, linear, round_step, spread
from mmbench.report.draw.lines import HUES, Line
from mmbench.report.scores.context import Context
from mmbench.report.values import titles
from mmbench.report.values.curves import Curve
from mmbench.report.values.datasets import DatasetReport

BANDS = 3
"""With more named curves than this their bands lie on one another and say nothing: they are left out."""


GREY_LIMIT = 120
"""Grey curves drawn behind the named ones; more than this would only be a wall of grey."""


NEAR = 0.5
"""A ceiling at most this share of the axis above the curves is drawn; one far above would flatten them."""


@dataclass(frozen=True, kw_only=True)
class Ceiling:
    """top: its place in %."""

    top: float
    value: str


@dataclass(frozen=True, kw_only=True)
class Curves:
    """Median validation curves of one factor's levels on one data set. grey: the unnamed cells, one path.

    what, arrow, decimals: the metric. width: room for the labels at the end, in characters.
    """

    title: str
    what: str
    arrow: str
    decimals: int
    x: Axis
    y: Axis
    lines: tuple[Line, ...]
    grey: str
    grey_count: int
    rest: int
    ceiling: Ceiling | None
    width: int


def _path(values: Sequence[float | None], x: Axis, y: Axis) -> str:
    """A path with a gap where there is no value; a value between gaps is a dot."""
    parts, pen = [], "M"
    for epoch, value in enumerate(values, start=1):
        if value is None:
            pen = "M"
            continue
        alone = pen == "M" and (epoch == len(values) or values[epoch] is None)
        parts.append(f"{pen}{x.at(epoch):g} {100 - y.at(value):g}{'h0' if alone else ''}")
        pen = "L"
    return "".join(parts)


def _band(curve: Curve, x: Axis, y: Axis) -> str:
    known = [
        (e, lo, hi)
        for e, (lo, hi) in enumerate(zip(curve.low, curve.high, strict=True), start=1)
        if lo is not None and hi is not None
    ]
    if len(known) < 2:
        return ""
    up = [f"{x.at(e):g} {100 - y.at(hi):g}" for e, _, hi in known]
    down = [f"{x.at(e):g} {100 - y.at(lo):g}" for e, lo, _ in reversed(known)]
    return "M" + "L".join([*up, *down]) + "Z"


def _last(curve: Curve) -> float:
    return next(v for v in reversed(curve.median) if v is not None)


def _epochs(length: int) -> Axis:
    axis = Axis(low=1, high=max(2, length))
    step = max(1, round(round_step(length, 5)))
    places = [1, *(e for e in range(step, length + 1, step) if e - 1 >= step / 2)]
    ticks = tuple(Tick(at=axis.at(e), value=e, label=str(e)) for e in places)
    return Axis(low=axis.low, high=axis.high, ticks=ticks)


def _ceiling(report: DatasetReport, values: Sequence[float]) -> float | None:
    """Where it is of the metric that the curves show, and near them."""
    if report.ceiling is None or report.scale.metric != report.curve.metric:
        return None
    far = max(report.ceiling - max(values), min(values) - report.ceiling)
    return report.ceiling if far <= NEAR * (max(values) - min(values)) else None


def curves(context: Context, report: DatasetReport, kind: str, *, gap: float) -> Curves | None:
    """The levels of one factor on one data set; None where no trial has two epochs. gap: height of a label in % of the
    plot."""
    scale = report.curve
    if context.epochs < 2:
        return None
    here = [c for c in context.curves if c.dataset == report.name and any(v is not None for v in c.median)]
    mine = [c for c in here if c.kind == kind]
    if not mine:
        return None
    order = next((f.by_score for f in context.factors if f.name == kind), ())
    mine.sort(key=lambda c: order.index(c.name) if c.name in order else len(order))
    if len(mine) > HUES:
        # Those that end best here: the order over all data sets may be another.
        mine.sort(key=lambda c: -scale.oriented(_last(c)))
    named, rest = mine[:HUES], mine[HUES:]
    cells = [c for c in here if c.kind == "cell"]
    grey = (cells[:: math.ceil(len(cells) / GREY_LIMIT)] if cells else []) + rest
    values = [v for c in [*mine, *grey] for v in c.median if v is not None]
    banded = len(named) <= BANDS
    values += [v for c in named if banded for band in (c.low, c.high) for v in band if v is not None]
    ceiling = _ceiling(report, values)
    x = _epochs(max(len(c.median) for c in [*mine, *grey]))
    y = linear([*values, *([] if ceiling is None else [ceiling])], floor=scale.low, ceiling=scale.high)
    last = [_last(c) for c in named]
    ends = spread((100 - y.at(v) for v in last), gap=gap)
    lines = tuple(
        Line(
            name=c.name,
            hue=i,
            path=_path(c.median, x, y),
            band=_band(c, x, y) if banded else "",
            end=end,
            value=scale.number(value),
        )
        for i, (c, end, value) in enumerate(zip(named, ends, last, strict=True), start=1)
    )
    return Curves(
        title=kind,
        what=scale.label,
        arrow=scale.arrow,
        decimals=scale.decimals,
        x=x,
        y=y,
        lines=lines,
        grey="".join(_path(c.median, x, y) for c in grey),
        grey_count=len(grey),
        rest=len(rest),
        ceiling=None if ceiling is None else Ceiling(top=round(100 - y.at(ceiling), 2), value=scale.number(ceiling)),
        width=max(len(titles.level(kind, c.name, short=True)) for c in named),
    )
