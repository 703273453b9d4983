"""What a sweep has to do, one step at a time: a trial to be trained and measured, or probes of one that is finished."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmbench.ledger.store import Ledger
from mmbench.schema.dataset import load_spec
from mmbench.schema.plan import Job, Limits, Plan
from mmbench.schema.result import FileDigest
from mmbench.schema.strict_yaml import Frozen
from mmbench.sweep.measure import Wanted, missing, wanted


class Assignment(Frozen):
    """One step of a worker.

    Attributes:
        job: The trial.
        measures: What to measure, with fingerprints.
        outputs: Of the trial, where it is finished and only `measures.probes` are wanted; None: it is to be trained.
    """

    job: Job
    measures: Wanted
    outputs: FileDigest | None = None

    @property
    def trains(self) -> bool:
        return self.outputs is None

    def without_probes(self) -> Assignment:
        return self.model_copy(update={"measures": self.measures.model_copy(update={"probes": {}})})


Packed = dict[str, Any]
"""What a worker returns of a step, as plain values: `TrialFiles.pack`, or {"measured": JSON}."""


def assignments(plan: Plan, ledger: Ledger, limits: Limits, data_root: Path) -> list[Assignment]:
    """The pending trials, in the plan's order, then the finished ones that lack probes."""
    specs = {name: load_spec(data_root / name) for name in {job.config.dataset for job in plan.trials}}
    measures = {name: wanted(spec) for name, spec in specs.items()}
    pending = [Assignment(job=j, measures=measures[j.config.dataset]) for j in ledger.pending(plan, limits)]
    results = ledger.of(plan.trials)
    lacking = missing(plan, results, ledger, specs)
    again = [
        Assignment(job=job, measures=lacking[job.trial_id], outputs=results[job.trial_id].outputs)
        for job in plan.trials
        if job.trial_id in lacking and lacking[job.trial_id].probes
    ]
    return pending + again


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a sweep ended.

    Attributes:
        ran: Trials that now have a result.
        left: Trials without one.
        measured: Trials from before on which probes were measured.
        unmeasured: Those on which this is still to be done.
        slots: Trials at a time.
        seconds: Wall time.
    """

    ran: int
    left: int
    measured: int
    unmeasured: int
    slots: int
    seconds: float
