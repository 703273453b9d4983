"""Pixels of more than 8 bits: one scale for all pictures of a column, seen in the training pictures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Self

import numpy as np

from mmbench.data.files.problems import CellError

SIXTEEN, FLOAT, WHOLE = "16-bit", "float", "whole"
"""Families of numbers, each with a scale of its own: 16 bits a pixel, floats, other whole numbers."""

FILLED: Mapping[str, float] = {SIXTEEN: 1 / 2, FLOAT: 1 / 8, WHOLE: 1 / 8}
"""The share of what a format could hold that training pictures span at least where they are read as it is meant: 0 to
65,535, to 1 or to 255. Where they span less, 8 bits for all of it would leave too few levels for what there is."""

OVER = 0.01
"""The share of a format's range by which a picture may lie beyond it, as those do that were made larger or smaller."""

APART = 3
"""A single number that lies so many times farther from all others than they lie apart stands for "no measurement"."""


class Extent(NamedTuple):
    """The numbers of one picture. inner_low, inner_high: the least and the most without the least and the most. at_low,
    at_high: the share of pixels that are the least and the most. whole: all are whole numbers."""

    family: str
    low: float
    high: float
    inner_low: float
    inner_high: float
    at_low: float
    at_high: float
    whole: bool

    @classmethod
    def of(cls, values: np.ndarray, family: str) -> Self:
        low, high = float(values.min()), float(values.max())
        least, most = values == values.min(), values == values.max()
        inner = values[~(least | most)]
        between = (float(inner.min()), float(inner.max())) if inner.size else (high, low)
        whole = values.dtype.kind in "iub" or bool((values == np.round(values)).all())
        return cls(family, low, high, *between, float(least.mean()), float(most.mean()), whole)


class Scale(NamedTuple):
    """low, high: the numbers that become 0 and 255. given: by the person, or from training pictures; else the format's
    own, which is kept bit by bit. strange: numbers far from all others, with their share of the pixels."""

    low: float
    high: float
    given: bool
    strange: tuple[tuple[float, float], ...] = ()


def family_of(values: np.ndarray) -> str:
    return FLOAT if values.dtype.kind == "f" else SIXTEEN if values.dtype == np.uint16 else WHOLE


def scales(extents: Iterable[Extent], *, unit: bool) -> dict[str, Scale]:
    """Of each family that training pictures have. unit: none of them has floats beyond 1."""
    by_family: dict[str, list[Extent]] = {}
    for extent in extents:
        by_family.setdefault(extent.family, []).append(extent)
    return {family: _scale(found, own(family, unit=unit).high) for family, found in by_family.items()}


def own(family: str, *, unit: bool) -> Scale:
    """What the format itself means."""
    return Scale(0, 65535 if family == SIXTEEN else 1 if family == FLOAT and unit else 255, False)


def _scale(found: Sequence[Extent], top: float) -> Scale:
    low, high = min(x.low for x in found), max(x.high for x in found)
    fits = low >= 0 and high <= top
    if fits and top == 255 and all(x.whole for x in found):
        return Scale(0, top, False)
    kept_low, kept_high, strange = _without_strange(low, high, found)
    if kept_high == kept_low or (fits and kept_high - kept_low >= FILLED[found[0].family] * top):
        return Scale(0, top, False)
    return Scale(kept_low, kept_high, True, strange)


def _without_strange(
    low: float, high: float, found: Sequence[Extent]
) -> tuple[float, float, tuple[tuple[float, float], ...]]:
    """The range, less the one number at either end that lies far from all others."""
    # Of a picture that does not reach the end of all, its own end is within.
    next_low = min((v for x in found for v in (x.low, x.inner_low, x.inner_high, x.high) if v > low), default=high)
    next_high = max((v for x in found for v in (x.low, x.inner_low, x.inner_high, x.high) if v < high), default=low)
    strange = []
    for _ in range(2):
        if high > next_high > low and high - next_high > APART * (next_high - low) > 0:
            strange.append((high, sum(x.at_high for x in found if x.high == high) / len(found)))
            high = next_high
        if low < next_low < high and next_low - low > APART * (high - next_low) > 0:
            strange.append((low, sum(x.at_low for x in found if x.low == low) / len(found)))
            low = next_low
    return low, high, tuple(strange)


def to_bytes(values: np.ndarray, scale: Scale) -> np.ndarray:
    """Numbers -> uint8. Raises CellError where they lie outside a scale that is the format's own."""
    if scale.given:
        share = (values.astype(np.float64) - scale.low) / (scale.high - scale.low)
        return (share.clip(0, 1) * 255).round().astype(np.uint8)
    if values.dtype == np.uint16:
        return (values >> 8).astype(np.uint8)
    beyond = OVER * scale.high
    if values.min() < -beyond or values.max() > scale.high + beyond:
        raise CellError(
            f"has pixels from {values.min():g} to {values.max():g}; they should lie in [0, {scale.high:g}], or give "
            "the option `range: [least, most]`"
        )
    return (values.astype(np.float64) * (255 / scale.high)).round().clip(0, 255).astype(np.uint8)


def note(scales: Mapping[str, Scale], count: Mapping[str, int], looked_at: int) -> str:
    """For a note: how numbers became pixels, where that is not as their format means it."""
    said = ""
    for family, scale in scales.items():
        if not scale.given:
            continue
        of = f"{family} numbers" if family != FLOAT else "floats"
        said += f"; {of} from {scale.low:,.6g} to {scale.high:,.6g} become 0 to 255, in all alike (option range)"
        for value, share in scale.strange:
            said += f"; {value:,.6g}, far from all others ({share:.2%} of the pixels), becomes the nearer of these"
        if (others := looked_at - count[family]) > 0:
            said += f"; {others:,} of {looked_at:,} training images looked at hold other numbers, on another scale"
    return said


def from_state(state: Mapping[str, Any]) -> dict[str, Scale]:
    return {family: Scale(low, high, True) for family, (low, high) in state.get("scales", {}).items()}


def to_state(scales: Mapping[str, Scale]) -> dict[str, Any]:
    """As JSON has it: those that are not the format's own, and nothing where all are."""
    found = {family: [s.low, s.high] for family, s in scales.items() if s.given}
    return {"scales": found} if found else {}
