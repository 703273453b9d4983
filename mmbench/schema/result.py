"""What one trial leaves behind: its state, its numbers and where they came from."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from mmbench.schema.measured import Hardware, Measured
from mmbench.schema.metric import METRICS, MetricInfo
from mmbench.schema.quantity import QUANTITIES, TRAINING, Value, describe
from mmbench.schema.strict_yaml import Frozen, Names
from mmbench.schema.trial import TrialConfig


class State(StrEnum):
    """How a trial of the declared grid stands. `skipped` and `pending` are never in the ledger."""

    DONE = "done"
    FAILED = "failed"
    DIVERGED = "diverged"
    TIMEOUT = "timeout"
    OUT_OF_MEMORY = "out_of_memory"
    SKIPPED = "skipped"
    PENDING = "pending"


FINISHED = (State.DONE, State.FAILED, State.DIVERGED, State.TIMEOUT, State.OUT_OF_MEMORY)


Time = Annotated[float, Field(ge=0, le=1e12)]


class FileDigest(Frozen):
    """A file that belongs to a trial. size: in bytes."""

    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    size: Annotated[int, Field(ge=0)]


class Provenance(Frozen):
    """Where a number came from."""

    data_hash: str
    fingerprint: str
    commit: str | None
    dirty: bool | None
    versions: dict[str, str]
    hardware: Hardware


def _as_state(value: object) -> object:
    return State(value) if isinstance(value, str) else value


def _moment(text: str) -> str:
    datetime.fromisoformat(text)
    return text


Scores = dict[str, float]
"""By the name of the metric (`mmbench/metric`)."""

Curve = list[float | None]
"""One value an epoch; null where it was not finite."""


class TrialResult(Frozen):
    """One finished trial, as readers see it. In the ledger, `metrics` and what probes measured are in a file of their
    own (`mmbench.schema.measured`), and are put in here when the trial is read.

    Attributes:
        state: How it ended.
        message: Why, for every state but done.
        metrics: Scores by split, at best_epoch. A metric that is not installed here is kept, and is in no table.
        best_epoch: 0-based, chosen on validation.
        curves: By name, one value an epoch.
        quantities: What training and probes measured, by the name of the quantity (`mmbench.schema.quantity`).
        measured_on: The hardware on which a quantity was measured, where it is not that of `provenance`: by quantity,
            of those that depend on the machine.
        started: ISO 8601, UTC.
        seconds: Wall time of the whole job.
        unrepeatable: The operation of which the device has no version that repeats itself bit by bit; None where all
            have one.
        outputs: The file of its outputs, without which a trial that is done is not finished; None of a trial that did
            not end well, and of one from before outputs were kept, which has its metrics in its JSON.
        weights: The file of its weights, where they were kept.
        group: The trials that were one program, in order and with this one; empty where it was trained alone.
        ungrouped: Why it was trained alone where it should have been in a group.
        resumed: Epochs that a process before this one had trained when it was lost.
        uncaptured: Why a GPU was given its operations one by one; None where it was given whole steps, or on a CPU.
    """

    trial_id: str
    config: TrialConfig
    state: Annotated[State, BeforeValidator(_as_state)]
    message: str | None = None
    traceback: str | None = None
    metrics: dict[str, Scores] = Field(default_factory=dict)
    best_epoch: int | None = None
    curves: dict[str, Curve] = Field(default_factory=dict)
    quantities: dict[str, Value] = Field(default_factory=dict)
    measured_on: dict[str, Hardware] = Field(default_factory=dict)
    started: Annotated[str, AfterValidator(_moment)]
    seconds: Time
    limits: dict[str, float | None] = Field(default_factory=dict)
    unrepeatable: str | None = None
    outputs: FileDigest | None = None
    weights: FileDigest | None = None
    group: Names = ()
    ungrouped: str | None = None
    resumed: Annotated[int, Field(ge=0)] = 0
    uncaptured: str | None = None
    provenance: Provenance

    @model_validator(mode="before")
    @classmethod
    def _convert(cls, raw: Any) -> Any:
        """Before outputs were kept, a cost of fixed fields was part of the record."""
        if not isinstance(raw, dict) or "cost" not in raw:
            return raw
        cost = raw["cost"] or {}
        if not isinstance(cost, dict):
            raise ValueError("cost is no object")
        found = {name: value for name, value in cost.items() if value is not None}
        return {k: v for k, v in raw.items() if k != "cost"} | {"quantities": found | (raw.get("quantities") or {})}

    @model_validator(mode="after")
    def _possible(self) -> TrialResult:
        if self.state not in FINISHED:
            raise ValueError(f"{self.state}: no trial ends so")
        if self.state is State.DONE and not self.metrics and self.outputs is None:
            raise ValueError("done, but with neither outputs nor a score")
        for split, scores in self.metrics.items():
            for name, value in scores.items():
                metric = METRICS.get(name)
                if metric is not None and not _within(value, metric):
                    raise ValueError(f"{split} {name} is {value}, which is outside [{metric.low}, {metric.high}]")
        for name, amount in self.quantities.items():
            quantity = QUANTITIES.get(name)
            if quantity is not None and (why := quantity.misfit(amount)) is not None:
                raise ValueError(f"{name} {why}")
        return self

    def bare(self) -> TrialResult:
        """What training itself found: as it is in the ledger's JSON where outputs are kept."""
        own = {name: value for name, value in self.quantities.items() if name in TRAINING}
        return self.model_copy(update={"metrics": {}, "quantities": own, "measured_on": {}})

    def complete(self, measured: Measured) -> TrialResult:
        """With what was measured. Raises ValueError where a score cannot be."""
        raw = dict(self) | {
            "metrics": measured.scores(),
            "quantities": self.quantities | measured.quantities(),
            "measured_on": {
                name: hardware
                for name, hardware in measured.hardware().items()
                if hardware != self.provenance.hardware and describe(name, measured.quantities()[name]).machine
            },
        }
        return TrialResult.model_validate(raw)


def _within(value: float, metric: MetricInfo) -> bool:
    return (metric.low is None or value >= metric.low) and (metric.high is None or value <= metric.high)
