"""The ledger -> MLflow: all of it at once (`sync`), or trial by trial beside a sweep (`Tracker`)."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, TypeVar

from mmbench.errors import UserError
from mmbench.schema.dataset import DataSpec
from mmbench.schema.params import Tracking
from mmbench.schema.result import TrialResult
from mmbench.schema.trial import TrialConfig
from mmbench.tracking import links
from mmbench.tracking.description import describe
from mmbench.tracking.palette import colours
from mmbench.tracking.rows import Parents
from mmbench.tracking.run import RunContent, from_result, from_skip, period, skip_id
from mmbench.tracking.runs import Known, Written, count, find, mark, put
from mmbench.tracking.store import REMEDY, Store, is_server, open_store, plain_errors
from mmbench.tracking.summary import report_address, write_summary

if TYPE_CHECKING:
    from mmbench.schema.plan import Plan

log = logging.getLogger("mmbench.tracking")
T = TypeVar("T")
AT_ONCE = 8
"""Runs that are written side by side to a server."""
BATCH = 256
PATIENCE = 3
"""Failures in a row after which a sweep stops trying to reach MLflow."""


@dataclass(frozen=True, kw_only=True)
class Counts:
    """What an import did to the runs, and how the declared grid stands in MLflow afterwards."""

    added: int
    unchanged: int
    replaced: int
    states: dict[str, int]


def _colours(plan: Plan) -> dict[str, str]:
    """By architecture."""
    return colours([job.config.architecture.label for job in plan.jobs if job.config.architecture is not None])


def _mains(specs: Mapping[str, DataSpec]) -> dict[str, str]:
    """The main metric of each data set."""
    return {name: spec.task.metric for name, spec in specs.items()}


@dataclass(frozen=True, kw_only=True)
class _Layout:
    """What the runs of a plan have in common. For use under the store's lock."""

    store: Store
    colour: Mapping[str, str]
    mains: Mapping[str, str]
    planned: Mapping[str, TrialConfig]
    parents: Parents
    report: str

    @classmethod
    def of(cls, store: Store, plan: Plan, specs: Mapping[str, DataSpec]) -> _Layout:
        colour = _colours(plan)
        return cls(
            store=store,
            colour=colour,
            mains=_mains(specs),
            planned={job.trial_id: job.config for job in plan.trials},
            parents=Parents(store, colour),
            report=report_address(store),
        )

    def content(self, result: TrialResult) -> RunContent:
        """Of a trial, below its parent, and as what the plan asks for it: one of a calibration may serve as a rung of
        the ladder."""
        config = self.planned.get(result.trial_id)
        if config is not None and config != result.config:
            result = result.model_copy(update={"config": config})
        parent = self.parents.of(result.config, *period(result))
        return from_result(
            result,
            self.colour,
            current=config is not None,
            main=self.mains.get(result.config.dataset),
            parent=parent,
            links={
                "Its mean over all seeds": links.run(self.store.experiment_id, parent),
                "The report": self.report,
            },
        )


def _import(
    store: Store, plan: Plan, results: Mapping[str, TrialResult], specs: Mapping[str, DataSpec]
) -> Counter[str]:
    """Make the runs agree with the ledger. The store's lock is held."""
    there, layout = find(store), _Layout.of(store, plan, specs)
    outcomes: Counter[str] = Counter()
    met: set[str] = set()
    for some in _batched(results.items(), BATCH):
        # What a trial belongs to is made here, once; the trials themselves are written side by side.
        contents = [(layout.content(result), there.get(trial_id)) for trial_id, result in some]
        outcomes.update(_put_all(store, contents, specs, met))
    now = int(time.time() * 1000)
    for skip in plan.skipped:
        parent = layout.parents.of(skip.config, now, now)
        content = from_skip(skip.config, skip.reason, layout.colour, time=now, parent=parent)
        outcomes[put(store, content, there.get(content.trial_id), specs)] += 1
    standing = results.keys() | {skip_id(skip.config) for skip in plan.skipped}
    for known in there.values():
        if known.trial_id not in standing:
            mark(store, known, current=False)
    layout.parents.mark(plan)
    return outcomes


def _batched(items: Iterable[T], size: int) -> Iterator[list[T]]:
    rest = iter(items)
    while some := list(islice(rest, size)):
        yield some


def _put_all(
    store: Store,
    contents: Sequence[tuple[RunContent, Known | None]],
    specs: Mapping[str, DataSpec],
    met: set[str],
) -> list[Written]:
    """Each run is several calls, which take as long as the way to a server and back; a file takes one writer.

    met: the data sets that a run has named before. MLflow makes them with their first run, and two at once would both.
    """
    if not is_server(store.uri):
        return [put(store, content, known, specs) for content, known in contents]
    done = []
    later = []
    for content, known in contents:
        named = f"{content.params['dataset']} {content.data_hash}"
        if named in met:
            later.append((content, known))
        else:
            met.add(named)
            done.append(put(store, content, known, specs))
    with ThreadPoolExecutor(AT_ONCE) as threads:
        going = [threads.submit(put, store, content, known, specs) for content, known in later]
        try:
            return done + [one.result() for one in going]
        except BaseException:
            threads.shutdown(cancel_futures=True)
            raise


def _present(store: Store, plan: Plan, specs: Mapping[str, DataSpec]) -> dict[str, int]:
    """Bring the description and the summary up to date; returns the trials by state. The store's lock is held."""
    states = count(store, plan.declared)
    describe(store, states, _mains(specs), _colours(plan))
    write_summary(store, states)
    return states


def sync(
    settings: Tracking, plan: Plan, results: Mapping[str, TrialResult], specs: Mapping[str, DataSpec], root: Path
) -> Counts:
    """Import the ledger: afterwards each of its trials is one run, however often and by however many this is called.

    Raises TrackingError where MLflow cannot be reached.
    """
    store = open_store(settings, root)
    with plain_errors(store.uri), store.lock:
        done = _import(store, plan, results, specs)
        states = _present(store, plan, specs)
    return Counts(added=done["added"], unchanged=done["unchanged"], replaced=done["replaced"], states=states)


class Tracker:
    """Writes results to MLflow while a sweep runs, in a thread of the driver, so that no trial waits for it.

    MLflow is a view, not the record: what cannot be written is told in `close`, and never stops a sweep.
    """

    def __init__(self, settings: Tracking, plan: Plan, specs: Mapping[str, DataSpec], root: Path) -> None:
        self._settings, self._plan, self._specs, self._root = settings, plan, specs, root
        self._queue: queue.SimpleQueue[TrialResult | None] = queue.SimpleQueue()
        self._replanned = False
        self._logged = self._written = 0
        self._trouble: str | None = None
        self._thread = threading.Thread(target=self._work, name="mlflow", daemon=True)
        if settings.enabled:
            self._thread.start()

    def log(self, result: TrialResult) -> None:
        """Hand over a finished trial; returns at once."""
        if self._settings.enabled:
            self._logged += 1
            self._queue.put(result)

    def replan(self, plan: Plan) -> None:
        """From now on this is the plan: what a sweep asked for on its way may differ from what was foreseen."""
        self._plan, self._replanned = plan, True

    def close(self, timeout: float = 60) -> None:
        """Wait until everything is written, at most so many seconds, and warn of what is not."""
        if not self._settings.enabled:
            return
        self._queue.put(None)
        self._thread.join(timeout)
        if self._thread.is_alive():
            self._trouble = f"MLflow is not done after {timeout:g} s"
        if self._trouble is not None:
            missing = self._logged - self._written
            remedy = "" if REMEDY in self._trouble else f"; {REMEDY}"
            log.warning(
                "warning: %d of %d trials are not in MLflow: %s%s", missing, self._logged, self._trouble, remedy
            )

    def __enter__(self) -> Tracker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _work(self) -> None:
        try:
            store = self._open()
            self._drain(store)
            with plain_errors(store.uri), store.lock:
                if self._replanned:
                    _import(store, self._plan, self._read(), self._specs)
                _present(store, self._plan, self._specs)
        except UserError as error:
            self._trouble = str(error)

    def _open(self) -> Store:
        """Open the store and bring in what the ledger holds from earlier sweeps."""
        store = open_store(self._settings, self._root)
        results = self._read()
        with plain_errors(store.uri), store.lock:
            _import(store, self._plan, results, self._specs)
            _present(store, self._plan, self._specs)
        return store

    def _read(self) -> dict[str, TrialResult]:
        from mmbench.ledger.store import Ledger

        return Ledger(self._root / "data" / "ledger").read()

    def _drain(self, store: Store) -> None:
        """Write results until `close`. A few failures in a row end it, so that a server that is away costs seconds."""
        layout, failures = None, 0
        while (result := self._queue.get()) is not None:
            try:
                with plain_errors(store.uri), store.lock:
                    layout = layout or _Layout.of(store, self._plan, self._specs)
                    known: Known | None = find(store, result.trial_id).get(result.trial_id)
                    put(store, layout.content(result), known, self._specs)
                self._written, failures = self._written + 1, 0
            except UserError as error:
                self._trouble, failures = str(error), failures + 1
                if failures == PATIENCE:
                    raise
