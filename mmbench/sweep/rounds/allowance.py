"""Whether the time that a person allows for pays for another round of a race, by what the ledger says trials took."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mmbench.schema.dataset import DataSpec
from mmbench.schema.plan import Job
from mmbench.schema.result import TrialResult
from mmbench.sweep.planning.estimate import time_left

Results = Mapping[str, TrialResult]


@dataclass(frozen=True, kw_only=True)
class Allowance:
    """Of one data set. seconds: of training in all its trials together; afterwards: trials that must still be paid
    for when the race is over."""

    seconds: float
    spec: DataSpec
    afterwards: Sequence[Job]

    def pays_for(self, jobs: Sequence[Job], results: Results) -> bool:
        """jobs: of all rounds up to the next; results: of all before it."""
        spent = sum(results[job.trial_id].seconds for job in jobs if job.trial_id in results)
        # What is afterwards is not looked up: whether it has been run already must not matter.
        coming = time_left([*jobs, *self.afterwards], results, {self.spec.name: self.spec}, slots=1)
        return spent + coming.seconds <= self.seconds
