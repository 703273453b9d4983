"""What a trial is asked to do and what it may use, and the plan: all trials that were asked for. No torch here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mmbench.schema.strict_yaml import Frozen
from mmbench.schema.trial import TrialConfig

Probes = Literal["default", "all"] | tuple[str, ...]
"""What is measured on trained models: what is usual, whatever there is, or these by name."""


class Job(Frozen):
    """A planned trial: its configuration, what identifies it, and the commit that the driver stands on."""

    trial_id: str
    config: TrialConfig
    data_hash: str
    fingerprint: str
    commit: str | None = None
    dirty: bool | None = None


class Limits(Frozen):
    """What one trial may use. seconds: wall time; memory_gb: GiB on top of what the process holds already."""

    seconds: float | None = None
    memory_gb: float | None = None


@dataclass(frozen=True, kw_only=True)
class Skip:
    """A declared trial that cannot be, and why."""

    config: TrialConfig
    reason: str


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Every declared trial, in the order in which they run.

    Attributes:
        jobs: What is compared.
        skipped: What cannot be, with reasons.
        ladder: The same methods once more under shorter and longer budgets, to see whether verdicts last.
        probes: What is measured on trained models.
    """

    jobs: tuple[Job, ...]
    skipped: tuple[Skip, ...]
    ladder: tuple[Job, ...] = ()
    probes: Probes = "default"

    @property
    def trials(self) -> tuple[Job, ...]:
        """All that are to be trained."""
        return self.jobs + self.ladder

    @property
    def declared(self) -> int:
        return len(self.trials) + len(self.skipped)
