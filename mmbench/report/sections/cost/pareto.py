"""Pareto plots: paths for the strokes, places for the words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mmbench.report.draw.axis import Axis, linear, logarithmic
from mmbench.report.draw.costs import cost_text
from mmbench.report.draw.labels import Label, place_labels, room_for_numbers
from mmbench.report.draw.words import estimate
from mmbench.report.values import titles
from mmbench.report.values.cells import CellRow
from mmbench.report.values.datasets import DatasetReport, Front
from mmbench.report.values.scale import Scale

MANY = 200
"""With more dots than this they are drawn smaller."""


SHORT = {
    "parameters": "Parameters",
    "flops": "FLOPs",
    "train_seconds": "Training time",
    "inference_us": "Inference time",
}


Point = tuple[float, float, CellRow]
"""Cost, score, and whose."""


@dataclass(frozen=True, kw_only=True)
class Pin:
    """A point of the front, or the cheapest that is as good as the best. Places in %, from the left and from the top.

    number: on the front, None off it. shown: whether there is room for the number at its place. name: as people read
    it; label: where that stands beside the point, of corner points that have room. verdict: against the best, in words.
    drawn: inside the frame.
    """

    number: int | None
    key: str
    name: str
    x: float
    y: float
    score: str
    cost: str
    verdict: str
    chosen: bool
    shown: bool
    label: Label | None
    drawn: bool


@dataclass(frozen=True, kw_only=True)
class Pareto:
    """Paths are in a 100 x 100 box, framed by the cells; `outside`: controls that lie outside the frame.

    x and y: the axes, also for the script that finds the point under the pointer. cloud, alike: dots of what is not and
    of what is equal to the best by its interval. bars: intervals of the points that are marked. band: top and height,
    in %, of what scores less than the margin below the best; None without a margin.
    """

    cost: str
    short: str
    label: str
    finding: str
    x: Axis
    y: Axis
    cloud: str
    alike: str
    front: str
    bars: str
    band: tuple[float, float] | None
    outside: int
    many: bool
    pins: tuple[Pin, ...]


def pareto_view(report: DatasetReport, front: Front) -> Pareto | None:
    """One data set's score against one cost; None where no cell has both."""

    def cost_of(row: CellRow) -> float | None:
        value: float | None = getattr(row.cost, front.cost) if row.cost else None
        return value if value and value > 0 else None

    known = [(c, r.score.mean, r) for r in report.rows if r.score and (c := cost_of(r)) is not None]
    if not known:
        return None
    scale = report.scale
    framed = within_frame(known, scale)
    x = logarithmic((c for c, *_ in framed), name=lambda v: cost_text(front.cost, v).replace(".0", ""))
    named = {*front.keys, front.cheapest}
    ends = [v for _, _, r in framed if r.score and r.key in named for v in (r.score.low, r.score.high)]
    y = linear([*(s for _, s, _ in framed), *ends], pad=0.03, floor=scale.low, ceiling=scale.high)
    inside = [k for k in known if x.low <= k[0] <= x.high and y.low <= k[1] <= y.high]
    drawn = {r.key for _, _, r in inside}

    def place(cost: float, score: float) -> tuple[float, float]:
        return x.at(cost), round(100 - y.at(score), 2)

    def dots(points: Sequence[Point]) -> str:
        return "".join(f"M{left:g} {top:g}h0" for left, top in (place(c, s) for c, s, _ in points))

    on_front = {key: i for i, key in enumerate(front.keys, start=1)}
    marked = sorted((c, s, r.key) for c, s, r in known if r.key in on_front or r.key == front.cheapest)
    plain = [k for k in inside if k[2].key not in {key for *_, key in marked}]
    many = len(inside) > MANY
    rows = {r.key: r for _, _, r in known}
    places = {key: place(c, s) for c, s, key in marked if key in drawn}
    corners = _corners([key for *_, key in marked if key in places], front)
    spots = [place(c, s) for c, s, _ in plain] if not many else []
    texts = {key: titles.method(rows[key].method, short=True) for key in corners}
    stairs = [places[key] for *_, key in marked if key in places and key in on_front]
    bars = [(place(c, r.high), place(c, r.low)) for c, _, key in marked if key in places and (r := rows[key].score)]
    if stairs and scale.higher:
        # The front may come into the frame from below.
        bars.append((stairs[0], (stairs[0][0], 100.0)))
    labels = place_labels({key: places[key] for key in corners}, texts, [*spots, *places.values()], stairs, bars)
    numbered = room_for_numbers([places[key] for key in (*corners, *places)])
    pins = tuple(
        Pin(
            number=on_front.get(key),
            key=key,
            name=titles.method(rows[key].method),
            x=place(c, s)[0],
            y=place(c, s)[1],
            score=estimate(rows[key].score, scale),
            cost=cost_text(front.cost, c),
            verdict=_verdict(rows[key], scale),
            chosen=key == front.cheapest,
            shown=key in on_front and places.get(key) in numbered,
            label=labels.get(key),
            drawn=key in drawn,
        )
        for c, s, key in marked
    )
    return Pareto(
        cost=front.cost,
        short=SHORT[front.cost],
        label=front.label,
        finding=front.finding,
        x=x,
        y=y,
        cloud=dots([k for k in plain if k[2].verdict != "equal"]),
        alike=dots([k for k in plain if k[2].verdict == "equal"]),
        front=_steps([(c, s, key in drawn) for c, s, key in marked if key in on_front], place, scale),
        bars="".join(_bar(rows[key], c, x, y) for c, _, key in marked if key in drawn),
        band=_band(report, y) if report.best in drawn else None,
        outside=len(known) - len(inside),
        many=many,
        pins=pins,
    )


def _steps(
    points: Sequence[tuple[float, float, bool]], place: Callable[[float, float], tuple[float, float]], scale: Scale
) -> str:
    """The front as stairs, from cheap to dear; the last of a point says whether it is inside the frame. A front that
    begins outside of the frame comes into it at the first point inside."""
    edge, path = "100" if scale.higher else "0", ""
    for i, (cost, score, inside) in enumerate(points):
        left, top = place(cost, score)
        if inside:
            path += f"H{left:g}V{top:g}" if path else f"M{left:g} {f'{edge}V' if i else ''}{top:g}"
    return f"{path}H100" if path else ""


def _bar(row: CellRow, cost: float, x: Axis, y: Axis) -> str:
    """Its interval, upright."""
    if row.score is None or not row.score.half:
        return ""
    return f"M{x.at(cost):g} {100 - y.at(row.score.low):g}V{100 - y.at(row.score.high):g}"


def _band(report: DatasetReport, y: Axis) -> tuple[float, float] | None:
    """What scores less than the margin below the best."""
    score = report.row(report.best).score if report.best else None
    if score is None or score.half is None or report.scale.rope <= 0:
        return None
    end = report.scale.oriented(report.scale.oriented(score.mean) - report.scale.rope)
    top, bottom = sorted((100 - y.at(score.mean), 100 - y.at(end)))
    return round(top, 2), round(bottom - top, 2)


def _corners(keys: Sequence[str], front: Front) -> list[str]:
    """What is named in the plot: the cheapest that is as good as the best, and both ends of the front."""
    ends = [keys[-1], keys[0]] if keys else []
    return list(dict.fromkeys([*(key for key in keys if key == front.cheapest), *ends]))


def _verdict(row: CellRow, scale: Scale) -> str:
    if row.best:
        return "best"
    return {"worse": "worse", "equal": f"equal within {scale.rope_words}", "open": "open"}.get(row.verdict or "", "")


def within_frame(known: Sequence[Point], scale: Scale) -> list[Point]:
    """What the frame is drawn around: the cells, and the controls less than half the cells' span worse."""
    cells = [scale.oriented(s) for _, s, r in known if r.method.role == "cell"]
    if not cells:
        return list(known)
    floor = min(cells) - 0.5 * (max(cells) - min(cells))
    dearest = max(c for c, _, r in known if r.method.role == "cell")
    cheapest = min(c for c, _, r in known if r.method.role == "cell")
    return [k for k in known if scale.oriented(k[1]) >= floor and cheapest / 10 <= k[0] <= dearest * 10]
