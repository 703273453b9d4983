"""What is trained when: for each data set its budget is found first, then come its trials, then those of a race.

What is asked for next depends on results alone, never on the order in which they came: so a sweep that was interrupted
goes on to the same end, and a reader of the ledger finds out what was asked for by going through it again.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from mmbench import provenance
from mmbench.ledger.briefs import Brief
from mmbench.ledger.lazily import Lazily
from mmbench.ledger.store import Ledger
from mmbench.paused_collector import paused_collector
from mmbench.schema.budget import Budget, load_budget
from mmbench.schema.dataset import DataSpec
from mmbench.schema.metric import METRICS, margin, metric_to_compare
from mmbench.schema.params import Params, Race
from mmbench.schema.plan import Job, Plan
from mmbench.schema.result import State, TrialResult
from mmbench.schema.trial import TrialConfig
from mmbench.schema.tuning import choose
from mmbench.stats.estimates import Verdict
from mmbench.sweep.planning.plan import build, job_of, ladder_budgets
from mmbench.sweep.rounds import race
from mmbench.sweep.rounds.allowance import Allowance
from mmbench.sweep.rounds.calibration import Calibration, references
from mmbench.sweep.rounds.race import Finding

if TYPE_CHECKING:
    from mmbench.sweep.planning.model_counts import ModelCounter

Results = Mapping[str, TrialResult]
Track = Generator[Sequence[Job], Results, None]
"""Yields the trials that it waits for, and is sent their results."""


@dataclass(kw_only=True)
class Stand:
    """How far a data set is.

    Attributes:
        jobs: Of the comparison, as far as they have been asked for.
        ladder: The same under other budgets, once the comparison has all that it needs.
        budget: Where it is found and not set, once it is known.
        race: What it has found, where there is one.
        calibrating: Whether the budget is still to be found; `jobs` are then provisional.
        most: Trials that could be asked for in all, apart from those of a search; None until the budget is known.
    """

    jobs: tuple[Job, ...] = ()
    ladder: tuple[Job, ...] = ()
    budget: Budget | None = None
    race: Finding | None = None
    calibrating: bool = False
    most: int | None = None


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """Of a project's settings. root: the project's folder, for the commit; folder: of the budgets that were found."""

    params: Params
    specs: Mapping[str, DataSpec]
    root: Path
    folder: Path
    counter: ModelCounter | None = None
    stands: dict[str, Stand] = field(default_factory=dict)

    @cached_property
    def _commit(self) -> tuple[str | None, bool | None]:
        return provenance.commit(self.root)

    @cached_property
    def _known(self) -> dict[str, Budget]:
        """Budgets that were found before, by data set."""
        if not self.params.train.is_auto:
            return {}
        found = {name: load_budget(self.folder, self.params, spec) for name, spec in self.specs.items()}
        return {name: budget for name, budget in found.items() if budget is not None}

    @cached_property
    def whole(self) -> Plan:
        """Every trial that could be asked for; provisional on data sets whose budget is not known."""
        training = {name: budget.training(self.params) for name, budget in self._known.items()}
        return build(self.params, self.specs, root=self.root, training=training, counter=self.counter)

    @property
    def grows(self) -> bool:
        """Whether what is asked for depends on results."""
        return self.params.grid.race is not None or (self.params.train.is_auto and len(self._known) < len(self.specs))

    @cached_property
    def _most(self) -> Counter[str]:
        """Trials that could be asked for, by data set. Which other budgets there are is not known before the own one:
        then each counts."""
        found = Counter(job.config.dataset for job in self.whole.jobs)
        for name in self.specs:
            if not self.params.train.is_auto or name in self._known:
                found[name] += len(_of(name, self.whole.ladder))
            else:
                methods = {j.config.cell for j in _of(name, self.whole.jobs) if j.config.role != "baseline"}
                found[name] += len(methods) * len(ladder_budgets(self.params))
        return found

    @property
    def unasked(self) -> int:
        """How many trials could still be asked for, apart from those that a search for a budget takes."""
        left = 0
        for name, most in self._most.items():
            stand = self.stands.get(name, Stand(calibrating=True))
            asked = 0 if stand.calibrating else len(stand.jobs) + len(stand.ladder)
            left += max(0, (most if stand.most is None else stand.most) - asked)
        return left

    @property
    def share(self) -> float | None:
        """Seconds of training that each data set's trials may take before its race ends; None: as many as it takes."""
        budget = self.params.sweep.budget
        return None if budget is None else budget / len(self.specs)

    def track(self, name: str, on_budget: Callable[[Budget], None] | None = None) -> Track:
        """The trials of one data set. on_budget: is called with a budget that has been found; None: where none is
        known, none is looked for, and the trials that are asked for are provisional."""
        stand = self.stands[name] = Stand()
        plan = self.whole
        if self.params.train.is_auto:
            stand.budget = self._known.get(name)
            stand.calibrating = stand.budget is None
            if stand.budget is None and on_budget is not None:
                stand.budget = yield from self._calibrate(name, _of(name, plan.jobs))
                stand.calibrating = False
                if stand.budget is not None:
                    on_budget(stand.budget)
                    plan = self._with(name, stand.budget)
        jobs, ladder, settings = _of(name, plan.jobs), _of(name, plan.ladder), self.params.grid.race
        if not stand.calibrating:
            stand.most = len(jobs) + len(ladder)
        if settings is None or stand.calibrating:
            stand.jobs = _first(jobs, self.params.grid.least_seeds)
            yield stand.jobs
        else:
            stand.race = Finding()
            yield from self._rounds(self._race(name, jobs, ladder, settings, stand.race), stand)
            # The race asks for no more.
            stand.most = len(stand.jobs) + len(ladder)
        if not stand.calibrating and ladder:
            stand.ladder = ladder
            yield stand.jobs + ladder

    def _rounds(self, rounds: Track, stand: Stand) -> Track:
        stand.jobs = tuple(next(rounds))
        while True:
            results = yield stand.jobs
            try:
                stand.jobs = tuple(rounds.send(results))
            except StopIteration:
                return

    def _race(self, name: str, jobs: Sequence[Job], ladder: Sequence[Job], settings: Race, finding: Finding) -> Track:
        spec, report = self.specs[name], self.params.report
        metric = metric_to_compare(report.metric, name, spec.task)

        def score(study: Sequence[TrialResult]) -> float | None:
            """On test, of the configuration that is best on validation."""
            at = choose([_reached(r, "validation", spec.task.metric) for r in study])
            return None if at is None else _reached(study[at], "test", metric)

        guess = spec.chance if metric == spec.task.metric else None
        rope = margin(metric, report.rope, guess=guess, samples=spec.splits["test"])
        share = Allowance(seconds=self.share or math.inf, spec=spec, afterwards=ladder)
        return race.run(
            jobs,
            settings,
            score,
            confidence=report.confidence,
            rope=rope,
            finding=finding,
            pays_for=share.pays_for,
        )

    def _with(self, name: str, budget: Budget) -> Plan:
        """The trials of one data set under a budget that has just been found."""
        grid = self.params.grid.model_copy(update={"datasets": (name,)})
        params = self.params.model_copy(update={"grid": grid})
        training = {name: budget.training(self.params)}
        return build(params, {name: self.specs[name]}, root=self.root, training=training, counter=self.counter)

    def _calibrate(self, name: str, provisional: Sequence[Job]) -> Generator[Sequence[Job], Results, Budget | None]:
        spec = self.specs[name]

        def make(config: TrialConfig) -> Job:
            return job_of(config, spec, *self._commit)

        chosen = references(provisional)
        if not chosen:
            return None
        return (yield from Calibration(params=self.params, spec=spec, references=chosen, make=make).run())


class Found(TypedDict):
    """What a report is told of the way to its trials.

    Attributes:
        budgets: By data set, where they were found and not set.
        races: By data set, what a race has decided on combinations.
        unpaid: Data sets whose race ended because its time was spent.
    """

    budgets: dict[str, Budget]
    races: dict[str, dict[str, Verdict]]
    unpaid: frozenset[str]


def found(stands: Mapping[str, Stand]) -> Found:
    """stands: by data set."""
    races = {name: stand.race for name, stand in stands.items() if stand.race is not None}
    return Found(
        budgets={name: stand.budget for name, stand in stands.items() if stand.budget is not None},
        races={name: race.verdicts for name, race in races.items()},
        unpaid=frozenset(name for name, race in races.items() if race.unpaid),
    )


def _reached(result: TrialResult, split: str, metric: str) -> float | None:
    """So turned that more is better; None of a trial that did not end well."""
    value = result.metrics.get(split, {}).get(metric)
    if value is None or result.state is not State.DONE:
        return None
    return value if METRICS[metric].higher else -value


def _of(name: str, jobs: Sequence[Job]) -> tuple[Job, ...]:
    """Those of one data set."""
    return tuple(job for job in jobs if job.config.dataset == name)


def _first(jobs: Sequence[Job], seeds: int) -> tuple[Job, ...]:
    return tuple(job for job in jobs if job.config.seed < seeds)


def declared(schedule: Schedule, results: Results) -> Plan:
    """What has been asked for, given what the ledger holds: every track as far as it goes."""
    asked: set[str] = set()
    for name in schedule.params.grid.datasets:
        track = schedule.track(name)
        wanted = next(track)
        while all(job.trial_id in results for job in wanted):
            try:
                wanted = track.send(_Part(results, wanted))
            except StopIteration:
                break
        stand = schedule.stands[name]
        asked |= {job.trial_id for job in stand.jobs + stand.ladder}
    whole = schedule.whole
    if len(asked) == len(whole.trials):
        return whole
    jobs, ladder = (tuple(j for j in own if j.trial_id in asked) for own in (whole.jobs, whole.ladder))
    return Plan(jobs=jobs, skipped=whole.skipped, ladder=ladder, probes=whole.probes)


def look(schedule: Schedule, ledger: Ledger, *, quick: bool = False) -> tuple[Plan, dict[str, Brief]]:
    """What has been asked for, and what is told of all results of trials that could be; results themselves are read as
    far as what was asked for depends on them. quick: of all results, planned or not, and outputs that are there are not
    looked at again."""
    with paused_collector():
        briefs = ledger.briefs(schedule.whole.trials, whole=quick, quick=quick)
        broken, notes = ledger.broken, ledger.notes
        plan = declared(schedule, Lazily(ledger, briefs))
    ledger.broken, ledger.notes = broken, notes
    return plan, briefs


class _Part(Mapping[str, TrialResult]):
    """The results of some trials, which are there. None is read before it is asked for."""

    def __init__(self, results: Results, jobs: Sequence[Job]) -> None:
        self._results, self._ids = results, {job.trial_id: None for job in jobs}

    def __getitem__(self, trial_id: str) -> TrialResult:
        if trial_id not in self._ids:
            raise KeyError(trial_id)
        return self._results[trial_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._ids)

    def __len__(self) -> int:
        return len(self._ids)
