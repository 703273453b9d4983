"""How a plan stands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from mmbench.schema.plan import Plan
from mmbench.schema.result import State


class Ended(Protocol):
    """A result, or what is told of it."""

    @property
    def state(self) -> State: ...


def coverage(plan: Plan, results: Mapping[str, Ended]) -> dict[State, int]:
    """How many trials of the plan stand in each state; the counts sum to `plan.declared`."""
    counts = dict.fromkeys(State, 0)
    counts[State.SKIPPED] = len(plan.skipped)
    for job in plan.trials:
        result = results.get(job.trial_id)
        counts[State.PENDING if result is None else result.state] += 1
    return counts
