"""What is compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Role = Literal["cell", "single", "baseline"]

POOLING = "mean"
"""The level of the attention axis that is no attention."""


@dataclass(frozen=True, kw_only=True)
class Method:
    """What is compared, without data set and seed.

    key: unique, readable, the same on every data set (`additive + concat · shared`, `additive · image alone`, `linear
    baseline`). Levels are labels; fusion, family and architecture are None for a single modality, attention too for a
    baseline. modality: of a single-modality control.
    """

    key: str
    role: Role
    attention: str | None
    fusion: str | None
    family: str | None
    architecture: str | None
    modality: str | None
    baseline: str | None
