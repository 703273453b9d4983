"""What happens in the driver while Ray Tune runs: trials are handed out, what they leave is kept, lost workers are
accounted for."""

from __future__ import annotations

import math
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import ray
from ray import tune

from mmbench import provenance
from mmbench.errors import UserError
from mmbench.ledger.store import Ledger
from mmbench.schema.measured import Measured
from mmbench.schema.plan import Job, Limits
from mmbench.schema.result import Provenance, State, TrialResult
from mmbench.sweep.checkpoints import Folder
from mmbench.sweep.files import TrialFiles
from mmbench.sweep.lost_worker import error_of, kernel_kills, plain
from mmbench.sweep.measure import failed_probes
from mmbench.sweep.orphan_guard import Guard
from mmbench.sweep.planning.interleaved import interleaved
from mmbench.sweep.rounds.assignment import Assignment, Packed
from mmbench.sweep.rounds.work import Work
from mmbench.sweep.weights import WeightStore
from mmbench.sweep.worker import GRACE_S, WAIT_S

STILLBORN = 5
"""So many workers that die while they start, one after the other, end the sweep."""

SILENT_S = 60.0
"""Seconds without a worker after which a person is told; then again after twice as many, and so on."""

EVENT_S = 0.01
"""Set aside for a message of a worker. With a thousand slots it takes the driver some milliseconds, since Ray Tune
waits on as many futures; so the driver has time to spare."""
MOST_AT_ONCE = 32
"""Jobs that a worker gets at a time, at most."""

Report = Callable[[TrialResult], None]
ReportMeasured = Callable[[str], None]
"""Gets the id of a trial that was finished before and has been measured."""


class Driver(tune.Callback):
    """What happens in the driver: jobs are handed out, results go to the ledger, lost workers are noted."""

    def __init__(
        self,
        work: Work,
        assignments: Sequence[Assignment],
        ledger: Ledger,
        guard: Guard,
        *,
        limits: Limits,
        retries: int,
        on_result: Report,
        on_measured: ReportMeasured,
        on_more: Callable[[int], None],
        on_silence: Callable[[float], None],
        keep_weights: int,
    ) -> None:
        self.work = work
        self.waiting = deque(assignments)
        self.to_train = sum(a.results for a in assignments)
        self.to_measure = sum(not a.trains for a in assignments)
        self.on_more = on_more
        self.on_silence = on_silence
        self.ledger = ledger
        self.guard = guard
        self.limits = limits
        self.retries = retries
        self.on_result = on_result
        self.on_measured = on_measured
        self.weights = WeightStore(ledger, keep_weights)
        self.checkpoints = Folder.beside(ledger.folder)
        self.checkpoints.tidy(ledger)
        self.running: dict[str, list[Running]] = {}
        self.idle: set[str] = set()
        self.alone: set[str] = set()
        self.seconds = 0.0
        self.losses: Counter[str] = Counter()
        self.finished = 0
        self.measured = 0
        self.stillborn = 0
        self.error: UserError | None = None
        self.over = False
        self.kills = kernel_kills()
        self.worked, self.patience = time.monotonic(), SILENT_S

    def __getstate__(self) -> dict[str, Any]:
        # Tune stores its callbacks for a restore that never comes: pending trials are found from the ledger.
        return {}

    def on_step_end(self, iteration: int, trials: list[Any], **info: Any) -> None:
        # Comes ten times a second where nothing happens.
        now = time.monotonic()
        if self.running or self.over:
            self.worked, self.patience = now, SILENT_S
        elif now - self.worked >= self.patience:
            self.on_silence(now - self.worked)
            self.patience *= 2

    def on_trial_start(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        self.stillborn = 0
        self.guard.tell()
        self._assign(trial)

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: Any
    ) -> None:
        if "packed" in result:
            running = self.running.pop(trial.trial_id)
            # Taken out, so that Tune does not keep it.
            for one, packed in zip(running, result.pop("packed"), strict=True):
                self._take(one, packed)
            self._assign(trial)
        elif "idle" in result:
            self._assign(trial)

    def on_trial_recover(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        error = error_of(trial)
        running = self.running.pop(trial.trial_id, None)
        if running is not None:
            self._lose(running, error)
        elif not self.running:
            # While another one works, the sweep goes on, and memory that it holds may be why this one could not start.
            self._count_stillborn(error)

    def lose_all(self, error: object) -> None:
        """All workers are lost at once."""
        if not self.running:
            self._count_stillborn(error)
        while self.running:
            _, running = self.running.popitem()
            self._lose(running, error)

    def _count_stillborn(self, error: object) -> None:
        self.stillborn += 1
        if self.stillborn >= STILLBORN:
            self.error = UserError(f"Ray cannot start workers for trials: {plain(error)}")

    def _assign(self, trial: Any) -> None:
        """Hand the next jobs to a worker. An actor takes calls in their order: this one comes before the next step."""
        todo = self._next()
        if todo:
            self.running[trial.trial_id] = [Running(assignment=one) for one in todo]
            self.idle.discard(trial.trial_id)
        else:
            self.idle.add(trial.trial_id)
        # What runs may lead to more work. When nothing runs any more, there will be none.
        self.over = not todo and not self.running
        # A thousand workers that ask three times a second would be all that the driver does.
        wait = max(WAIT_S, EVENT_S * len(self.idle))
        assigned = [
            (
                one.model_dump_json(),
                None if one.trains else self.weights.read(one.job.trial_id),
                self.checkpoints.read(one.job.trial_id) if one.trains and not one.mates else None,
            )
            for one in todo
        ]
        trial.temporary_state.ray_actor.assign.remote(None if self.over else assigned, wait)

    def _next(self) -> list[Assignment]:
        """One job, or several where trials are so short that the driver would be what a thousand slots wait for."""
        slots = len(self.running) + 1
        mean = self.seconds / self.finished if self.finished else math.inf
        share = min(MOST_AT_ONCE, slots * EVENT_S / max(mean, 1e-9), len(self.waiting) / slots)
        found: list[Assignment] = []
        while self.waiting and len(found) < max(1, share):
            one = self.waiting[0]
            single = one.job.trial_id in self.alone or not one.trains or bool(one.mates)
            if found and single:
                break
            found.append(self.waiting.popleft())
            if single:
                break
        return found

    def _lose(self, running: Sequence[Running], error: object) -> None:
        """A worker was lost in the middle of its jobs."""
        if len(running) == 1:
            self._lost(running[0], error)
            return
        # One of them may be what ended it, so that none of them is counted: each is tried alone.
        self.alone |= {one.job.trial_id for one in running}
        self.waiting.extend(one.assignment for one in running)

    def _lost(self, running: Running, error: object) -> None:
        """A worker was lost in the middle of a job: try the job again at the end, or settle it."""
        todo, seconds, limit = running.assignment, time.monotonic() - running.since, self.limits.seconds
        self.losses[todo.job.trial_id] += 1
        losses = self.losses[todo.job.trial_id]
        out_of_memory = self._out_of_memory(error)
        if isinstance(error, ray.exceptions.RayTaskError):
            self.settle(running, State.FAILED, plain(error))
        elif limit is not None and seconds >= len(todo.members) * limit + GRACE_S:
            message = f"took longer than its limit of {limit:g} s and did not react, so its process was ended"
            self.settle(running, State.TIMEOUT, message)
        elif losses <= self.retries:
            # A probe may have been what ended it: the trial is trained first, and measured apart.
            self.waiting.append(todo.without_probes() if todo.trains else todo)
        elif todo.mates:
            # One of them may be what ends it: each is tried alone.
            self.waiting.extend(a.without_probes() for a in todo.members if a.kept)
        elif out_of_memory:
            self.settle(running, State.OUT_OF_MEMORY, "the machine ran out of memory and its process was ended")
        else:
            message = f"its worker was lost {losses} times; the last time: {plain(error)}"
            self.settle(running, State.FAILED, message)

    def _out_of_memory(self, error: object) -> bool:
        before, self.kills = self.kills, kernel_kills()
        return self.kills > before or "running low on memory" in str(error)

    def settle(self, running: Running, state: State, message: str) -> None:
        """Keep a result that the driver makes because the worker no longer can."""
        for member in running.assignment.members:
            if member.kept:
                self._settle_one(replace(running, assignment=member), state, message)

    def _settle_one(self, running: Running, state: State, message: str) -> None:
        job = running.job
        if running.assignment.outputs is not None:
            probes = failed_probes(running.assignment.measures.probes, message, "retraining")
            outputs = running.assignment.outputs.sha256
            self.keep_measured(Measured(trial_id=job.trial_id, outputs=outputs, probes=probes))
            return
        self.keep_result(
            TrialResult(
                trial_id=job.trial_id,
                config=job.config,
                state=state,
                message=message,
                started=running.started.isoformat(timespec="milliseconds"),
                seconds=time.monotonic() - running.since,
                limits=self.limits.model_dump(),
                provenance=Provenance(
                    data_hash=job.data_hash,
                    fingerprint=job.fingerprint,
                    commit=job.commit,
                    dirty=job.dirty,
                    versions=provenance.versions(),
                    hardware=provenance.hardware(),
                ),
            )
        )

    def _take(self, running: Running, packed: Packed) -> None:
        """Keep what a worker made."""
        if (why := packed.content.get("refused")) is not None:
            self.error = self.error or UserError(why)
        elif running.assignment.trains:
            for member, one in zip(running.assignment.members, packed.content["trials"], strict=True):
                if member.kept:
                    self.keep(TrialFiles.unpack(one))
        else:
            self.keep_measured(Measured.model_validate_json(packed.content["measured"]))

    def keep(self, files: TrialFiles) -> None:
        if self.error is not None:
            return
        with self._errors_for_later():
            files = self.weights.fit(files)
            self.ledger.write(files.result, files.outputs, files.measured, files.weights)
            self.checkpoints.remove(files.result.trial_id)
            complete = files.complete
            self.finished += 1
            self.seconds += complete.seconds
            self.on_result(complete)
            self._add(self.work.finished(complete))

    def _add(self, more: Sequence[Assignment]) -> None:
        if more:
            # In turn with what waits: a budget that is being found must not wait for all trials of another data set.
            self.waiting = deque(interleaved([more, list(self.waiting)]))
            trials, others = sum(a.results for a in more), sum(not a.trains for a in more)
            self.to_train += trials
            self.to_measure += others
            self.on_more(trials + others)

    def keep_result(self, result: TrialResult) -> None:
        """Of a trial that did not end well."""
        self.keep(TrialFiles(result=result))

    def keep_measured(self, found: Measured) -> None:
        """Add what was measured on a finished trial to what is known of it."""
        if self.error is not None:
            return
        with self._errors_for_later():
            if self.ledger.add_probes(found):
                self.measured += 1
                self.on_measured(found.trial_id)

    @contextmanager
    def _errors_for_later(self) -> Iterator[None]:
        """A ledger that cannot be written ends the sweep after Tune has wound down; raised in here it would become a
        traceback of Tune's."""
        try:
            yield
        except UserError as error:
            self.error = self.error or error


@dataclass(frozen=True, kw_only=True)
class Running:
    """An assignment in the hands of a worker, and since when."""

    assignment: Assignment
    since: float = field(default_factory=time.monotonic)
    started: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def job(self) -> Job:
        return self.assignment.job


class Stop(tune.Stopper):
    """Ends the sweep when the driver can go on no longer, such as with a full disk; and when all is done while workers
    still wait for a place on a cluster."""

    def __init__(self, driver: Driver, *, waiting: bool) -> None:
        self.driver, self.waiting = driver, waiting

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        return False

    def stop_all(self) -> bool:
        return self.driver.error is not None or (self.waiting and self.driver.over)
