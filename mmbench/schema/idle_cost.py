"""What the methods of a data set cost when nothing else runs: `costs.DATASET.json` in the ledger. No torch here."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from mmbench.schema.measured import Hardware
from mmbench.schema.strict_yaml import Frozen

Seconds = Annotated[float, Field(gt=0)]
Microseconds = Annotated[float, Field(gt=0)]


class IdleCost(Frozen):
    """One method. Of a model `step` and `validation` are known, of a baseline `fit`.

    Attributes:
        trial_id: Of the trial whose configuration was measured.
        step: Of one gradient step, in seconds.
        steps: In an epoch.
        validation: Of the outputs on the validation split, once an epoch, in seconds.
        fit: Of the whole training of a baseline, in seconds.
        batch_us: Of a prediction, a sample, in batches of 128.
        p50_us: Of a prediction for one sample alone, the median.
        p95_us: The same, the 95th percentile.
        memory: Bytes that the parameters and a gradient step hold at most at one time; None of a baseline.
        failed: Why nothing was measured; None where all is well.
    """

    trial_id: str
    step: Seconds | None = None
    steps: Annotated[int, Field(ge=1)] | None = None
    validation: Annotated[float, Field(ge=0)] | None = None
    fit: Seconds | None = None
    batch_us: Microseconds | None = None
    p50_us: Microseconds | None = None
    p95_us: Microseconds | None = None
    memory: Annotated[int, Field(ge=0)] | None = None
    failed: str | None = None

    def training(self, epochs: float) -> float | None:
        """Seconds of a training of so many epochs; None where they are not known."""
        if self.fit is not None:
            return self.fit
        if self.step is None or self.steps is None or self.validation is None:
            return None
        return epochs * (self.steps * self.step + self.validation)


class IdleCosts(Frozen):
    """All methods of one data set, measured in turn on one machine.

    Attributes:
        dataset: Its name.
        fingerprint: Of the source that measured it.
        hardware, versions: Of the machine.
        methods: By name, as in the report.
    """

    dataset: str
    fingerprint: str
    hardware: Hardware
    versions: dict[str, str]
    methods: dict[str, IdleCost]
