"""Axes: from a value to a place in per cent, and ticks at round numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from mmbench.report.values.numbers import signed, two_figures


@dataclass(frozen=True, kw_only=True)
class Tick:
    """at: place of `value` in per cent from the axis' low end."""

    at: float
    value: float
    label: str


@dataclass(frozen=True, kw_only=True)
class Axis:
    """low and high in the values' own unit; a logarithmic axis needs low > 0."""

    low: float
    high: float
    ticks: tuple[Tick, ...] = ()
    log: bool = False

    def at(self, value: float) -> float:
        """Place of a value in per cent, held inside the axis, to a hundredth."""
        low, high, x = (math.log(v) for v in (self.low, self.high, value)) if self.log else (self.low, self.high, value)
        return round(min(100.0, max(0.0, 100 * (x - low) / (high - low))), 2)


def round_step(span: float, wanted: int) -> float:
    """The 1, 2 or 5 (times a power of ten) that cuts a span into at most `wanted` parts."""
    raw = span / wanted
    power: float = 10.0 ** math.floor(math.log10(raw))
    return next(m * power for m in (1, 2, 5, 10) if m * power >= raw * 0.999)


def _round_values(low: float, high: float, wanted: int) -> list[float]:
    step = round_step(high - low, wanted)
    return [i * step for i in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]


def _least(largest: float) -> float:
    """The span that an axis has at least: two points of a score, and as much of larger and smaller units.

    Below 1e-300 a fiftieth of a value may be no number any more: such a value is drawn as zero.
    """
    if largest < 1e-300 or 0.005 <= largest <= 1:
        return 0.02
    return 0.02 * 10.0 ** math.ceil(math.log10(largest))


def linear(
    values: Iterable[float],
    *,
    wanted: int = 5,
    pad: float = 0.06,
    floor: float | None = None,
    ceiling: float | None = None,
) -> Axis:
    """A zoomed axis around the values, padded on both sides but never beyond `floor` and `ceiling` where they are."""
    known = [v for v in values if math.isfinite(v)] or [0.0, 1.0]
    low, high = min(known), max(known)
    least = _least(max(abs(low), abs(high)))
    room = max(high - low, least) * pad if high > low else least
    low = min(low, low - room if floor is None else max(low - room, floor))
    high = max(high, high + room if ceiling is None else min(high + room, ceiling))
    if high <= low:
        low, high = low - least / 2, high + least / 2
    axis = Axis(low=low, high=high)
    # One tick alone is no scale.
    wanted = next(n for n in range(wanted, 99) if len(_round_values(low, high, n)) > 1)
    places = _round_values(low, high, wanted)
    decimals = max(0, -math.floor(math.log10(round_step(high - low, wanted)) + 1e-9))
    ticks = tuple(Tick(at=axis.at(v), value=v, label=signed(f"{v:.{decimals}f}")) for v in places)
    return Axis(low=low, high=high, ticks=ticks)


def logarithmic(values: Iterable[float], *, name: Callable[[float], str] = two_figures) -> Axis:
    """A logarithmic axis around the positive values, with ticks at 1, 2, 5 (or only 1) of each decade."""
    known = [v for v in values if math.isfinite(v) and v > 0] or [1.0, 10.0]
    low, high = min(known) / 1.15, max(known) * 1.15
    axis = Axis(low=low, high=high, log=True)
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for multiples in ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 5, 7)):
        places = [m * 10.0**d for d in decades for m in multiples if low <= m * 10.0**d <= high]
        if len(places) >= 3:
            break
    else:
        tried = ([v for v in _round_values(low, high, n) if v > 0] for n in range(3, 99))
        places = next(found for found in tried if len(found) > 1)
    if len(places) > 7:
        places = places[:: math.ceil(len(places) / 7)]
    return Axis(low=low, high=high, ticks=tuple(Tick(at=axis.at(v), value=v, label=name(v)) for v in places), log=True)


def spread(places: Iterable[float], *, gap: float, low: float = 0.0, high: float = 100.0) -> list[float]:
    """Move labels apart until neighbours are `gap` from each other, each as near its own place as that allows.

    Labels that touch form a block centred on the mean of its members' places (pool adjacent violators).
    """
    wanted = list(places)

    def centre(members: list[int]) -> float:
        half = (len(members) - 1) * gap / 2
        return max(low + half, min(high - half, sum(wanted[i] for i in members) / len(members)))

    blocks: list[list[int]] = []
    for i in sorted(range(len(wanted)), key=lambda i: wanted[i]):
        block = [i]
        while blocks and centre(block) - centre(blocks[-1]) < (len(block) + len(blocks[-1])) * gap / 2 - 1e-9:
            block = [*blocks.pop(), *block]
        blocks.append(block)
    result = list(wanted)
    for block in blocks:
        for k, i in enumerate(block):
            result[i] = round(centre(block) + (k - (len(block) - 1) / 2) * gap, 2)
    return result
