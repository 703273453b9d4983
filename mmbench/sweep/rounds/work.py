"""What a sweep still has to do, fed to its engine as results come in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from mmbench.ledger.store import Ledger
from mmbench.schema.budget import Budget, save_budget
from mmbench.schema.plan import Job, Limits, Plan
from mmbench.schema.result import TrialResult
from mmbench.sweep.planning.interleaved import interleaved
from mmbench.sweep.rounds.assignment import Assignment, assignments
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
    ) -> None:
        """tracks: by data set. prepared: the folder of the prepared data sets."""
        self.ledger, self.limits, self.prepared, self.jobs, self.grows = ledger, limits, prepared, jobs, grows
        self.datasets = tuple(tracks)
        self._tracks = dict(tracks)
        self._wanted: dict[str, Sequence[Job]] = {}
        self._waits: dict[str, set[str]] = {}

    def begin(self) -> list[Assignment]:
        """What can be done at once."""
        for name, track in self._tracks.items():
            self._wanted[name] = next(track)
        return self._advance(self.datasets)

    def finished(self, result: TrialResult) -> list[Assignment]:
        """What can be done now that this trial has a result, which is in the ledger."""
        name = result.config.dataset
        waits = self._waits.get(name, set())
        if result.trial_id not in waits:
            return []
        waits.discard(result.trial_id)
        return [] if waits else self._advance([name])

    def _advance(self, names: Sequence[str]) -> list[Assignment]:
        """Let these data sets go on as far as the ledger allows; each then waits for trials, or is done."""
        again: list[Assignment] = []
        training: list[list[Assignment]] = []
        for name in names:
            while name in self._tracks:
                wanted = Plan(jobs=tuple(self._wanted[name]), skipped=())
                found = assignments(wanted, self.ledger, self.limits, self.prepared)
                again += [a for a in found if not a.trains]
                pending = [a for a in found if a.trains]
                if pending:
                    self._waits[name] = {a.job.trial_id for a in pending}
                    training.append(pending)
                    break
                try:
                    self._wanted[name] = self._tracks[name].send(self.ledger.of(wanted.jobs))
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
    )


def planned(plan: Plan, ledger: Ledger, limits: Limits, prepared: Path) -> Work:
    """The work of a plan in which nothing is left to be found."""
    by_dataset: dict[str, list[Job]] = {}
    for job in plan.trials:
        by_dataset.setdefault(job.config.dataset, []).append(job)

    def track(jobs: Sequence[Job]) -> Track:
        yield jobs

    tracks = {name: track(jobs) for name, jobs in by_dataset.items()}
    return Work(tracks, ledger, limits, prepared, jobs=plan.trials, grows=False)
