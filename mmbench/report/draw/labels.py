"""Names beside points of a plot, where they cover nothing, with a line that leads to the point."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import atan2, degrees, hypot

WIDTH, HEIGHT = 420, 300
"""Pixels of the narrowest plot that shows names. Where it is wider, points lie further apart."""
NARROWEST = 300
"""Pixels of the plot on a phone, where numbers have to fit too."""
LETTER, LINE = 7.3, 18
"""Pixels: width of a letter, height of a line."""
APART = 18
"""Pixels between the centres of two numbered points."""

Place = tuple[float, float]
"""From the left and from the top of the plot, in %."""
Box = tuple[float, float, float, float]
"""Left, top, right and bottom, in pixels."""


@dataclass(frozen=True, kw_only=True)
class Label:
    """dx, dy: of the name's upper left corner from its point, in pixels. length, angle: of the line from the point to
    the name, in pixels and degrees; a length of 0 where they touch."""

    text: str
    dx: float
    dy: float
    length: float
    angle: float


def _near(box: Box, x: float, y: float) -> tuple[float, float]:
    """The point of a box that is nearest to another."""
    return min(max(x, box[0]), box[2]), min(max(y, box[1]), box[3])


def _candidates(x: float, y: float, width: float) -> list[Box]:
    """Boxes around a point, the nearest first."""
    found: list[Box] = []
    for far in (12, 26, 44, 66, 92, 120):
        for left in (x + far, x - far - width, x - width / 2, x + far / 2, x - width - far / 2):
            found += [(left, top, left + width, top + LINE) for top in (y - LINE / 2, y - far - LINE, y + far)]
    return sorted(found, key=lambda b: hypot(_near(b, x, y)[0] - x, _near(b, x, y)[1] - y))


def _crosses(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def place_labels(
    points: Mapping[str, Place],
    texts: Mapping[str, str],
    dots: Collection[Place],
    stairs: Sequence[Place] = (),
    bars: Sequence[tuple[Place, Place]] = (),
) -> dict[str, Label]:
    """Where the names of points stand: inside the plot, on no dot (all dots, the points too), on no other name, not on
    the stairs, which go from each place to the right and then up to the next, and on no upright bar (from its upper to
    its lower end). A point whose name fits nowhere has none."""
    taken: list[Box] = [(d[0] - 8, d[1] - 8, d[0] + 8, d[1] + 8) for d in map(_pixels, dots)]
    corners = [*map(_pixels, stairs)]
    for (x, y), (then, there) in pairwise([*corners, *((WIDTH, y) for _, y in corners[-1:])]):
        taken += [(x, y - 2, then, y + 2), (then - 2, min(y, there), then + 2, max(y, there))]
    taken += [(_pixels(a)[0] - 2, _pixels(a)[1], _pixels(b)[0] + 2, _pixels(b)[1]) for a, b in bars]
    made = {}
    for key, place in points.items():
        x, y = _pixels(place)
        width = LETTER * len(texts[key])
        for box in _candidates(x, y, width):
            inside = box[0] >= 0 and box[2] <= WIDTH and box[1] >= 0 and box[3] <= HEIGHT
            clear = hypot(_near(box, x, y)[0] - x, _near(box, x, y)[1] - y) >= 10
            if inside and clear and not any(_crosses(box, other) for other in taken):
                taken.append(box)
                made[key] = _label(texts[key], box, x, y)
                break
    return made


def _pixels(place: Place) -> tuple[float, float]:
    return place[0] * WIDTH / 100, place[1] * HEIGHT / 100


def _label(text: str, box: Box, x: float, y: float) -> Label:
    to_x, to_y = _near(box, x, y)
    far = hypot(to_x - x, to_y - y)
    return Label(
        text=text,
        dx=round(box[0] - x, 1),
        dy=round(box[1] - y, 1),
        length=round(far, 1) if far > 14 else 0.0,
        angle=round(degrees(atan2(to_y - y, to_x - x)), 1),
    )


def room_for_numbers(places: Sequence[Place]) -> set[Place]:
    """The places whose numbers cover no other number, the first come first served."""
    kept: list[Place] = []
    for place in places:
        x, y = place[0] * NARROWEST / 100, place[1] * HEIGHT / 100
        if all(hypot(x - k[0] * NARROWEST / 100, y - k[1] * HEIGHT / 100) >= APART for k in kept):
            kept.append(place)
    return set(kept)
