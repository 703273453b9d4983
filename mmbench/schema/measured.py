"""What was measured on a finished trial after its training: `<trial_id>.measured.json`, which can be made again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from mmbench.schema.quantity import Value
from mmbench.schema.strict_yaml import Frozen

Origin = Literal["training", "weights", "retraining", "other retraining"]
"""Where a probe's model came from: trained just before; kept weights; trained again with the same outputs bit by bit;
trained again with other outputs, as on other hardware."""


Hardware = dict[str, str | int | float | None]
"""Facts of a machine (`mmbench.provenance.hardware`)."""


class MeasuredMetric(Frozen):
    """One metric.

    Attributes:
        fingerprint: Of the source that computed it.
        values: By split; a split on which it is not defined is absent.
        failed: Why there are no values; None where all is well.
    """

    fingerprint: str
    values: dict[str, float] = Field(default_factory=dict)
    failed: str | None = None


class MeasuredProbe(Frozen):
    """One probe.

    Attributes:
        fingerprint: Of the source that measured it.
        values: By the name of the quantity.
        failed: Why there are no values; None where all is well.
        model: Where the model came from.
        hardware, versions: Of the machine on which it was measured, where a quantity depends on the machine; else None.
    """

    fingerprint: str
    values: dict[str, Value] = Field(default_factory=dict)
    failed: str | None = None
    model: Origin
    hardware: Hardware | None = None
    versions: dict[str, str] | None = None


class Measured(Frozen):
    """Everything measured on one trial. outputs: SHA-256 of the outputs of the model that it was measured on."""

    trial_id: str
    outputs: str
    metrics: dict[str, MeasuredMetric] = Field(default_factory=dict)
    probes: dict[str, MeasuredProbe] = Field(default_factory=dict)

    def scores(self) -> dict[str, dict[str, float]]:
        """By split and metric."""
        found: dict[str, dict[str, float]] = {"validation": {}, "test": {}}
        for name, metric in self.metrics.items():
            for split, value in metric.values.items():
                found.setdefault(split, {})[name] = value
        return {split: values for split, values in found.items() if values}

    def quantities(self) -> dict[str, Value]:
        return {name: value for probe in self.probes.values() for name, value in probe.values.items()}

    def hardware(self) -> dict[str, Hardware]:
        """By quantity, for the probes whose hardware is recorded."""
        known = [probe for probe in self.probes.values() if probe.hardware is not None]
        return {name: probe.hardware for probe in known for name in probe.values if probe.hardware is not None}

    def updated(
        self, metrics: Mapping[str, MeasuredMetric] | None = None, probes: Mapping[str, MeasuredProbe] | None = None
    ) -> Measured:
        """With these entries added or replaced."""
        return self.model_copy(
            update={"metrics": {**self.metrics, **(metrics or {})}, "probes": {**self.probes, **(probes or {})}}
        )
