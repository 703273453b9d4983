"""What is compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from mmbench.schema.trial import TrialConfig

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


def method_of(config: TrialConfig, families: Mapping[str, str]) -> Method:
    """What is compared. `families`: fusion name -> family; a fusion that it lacks is a family of its own."""
    fusion = config.fusion
    return Method(
        key=config.cell,
        role=config.role,
        attention=config.attention.label if config.attention else None,
        fusion=fusion.label if fusion else None,
        family=families.get(fusion.name, fusion.name) if fusion else None,
        architecture=config.architecture.label if config.architecture else None,
        modality=config.modalities[0] if config.role == "single" else None,
        baseline=config.baseline,
    )
