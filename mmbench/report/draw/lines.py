"""A named line and the number of hues."""

from __future__ import annotations

from dataclasses import dataclass

HUES = 6


@dataclass(frozen=True, kw_only=True)
class Line:
    """A named curve. hue: 1-6, also its dash. end: place of its label in % from the top, free of its neighbours."""

    name: str
    hue: int
    path: str
    band: str
    end: float
    value: str
