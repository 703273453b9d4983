"""What one trial leaves behind: its state, its numbers and where they came from."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from mmbench.errors import suggest
from mmbench.schema.metric import METRICS, Metric
from mmbench.schema.strict_yaml import Frozen
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


Amount = Annotated[int, Field(ge=0)]
Time = Annotated[float, Field(ge=0, le=1e12)]


class Cost(Frozen):
    """What a trial cost. flops: multiply-adds of matrix products x 2 for one sample, forward; elementwise work is not
    counted. Seconds are wall time; peak_memory is in bytes (of the device, or of the process on a CPU)."""

    parameters: Amount
    flops: Amount | None
    train_seconds: Time
    seconds_per_epoch: Time
    inference_us_per_sample: Time
    peak_memory: Amount | None


class Provenance(Frozen):
    """Where a number came from."""

    data_hash: str
    fingerprint: str
    commit: str | None
    dirty: bool | None
    versions: dict[str, str]
    hardware: dict[str, str | int | float | None]


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
    """One finished trial, as the ledger keeps it.

    state: how it ended; message: why, for every state but done. metrics: scores by split, at best_epoch (0-based,
    chosen on validation). curves: by name, one value an epoch. started: ISO 8601, UTC. seconds: wall time of
    the whole job. unrepeatable: the operation of which the device has no version that repeats itself bit by bit; None
    where all have one.
    """

    trial_id: str
    config: TrialConfig
    state: Annotated[State, BeforeValidator(_as_state)]
    message: str | None = None
    traceback: str | None = None
    metrics: dict[str, Scores] = Field(default_factory=dict)
    best_epoch: int | None = None
    curves: dict[str, Curve] = Field(default_factory=dict)
    cost: Cost | None = None
    started: Annotated[str, AfterValidator(_moment)]
    seconds: Time
    limits: dict[str, float | None] = Field(default_factory=dict)
    unrepeatable: str | None = None
    provenance: Provenance

    @model_validator(mode="after")
    def _possible(self) -> TrialResult:
        if self.state is State.DONE and not self.metrics:
            raise ValueError("done, but without a score")
        for split, scores in self.metrics.items():
            for name, value in scores.items():
                metric = METRICS.get(name)
                if metric is None:
                    raise ValueError(f"{split} {name} is no metric{suggest(name, METRICS)}")
                if not _within(value, metric):
                    raise ValueError(f"{split} {name} is {value}, which lies outside [{metric.low}, {metric.high}]")
        return self


def _within(value: float, metric: Metric) -> bool:
    return (metric.low is None or value >= metric.low) and (metric.high is None or value <= metric.high)
