"""Numbers that single precision would round away, such as times since 1970: what is subtracted from them first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Self

import numpy as np

LEVELS = 1e-4
"""Rounding of at most such a share of what a feature spans is harmless."""

EXACT = 1 << 24
"""Whole numbers up to here are kept exactly in single precision."""

LOST = 0.01
"""The share of different large numbers that rounding makes the same, from which on it is told."""

KEPT = 1024
"""Large numbers of one cell that are looked at."""


class Span(NamedTuple):
    """Of one cell, each (F,): the least and the most, and the largest error of rounding. large: some numbers beyond
    EXACT."""

    low: np.ndarray
    high: np.ndarray
    error: np.ndarray
    large: np.ndarray

    @classmethod
    def of(cls, rows: np.ndarray) -> Self:
        """rows: (n, F), float32 or float64."""
        if rows.dtype == np.float32:
            low, high = rows.min(axis=0).astype(np.float64), rows.max(axis=0).astype(np.float64)
            return cls(low, high, np.zeros(len(low)), np.zeros(0))
        with np.errstate(over="ignore", invalid="ignore"):
            error = np.abs(rows - rows.astype(np.float32))
        flat = rows[np.abs(rows) > EXACT]
        return cls(rows.min(axis=0), rows.max(axis=0), error.max(axis=0), flat[:: max(1, -(-flat.size // KEPT))])


def offsets(spans: Sequence[Span]) -> np.ndarray | None:
    """(F,) float64: what is to be subtracted, 0 where nothing is; None where single precision is enough for all."""
    low, high = np.min([s.low for s in spans], axis=0), np.max([s.high for s in spans], axis=0)
    error = np.max([s.error for s in spans], axis=0)
    coarse = error > LEVELS * (high - low)
    if _collapses(np.concatenate([s.large for s in spans])):
        coarse |= (error > 0) & (np.maximum(np.abs(low), np.abs(high)) > EXACT)
    coarse &= (high > low) & np.isfinite(error)
    if not coarse.any():
        return None
    middle = low + (high - low) / 2
    # Whole numbers stay whole, and so exact.
    return np.where(coarse, np.where(np.abs(middle) > 1, np.round(middle), middle), 0.0)


def still_rounded(spans: Sequence[Span], offset: np.ndarray) -> float:
    """The largest step between numbers after the subtraction, where whole ones are no longer kept exactly; else 0."""
    low, high = np.min([s.low for s in spans], axis=0), np.max([s.high for s in spans], axis=0)
    furthest = np.where(offset != 0, np.maximum(np.abs(low - offset), np.abs(high - offset)), 0).max()
    return float(np.spacing(np.float32(furthest))) if furthest > EXACT else 0.0


def describe(offset: np.ndarray) -> str:
    """For a note."""
    count, first = int((offset != 0).sum()), float(offset[offset != 0][0])
    which = f"{count} of {offset.size} numbers" if offset.size > 1 else "the number"
    return (
        f"; {which} would lose their differences in single precision: the middle of the training samples "
        f"({first:,.6g}) is subtracted first"
    )


def _collapses(large: np.ndarray) -> bool:
    different = np.unique(large).size
    with np.errstate(over="ignore"):
        return np.unique(large.astype(np.float32)).size < (1 - LOST) * different
