"""Values that may be no content: marks for nothing, samples of one value, sound on another scale, no differences."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, Self

import numpy as np

from mmbench.data.decode.base import Decoder, is_blank, sample
from mmbench.data.decode.features import Features
from mmbench.data.decode.table import TableDecoder
from mmbench.data.files.problems import CellError
from mmbench.data.table.table import Cell

LOOKED_AT = 512
"""Training samples from which it is seen what is usual."""

FAR = 30.0
"""Standard deviations from the middle, beyond which a number is hardly one of those of its feature."""

SKEWED, LOGARITHMIC = 1.5, 10.0
"""Positive numbers whose upper side is so many times wider than the lower are judged by their logarithms, which lie
closer together: so many standard deviations."""

MARK, REPEATED, APART = 9, 3, 0.5
"""A number of at least this size that repeats, and lies farther from all others than this share of what they span, is
a mark for nothing: -999, or 255 among values up to 80."""

DIFFERENT = 10
"""So many different numbers a feature has at least beside a mark; fewer are codes of something."""

SHORT = 8
"""Rows of fewer numbers are of one value by chance."""

WIDE, MIDDLE = 1024, (15.87, 50, 84.13)
"""Features that are looked at; percentiles: the middle, and one standard deviation on either side."""

LOUDER = 60.0
"""Decibels between the loudest band of a sound and that of the middle one: a thousandfold."""

CHANNELS = {"image": 0, "video": 1}
"""The axis of colours."""

FILMS = 16
"""Films of which it is seen whether they differ: most do so at once, and decoding all of them again would be slow."""

FEW = 3
"""Samples that a note names."""


class Usual(NamedTuple):
    """Each (F,): between which numbers lie that are nothing strange, and marks for nothing at either end (NaN where
    there are none)."""

    low: np.ndarray
    high: np.ndarray
    low_mark: np.ndarray
    high_mark: np.ndarray


class Stats(NamedTuple):
    """Of one cell as it is decoded. there: whether it is not read as missing. same: the first 48 bits of a digest.
    flat: whether all its values are `value`. peak: the loudest band of a sound, in dB. marks, mark: how many numbers
    are marks, and one of them. far, worst: how many others lie far out, and one of them."""

    there: float = 0
    same: float = 0
    flat: float = 0
    value: float = 0
    peak: float = 0
    marks: float = 0
    mark: float = 0
    far: float = 0
    worst: float = 0

    @classmethod
    def seen(cls, kind: str, values: np.ndarray, mask: np.ndarray | None) -> Self:
        """Without a judgement of numbers. values, mask: of the decoded cell."""
        if mask is not None and not mask.any():
            return cls()
        timed = mask is not None and len(mask) == len(values) and kind in ("audio", "video", "sequence", "text")
        real = values[mask] if timed and mask is not None else values
        same = hashlib.sha256(f"{real.shape}".encode() + np.ascontiguousarray(real).tobytes()).digest()[:6]
        low, high = (float(real.min()), float(real.max())) if real.size else (0.0, 0.0)
        return cls(
            there=1.0,
            same=float(int.from_bytes(same, "big")),
            # One number is always one value; and of none there is nothing to say.
            flat=float(real.size >= SHORT and kind not in ("text", "table") and is_blank(real, CHANNELS.get(kind))),
            value=low if low == high else np.nan,
            peak=high,
        )

    def judged(self, made: Decoder, cell: Cell, usual: Usual | None) -> Self:
        """With how many of its numbers are marks, or lie far out."""
        if usual is None or not self.there or not isinstance(made, Features | TableDecoder):
            return self
        rows = made.meant(cell)[:, :WIDE]
        marked = (rows == usual.low_mark) | (rows == usual.high_mark)
        with np.errstate(invalid="ignore"):
            far = ((rows < usual.low) | (rows > usual.high)) & ~marked
        return self._replace(
            marks=float(marked.sum()),
            mark=float(rows[marked][0]) if marked.any() else 0.0,
            far=float(far.sum()),
            worst=float(rows[far][0]) if far.any() else 0.0,
        )


def usual(made: Decoder, cells: Sequence[Cell]) -> Usual | None:
    """What training cells have; None for kinds other than vectors, sequences and tables."""
    if not isinstance(made, Features | TableDecoder):
        return None
    rows = []
    for cell in sample(cells, LOOKED_AT):
        try:
            found = made.meant(cell)[:, :WIDE]
        except CellError:
            continue
        rows.append(found[np.unique(np.linspace(0, len(found) - 1, min(16, len(found))).astype(int))])
    widths = Counter(r.shape[1] for r in rows)
    if not widths:
        return None
    width = widths.most_common(1)[0][0]
    table = np.concatenate([r for r in rows if r.shape[1] == width])
    limits = np.stack([np.full(width, -np.inf), np.full(width, np.inf)])
    marks = np.full((2, width), np.nan)
    for j in range(width):
        values = table[:, j][np.isfinite(table[:, j])]
        if not len(values):
            continue
        marks[:, j] = _marks(values)
        limits[:, j] = _limits(values[~np.isin(values, marks[:, j])])
    return Usual(*limits, *marks)


def _limits(values: np.ndarray) -> tuple[float, float]:
    low, centre, high = np.percentile(values, MIDDLE)
    if values.min() >= 0 and low > 0 and high - centre > SKEWED * (centre - low):
        # Amounts and counts: of them, what is a thousand times as large is not strange.
        return -np.inf, float(centre * (high / low) ** (LOGARITHMIC / 2))
    # Of a feature that mostly is one value, the standard deviation says how far the others lie.
    spread = (high - low) / 2 or float(values.std())
    return (centre - FAR * spread, centre + FAR * spread) if spread else (-np.inf, np.inf)


def _marks(values: np.ndarray) -> tuple[float, float]:
    """The least and the most, where they repeat far from all others."""
    different, counts = np.unique(values, return_counts=True)
    low = high = np.nan
    rest = different
    for _ in range(2):
        # That at one end shows only when that at the other is set aside.
        for first in (True, False):
            inner = rest[1:] if first else rest[:-1]
            if len(inner) < DIFFERENT:
                continue
            end = float(rest[0] if first else rest[-1])
            gap = abs(float(inner[0] if first else inner[-1]) - end)
            repeated = counts[np.searchsorted(different, end)] >= REPEATED
            if repeated and abs(end) >= MARK and end == round(end) and gap > APART * (inner[-1] - inner[0]):
                low, high, rest = (end, high, inner) if first else (low, end, inner)
    return low, high


def alike(made: Decoder, cells: Sequence[Cell]) -> int:
    """How many training films are the same, all that were looked at; 0 as soon as one differs."""
    first, count = None, 0
    for cell in sample(cells, FILMS):
        try:
            values, _ = made.decode(cell)
        except CellError:
            continue
        if first is not None and not np.array_equal(first, values):
            return 0
        first, count = values, count + 1
    return count if count > 1 else 0


def remarks(kind: str, stats: Mapping[int, Stats], train: Sequence[int], places: Sequence[str]) -> Iterator[str]:
    """What is to be said of a modality. stats: of every sample that could be read. train: those of training."""
    stats = {i: s for i, s in stats.items() if s.there}
    seen = [stats[i] for i in train if i in stats]
    flat = [i for i, s in stats.items() if s.flat]
    if len(seen) > 1 and len({s.same for s in seen}) == 1:
        yield f"is the same in every training sample{_of_one(kind, seen[0])}: no model can learn anything from it"
    elif flat:
        yield (
            f"{_samples(len(flat), len(stats))} of one value throughout{_values(kind, [stats[i] for i in flat])} "
            f"{_named(flat, places)}; `blank: missing` reads them as missing"
        )
    if marked := [i for i, s in stats.items() if s.marks]:
        count = int(sum(stats[i].marks for i in marked))
        values = [v for v, _ in Counter(stats[i].mark for i in marked).most_common(FEW)]
        told = ", ".join(f"{v:g}" for v in values)
        verb = "stands" if len(values) == 1 else "stand"
        yield (
            f"{told} {verb} {count:,} times in {len(marked):,} samples {_named(marked, places)}, far from all other "
            f"numbers; `missing: [{told}]` reads as missing"
        )
    if far := [i for i, s in stats.items() if s.far]:
        worst = max((stats[i].worst for i in far), key=abs)
        yield (
            f"{len(far):,} of {len(stats):,} samples {'has' if len(far) == 1 else 'have'} numbers more than {FAR:g} "
            f"standard deviations from the middle, such as {worst:g} {_named(far, places)}; `clip: {FAR:g}` brings "
            "them nearer, `missing` reads them as missing"
        )
    if kind == "audio":
        yield from _loudness({i: s for i, s in stats.items() if not s.flat}, places)


def _loudness(stats: Mapping[int, Stats], places: Sequence[str]) -> Iterator[str]:
    if not stats:
        return
    middle = float(np.median([s.peak for s in stats.values()]))
    for sign, word in ((1, "louder"), (-1, "quieter")):
        odd = [i for i, s in stats.items() if sign * (s.peak - middle) > LOUDER]
        if odd:
            most = max((stats[i].peak for i in odd), key=lambda peak: sign * peak)
            yield (
                f"{_samples(len(odd), len(stats))} more than {LOUDER:g} dB {word} than the middle one ({most:.0f} dB "
                f"where that has {middle:.0f} dB in its loudest band) {_named(odd, places)}; are they on another scale?"
            )


def _of_one(kind: str, stats: Stats) -> str:
    if not stats.flat or np.isnan(stats.value):
        return ""
    white = kind in ("image", "video") and stats.value == 255
    return f" (all {stats.value:g}{', white: are they transparent throughout?' if white else ''})"


def _values(kind: str, stats: Sequence[Stats]) -> str:
    values = {s.value for s in stats}
    if any(np.isnan(v) for v in values):
        return ""
    silent = kind == "audio" and max(values) <= -59
    return " (silence)" if silent else f" ({values.pop():g})" if len(values) == 1 else ""


def _samples(count: int, of: int) -> str:
    return f"{count:,} of {of:,} samples {'is' if count == 1 else 'are'}"


def _named(samples: Sequence[int], places: Sequence[str]) -> str:
    shown = ", ".join(places[i] for i in sorted(samples)[:FEW])
    return f"({shown}{', ...' if len(samples) > FEW else ''})"
