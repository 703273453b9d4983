"""What a sweep still has to do, fed to its engine as results come in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from mmbench.errors import UserError
from mmbench.ledger.lazily import Lazily
from mmbench.ledger.store import Ledger
from mmbench.schema.budget import Budget, save_budget
from mmbench.schema.plan import Job, Limits, Plan, Probes
from mmbench.schema.result import TrialResult
from mmbench.sweep.planning.interleaved import interleaved
from mmbench.sweep.rounds.assignment import Assignment, assignments
from mmbench.sweep.rounds.groups import Group, groups_of, together
from mmbench.sweep.rounds.schedule import Schedule, Track


class Work:
    """Hands out assignments: at first those of every data set, then, whenever all that a data set has waited for are
    finished, what it asks for next. The caller holds the ledger's lock.

    Attributes:
        jobs: Those of all that may be asked for that name the variants that are needed.
        grows: Whether more may be asked for than there is at first.
    """

    def __init__(
        self,
        tracks: Mapping[str, Track],
        ledger: Ledger,
        limits: Limits,
        prepared: Path,
        *,
        jobs: Sequence[Job],
        grows: bool,
        group: int = 1,
        probes: Probes = "default",
    ) -> None:
        """tracks: by data set. prepared: the folder of the prepared data sets. group: trials of one combination that
        are trained as one program, at most. probes: what is measured on models."""
        self.ledger, self.limits, self.prepared, self.jobs, self.grows = ledger, limits, prepared, jobs, grows
        self.datasets = tuple(tracks)
        self._tracks = dict(tracks)
        self._wanted: dict[str, Sequence[Job]] = {}
        self._waits: dict[str, set[str]] = {}
        self._most, self._probes = group, probes
        self._ended: set[str] = set()
        self._remeasured: set[str] = set()
        self._groups: dict[str, list[Group]] = {name: [] for name in tracks}

    def begin(self) -> list[Assignment]:
        """What can be done at once."""
        for name, track in self._tracks.items():
            self._ask(name, next(track))
        return self._advance(self.datasets)

    def _ask(self, name: str, jobs: Sequence[Job]) -> None:
        """A data set asks for these trials; those that it has not asked for before are grouped."""
        known = {job.trial_id for group in self._groups[name] for job in group}
        self._groups[name] += groups_of([job for job in jobs if job.trial_id not in known], self._most)
        self._wanted[name] = jobs

    def finished(self, result: TrialResult) -> list[Assignment]:
        """What can be done now that this trial has a result, which is in the ledger."""
        name = result.config.dataset
        waits = self._waits.get(name, set())
        if result.trial_id not in waits:
            return []
        waits.discard(result.trial_id)
        self._ended.add(result.trial_id)
        return [] if waits else self._advance([name])

    def _advance(self, names: Sequence[str]) -> list[Assignment]:
        """Let these data sets go on as far as the ledger allows; each then waits for trials, or is done."""
        again: list[Assignment] = []
        training: list[list[Assignment]] = []
        for name in names:
            while name in self._tracks:
                wanted = Plan(jobs=tuple(self._wanted[name]), skipped=(), probes=self._probes)
                found = assignments(wanted, self.ledger, self.limits, self.prepared)
                # Each round has the trials of those before it.
                lacking = [a for a in found if not a.trains and a.job.trial_id not in self._remeasured]
                self._remeasured |= {a.job.trial_id for a in lacking}
                again += lacking
                pending = [a for a in found if a.trains]
                if lost := [a.job.trial_id for a in pending if a.job.trial_id in self._ended]:
                    file = self.ledger.json_file(lost[0])
                    why = self.ledger.broken.get(file, "the result is not there")
                    raise UserError(f"{file} was written and cannot be read back: {why}")
                if pending:
                    self._waits[name] = {a.job.trial_id for a in pending}
                    training.append(together(pending, self._groups[name]))
                    break
                try:
                    self._ask(name, self._tracks[name].send(Lazily(self.ledger, (j.trial_id for j in wanted.jobs))))
                except StopIteration:
                    del self._tracks[name]
        return interleaved(training) + again


def scheduled(
    schedule: Schedule,
    ledger: Ledger,
    limits: Limits,
    prepared: Path,
    *,
    on_budget: Callable[[Budget], None] = lambda budget: None,
) -> Work:
    """The work of a project. on_budget: is called with a budget that has been found and kept."""

    def keep(budget: Budget) -> None:
        save_budget(schedule.folder, budget)
        on_budget(budget)

    return Work(
        {name: schedule.track(name, keep) for name in schedule.params.grid.datasets},
        ledger,
        limits,
        prepared,
        jobs=schedule.whole.jobs,
        grows=schedule.grows,
        group=schedule.params.sweep.group,
        probes=schedule.params.probes,
    )


def planned(plan: Plan, ledger: Ledger, limits: Limits, prepared: Path, *, group: int = 1) -> Work:
    """The work of a plan in which nothing is left to be found. group: as in `Work`."""
    by_dataset: dict[str, list[Job]] = {}
    for job in plan.trials:
        by_dataset.setdefault(job.config.dataset, []).append(job)

    def track(jobs: Sequence[Job]) -> Track:
        yield jobs

    tracks = {name: track(jobs) for name, jobs in by_dataset.items()}
    return Work(tracks, ledger, limits, prepared, jobs=plan.trials, grows=False, group=group, probes=plan.probes)
