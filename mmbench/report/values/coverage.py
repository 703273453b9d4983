"""What became of the declared trials."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Cause = Literal["failed", "diverged", "timeout", "out_of_memory", "skipped", "pending"]


@dataclass(frozen=True, kw_only=True)
class Counts:
    """Trials by state; the states sum to `declared`. name: a data set, or "all"."""

    name: str
    declared: int
    done: int
    failed: int
    diverged: int
    timeout: int
    out_of_memory: int
    skipped: int
    pending: int

    @property
    def bad(self) -> int:
        """Trials that ended without a score."""
        return self.failed + self.diverged + self.timeout + self.out_of_memory


@dataclass(frozen=True, kw_only=True)
class Problem:
    """A declared trial without a score, other than a pending one. trial_id is None for a skip."""

    trial_id: str | None
    name: str
    method: str
    dataset: str
    seed: int | None
    state: Cause
    message: str
