"""What those who count need to know of a finished trial."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from mmbench.schema.measured import Measured
from mmbench.schema.result import State, TrialResult
from mmbench.schema.trial import trial_id as identity


class Fingerprints(NamedTuple):
    """Fingerprints of what was measured on a trial, by name."""

    metrics: dict[str, str]
    probes: dict[str, str]


class Brief(NamedTuple):
    """What those who count need to know of a result; the fields are its own.

    fingerprints: None of a trial on which nothing can be measured.
    """

    trial_id: str
    state: State
    message: str | None
    started: str
    seconds: float
    limits: dict[str, float | None]
    fingerprints: Fingerprints | None

    def is_whole(self, names: Collection[str]) -> bool:
        """Whether its outputs are there, where it has any. names: of what is in the folder."""
        return self.fingerprints is None or f"{self.trial_id}.safetensors" in names


def brief_of(result: TrialResult, measured: Measured | None) -> Brief:
    """measured: what is known of it, nothing measured included; None of a trial without outputs."""
    fingerprints = None
    if measured is not None:
        fingerprints = Fingerprints(
            {name: one.fingerprint for name, one in measured.metrics.items()},
            {name: one.fingerprint for name, one in measured.probes.items()},
        )
    return Brief(
        result.trial_id, result.state, result.message, result.started, result.seconds, dict(result.limits), fingerprints
    )


def names_itself(result: TrialResult) -> bool:
    """Whether its identity is that of its contents: then it is that of whatever plan has a trial of this name."""
    origin = result.provenance
    return identity(result.config, origin.data_hash, origin.fingerprint) == result.trial_id
