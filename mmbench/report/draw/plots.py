"""Pareto plots and learning curves: paths for the strokes, places for the words."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from mmbench.report.draw.axis import Axis, Tick, linear, logarithmic, round_step, spread
from mmbench.report.draw.words import estimate
from mmbench.report.values.analysis import Analysis, CellRow, Curve, DatasetReport, Front
from mmbench.report.values.numbers import count, percent, seconds, two_figures
from mmbench.report.values.scale import Scale

HUES = 6
MANY = 200
"""With more dots than this they are drawn smaller."""
SHORT = {
    "parameters": "Parameters",
    "flops": "FLOPs",
    "train_seconds": "Training time",
    "inference_us": "Inference time",
}
BANDS = 3
"""With more named curves than this their bands lie on one another and say nothing: they are left out."""
GREY_LIMIT = 120
"""Grey curves drawn behind the named ones; more than this would only be a wall of grey."""


Point = tuple[float, float, CellRow]
"""Cost, score, and whose."""


def cost_text(cost: str, value: float | None) -> str:
    """A cost with its unit, two significant figures."""
    if value is None:
        return "–"
    if cost == "train_seconds":
        return seconds(value)
    if cost == "inference_us":
        return seconds(value / 1e6) if value >= 995 else f"{two_figures(value)} µs"
    return f"{count(value)}{'B' if cost == 'peak_memory' else ''}"


@dataclass(frozen=True, kw_only=True)
class Pin:
    """A numbered point of the front. Places in %, from the left and from the top.

    drawn: inside the frame. tag: on which side of it its name fits ("left", "above", "right", "below"), or "" where the
    number has to do.
    """

    number: int
    key: str
    x: float
    y: float
    score: str
    cost: str
    tag: str
    drawn: bool


@dataclass(frozen=True, kw_only=True)
class Pareto:
    """Paths are in a 100 x 100 box, framed by the cells; `outside`: controls that lie outside the frame.

    x and y: the axes, also for the script that finds the point under the pointer. share: the hypervolume, in words."""

    cost: str
    short: str
    label: str
    finding: str
    x: Axis
    y: Axis
    cloud: str
    front: str
    outside: int
    share: str
    many: bool
    pins: tuple[Pin, ...]


def pareto(report: DatasetReport, front: Front) -> Pareto | None:
    """One data set's score against one cost; None where no cell has both."""

    def cost_of(row: CellRow) -> float | None:
        value: float | None = getattr(row.cost, front.cost) if row.cost else None
        return value if value and value > 0 else None

    known = [(c, r.score.mean, r) for r in report.rows if r.score and (c := cost_of(r)) is not None]
    if not known:
        return None
    framed = _framed(known, report.scale)
    x = logarithmic((c for c, *_ in framed), name=lambda v: cost_text(front.cost, v).replace(".0", ""))
    scale = report.scale
    y = linear((s for _, s, _ in framed), floor=scale.low, ceiling=scale.high)
    inside = [k for k in known if x.low <= k[0] <= x.high and y.low <= k[1] <= y.high]
    on_front = {key: i for i, key in enumerate(front.keys, start=1)}
    cloud = "".join(f"M{x.at(c)} {100 - y.at(s):g}h0" for c, s, r in inside if r.key not in on_front)
    drawn = {r.key for _, _, r in inside}
    steps = sorted((c, s, r.key) for c, s, r in known if r.key in on_front)
    # A front that begins outside the frame comes into it at the first point that is drawn.
    edge = "100" if scale.higher else "0"
    path = ""
    for i, (c, s, key) in enumerate(steps):
        if key in drawn:
            path += (
                f"H{x.at(c)}V{100 - y.at(s):g}" if path else f"M{x.at(c)} {f'{edge}V' if i else ''}{100 - y.at(s):g}"
            )
    rows = {r.key: r for _, _, r in known}
    places = [(x.at(c), round(100 - y.at(s), 2)) for c, s, _ in steps]
    tags = _tags({key: place for (_, _, key), place in zip(steps, places, strict=True) if key in drawn})
    pins = tuple(
        Pin(
            number=on_front[key],
            key=key,
            x=left,
            y=top,
            score=estimate(rows[key].score, scale),
            cost=cost_text(front.cost, c),
            tag=tags.get(key, ""),
            drawn=key in drawn,
        )
        for (c, _, key), (left, top) in zip(steps, places, strict=True)
    )
    return Pareto(
        cost=front.cost,
        short=SHORT[front.cost],
        label=front.label,
        finding=front.finding,
        x=x,
        y=y,
        cloud=cloud,
        front=f"{path}H100" if path else "",
        outside=len(known) - len(inside),
        share="" if front.hypervolume is None else percent(front.hypervolume),
        many=len(inside) > MANY,
        pins=pins,
    )


def _framed(known: Sequence[Point], scale: Scale) -> list[Point]:
    """What the frame is drawn around: the cells, and the controls less than half the cells' span worse."""
    cells = [scale.oriented(s) for _, s, r in known if r.method.role == "cell"]
    if not cells:
        return list(known)
    floor = min(cells) - 0.5 * (max(cells) - min(cells))
    dearest = max(c for c, _, r in known if r.method.role == "cell")
    cheapest = min(c for c, _, r in known if r.method.role == "cell")
    return [k for k in known if scale.oriented(k[1]) >= floor and cheapest / 10 <= k[0] <= dearest * 10]


WIDTH, HEIGHT = 620, 300
"""Pixels of the plot at which names are placed; on narrower screens they are hidden and the numbers remain."""


def _tags(points: Mapping[str, tuple[float, float]]) -> dict[str, str]:
    """Beside which points their names fit without touching the edge, the front, a pin or one another."""
    pins = {name: (x * WIDTH / 100, y * HEIGHT / 100) for name, (x, y) in points.items()}
    taken = [(x - 11, y - 11, x + 11, y + 11) for x, y in pins.values()]
    for (x, y), (then, there) in pairwise(pins.values()):
        taken += [(x, y - 2, then, y + 2), (then - 2, min(y, there), then + 2, max(y, there))]
    tags = {}
    for name, (x, y) in pins.items():
        length = 7.4 * len(name)
        boxes = {
            "left": (x - 14 - length, y - 20, x - 14, y - 2),
            "above": (x - length / 2, y - 32, x + length / 2, y - 14),
            "right": (x + 14, y + 2, x + 14 + length, y + 20),
            "below": (x - length / 2, y + 12, x + length / 2, y + 30),
        }
        for tag, (left, top, right, bottom) in boxes.items():
            inside = left >= 0 and right <= WIDTH and top >= -30 and bottom <= HEIGHT
            if inside and not any(left < r and right > le and top < b and bottom > t for le, t, r, b in taken):
                taken.append((left, top, right, bottom))
                tags[name] = tag
                break
    return tags


@dataclass(frozen=True, kw_only=True)
class Line:
    """A named curve. hue: 1-6, also its dash. end: place of its label in % from the top, free of its neighbours."""

    name: str
    hue: int
    path: str
    band: str
    end: float
    value: str


@dataclass(frozen=True, kw_only=True)
class Curves:
    """Median validation curves of one factor's levels on one data set. grey: the unnamed cells, one path.

    what, arrow: the metric. width: room for the labels at the end, in characters.
    """

    title: str
    what: str
    arrow: str
    x: Axis
    y: Axis
    lines: tuple[Line, ...]
    grey: str
    grey_count: int
    rest: int
    ceiling: float | None
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


def _ceiling(report: DatasetReport, y: Axis) -> float | None:
    """Its place, where it is of the metric that the curves show, and within the axis."""
    known = report.ceiling is not None and report.scale.metric == report.curve.metric
    if not known or report.ceiling is None or not y.low <= report.ceiling <= y.high:
        return None
    return round(100 - y.at(report.ceiling), 2)


def curves(analysis: Analysis, report: DatasetReport, kind: str, *, gap: float) -> Curves | None:
    """The levels of one factor on one data set; None where no trial has two epochs. gap: height of a label in % of the
    plot."""
    scale = report.curve
    if analysis.epochs < 2:
        return None
    here = [c for c in analysis.curves if c.dataset == report.name and any(v is not None for v in c.median)]
    mine = [c for c in here if c.kind == kind]
    if not mine:
        return None
    order = next((f.by_score for f in analysis.factors if f.name == kind), ())
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
    x = _epochs(max(len(c.median) for c in [*mine, *grey]))
    y = linear(values, floor=scale.low, ceiling=scale.high)
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
        x=x,
        y=y,
        lines=lines,
        grey="".join(_path(c.median, x, y) for c in grey),
        grey_count=len(grey),
        rest=len(rest),
        ceiling=_ceiling(report, y),
        width=max(len(c.name) for c in named),
    )
