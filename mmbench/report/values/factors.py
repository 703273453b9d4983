"""The axes of the grid."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Factor:
    """An axis of the grid. levels: in the plan's order; by_score: best first by marginal mean over all data sets.

    families: for fusion, level -> family; else empty.
    """

    name: str
    levels: tuple[str, ...]
    by_score: tuple[str, ...]
    families: Mapping[str, str]
