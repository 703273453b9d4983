"""The resolved configuration of one trial."""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Literal

from pydantic import Field, JsonValue

from mmbench.schema.params import Choice, ModelSize, Training
from mmbench.schema.strict_yaml import Frozen, Names

Role = Literal["cell", "single", "baseline"]


class TrialConfig(Frozen):
    """One job, fully resolved.

    `fusion` and `architecture` are null for a single modality; a baseline has only a name. hyperparameters: what was
    drawn for its variants, such as `baseline.inverse_strength`. configuration: its number in a study; budget: how many
    times as long as the data set's budget it is trained. Both are no part of a trial's identity.
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
    hyperparameters: dict[str, JsonValue] = Field(default_factory=dict)
    configuration: Annotated[int, Field(ge=0)] = 0
    budget: Annotated[float, Field(gt=0)] = 1.0

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
        """`additive + concat · shared · synergy · s0`, ` · c3` with configuration 3, ` · budget x2` at twice the
        budget."""
        number = f" · c{self.configuration}" if self.configuration else ""
        budget = f" · budget x{self.budget:g}" if self.budget != 1 else ""
        return f"{self.cell} · {self.dataset} · s{self.seed}{number}{budget}"

    def choices(self) -> list[tuple[Literal["attention", "fusion", "architecture"], Choice]]:
        """The levels of the three axes that the trial has, by axis."""
        found: list[tuple[Literal["attention", "fusion", "architecture"], Choice | None]] = [
            ("attention", self.attention),
            ("fusion", self.fusion),
            ("architecture", self.architecture),
        ]
        return [(axis, choice) for axis, choice in found if choice is not None]

    def options(self, axis: str) -> dict[str, JsonValue]:
        """What the variant of this axis is made with: its options in params.yaml, and what was drawn for it."""
        choice: Choice | None = getattr(self, axis) if axis != "baseline" else None
        drawn = {k.split(".", 1)[1]: x for k, x in self.hyperparameters.items() if k.split(".", 1)[0] == axis}
        return (choice.options if choice else {}) | drawn

    def canonical(self) -> str:
        """Canonical JSON of what makes the trial: sorted keys, no spaces."""
        before, after = self.around_seed()
        return f"{before}{self.seed}{after}"

    def around_seed(self) -> tuple[str, str]:
        """What stands before and after the seed's number in the canonical JSON."""
        # Without hyperparameters as before there were any: nobody has to train again.
        left_out = {"configuration", "budget", "seed"} | (set() if self.hyperparameters else {"hyperparameters"})
        fields = self.model_dump(mode="json", exclude=left_out)
        if self.train is not None and not self.train.modality_dropout:
            del fields["train"]["modality_dropout"]
        written = {name: f'"{name}":{_compact(value)}' for name, value in fields.items()}
        before = ",".join(written[name] for name in sorted(written) if name < "seed")
        after = ",".join(written[name] for name in sorted(written) if name > "seed")
        return f'{{{before},"seed":', f",{after}}}"


def _compact(value: JsonValue) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def trial_id(config: TrialConfig, data_hash: str, source: str) -> str:
    """16 hex digits of SHA-256 over the configuration, the data's content hash and the fingerprint of the source."""
    return trial_id_of(config.canonical(), data_hash, source)


def trial_id_of(canonical: str, data_hash: str, source: str) -> str:
    """The same of a configuration as canonical JSON."""
    return hashlib.sha256(f"{canonical}\n{data_hash}\n{source}".encode()).hexdigest()[:16]
