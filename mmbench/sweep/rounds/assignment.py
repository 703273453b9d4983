"""What a sweep has to do, one step at a time: a trial to be trained and measured, or probes of one that is finished."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmbench.ledger.store import Ledger
from mmbench.schema.dataset import load_spec
from mmbench.schema.plan import Job, Limits, Plan
from mmbench.schema.result import FileDigest
from mmbench.schema.strict_yaml import Frozen
from mmbench.sweep.measure import Wanted, missing, wanted_by_kind


class Assignment(Frozen):
    """One step of a worker.

    Attributes:
        job: The trial.
        measures: What to measure, with fingerprints.
        outputs: Of the trial, where it is finished and only `measures.probes` are wanted; None: it is to be trained.
        mates: Trials that are trained with it as one program; they have none themselves.
        kept: Whether its result is wanted; False of one that is finished and trained again since its group is.
    """

    job: Job
    measures: Wanted
    outputs: FileDigest | None = None
    mates: tuple[Assignment, ...] = ()
    kept: bool = True

    @property
    def trains(self) -> bool:
        return self.outputs is None

    @property
    def members(self) -> tuple[Assignment, ...]:
        """It and its mates, each by itself."""
        return (self.model_copy(update={"mates": ()}), *self.mates)

    @property
    def results(self) -> int:
        """How many trials have a result when it is done."""
        return sum(a.kept for a in self.members) if self.trains else 0

    def without_probes(self) -> Assignment:
        mates = tuple(mate.without_probes() for mate in self.mates)
        return self.model_copy(update={"measures": self.measures.model_copy(update={"probes": {}}), "mates": mates})


@dataclass(frozen=True)
class Packed:
    """What a worker returns of a step.

    Attributes:
        content: As plain values: {"trials": [`TrialFiles.pack`, ...]}, {"measured": JSON}, or {"refused": why} from a
            worker that has other source than the driver.
    """

    # Tune writes each result into messages that nobody reads; the bytes of a trial would take longer than its files.
    content: dict[str, Any] = field(repr=False)


def assignments(plan: Plan, ledger: Ledger, limits: Limits, data_root: Path) -> list[Assignment]:
    """The pending trials, in the plan's order, then the finished ones that lack probes."""
    specs = {name: load_spec(data_root / name) for name in {job.config.dataset for job in plan.trials}}
    measures = wanted_by_kind(specs, plan.probes)
    briefs = ledger.briefs(plan.trials)
    pending = [
        Assignment(job=job, measures=measures[job.config.dataset, job.config.baseline is not None])
        for job in ledger.open_of(plan, briefs, limits)
    ]
    lacking = {i: lacks for i, lacks in missing(plan, briefs, specs).items() if lacks.probes}
    results = ledger.read(lacking)
    again = [
        Assignment(job=job, measures=lacking[job.trial_id], outputs=results[job.trial_id].outputs)
        for job in plan.trials
        if job.trial_id in lacking and job.trial_id in results
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
