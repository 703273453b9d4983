"""Pareto plots: paths for the strokes, places for the words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from mmbench.report.draw.axis import Axis, linear, logarithmic
from mmbench.report.draw.costs import cost_text
from mmbench.report.draw.words import estimate
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

    x and y: the axes, also for the script that finds the point under the pointer."""

    cost: str
    short: str
    label: str
    finding: str
    x: Axis
    y: Axis
    cloud: str
    front: str
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
    framed = _within_frame(known, report.scale)
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
        many=len(inside) > MANY,
        pins=pins,
    )


def _within_frame(known: Sequence[Point], scale: Scale) -> list[Point]:
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
