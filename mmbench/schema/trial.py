"""The resolved configuration of one trial."""

from __future__ import annotations

import json
from typing import Annotated, Literal

from pydantic import Field

from mmbench.schema.params import Choice, ModelSize, Training
from mmbench.schema.strict_yaml import Frozen, Names

Role = Literal["cell", "single", "baseline"]


class TrialConfig(Frozen):
    """One job, fully resolved.

    `fusion` and `architecture` are null for a single modality; a baseline has only a name.
    """

    role: Role
    dataset: str
    modalities: Names
    attention: Choice | None = None
    fusion: Choice | None = None
    architecture: Choice | None = None
    baseline: str | None = None
    seed: Annotated[int, Field(ge=0)]
    model: ModelSize | None = None
    train: Training | None = None

    @property
    def cell(self) -> str:
        """What is compared, without data set and seed: `additive + concat · shared`."""
        if self.role == "baseline":
            return f"{self.baseline} baseline"
        assert self.attention is not None
        if self.role == "single":
            return f"{self.attention.label} · {self.modalities[0]} alone"
        assert self.fusion is not None and self.architecture is not None
        return f"{self.attention.label} + {self.fusion.label} · {self.architecture.label}"

    @property
    def name(self) -> str:
        """`additive + concat · shared · synergy · s0`."""
        return f"{self.cell} · {self.dataset} · s{self.seed}"

    def choices(self) -> list[tuple[Literal["attention", "fusion", "architecture"], Choice]]:
        """The levels of the three axes that the trial has, by axis."""
        found: list[tuple[Literal["attention", "fusion", "architecture"], Choice | None]] = [
            ("attention", self.attention),
            ("fusion", self.fusion),
            ("architecture", self.architecture),
        ]
        return [(axis, choice) for axis, choice in found if choice is not None]

    def canonical(self) -> str:
        """Canonical JSON: sorted keys, no spaces."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
