"""From pending trials to finished and measured ones, by Ray, which nothing outside `mmbench.sweep` knows.

Ray Tune is given one long-lived actor per slot, and every step of it is one whole trial: the driver hands out the next
pending one. (Tune's own reuse of actors gives a free actor to the trial for which another one is just starting, and
ends that one; with trials shorter than the start of a process, slots stay empty.) Workers of this machine
map prepared data into memory themselves; those of a cluster get it through Ray's object store. Results come back as
JSON and bytes to the driver, which alone writes to the ledger. So a cluster needs no shared file system.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mmbench.errors import UserError
from mmbench.ledger.idle_costs import fingerprint
from mmbench.ledger.store import Ledger, limits_of
from mmbench.paused_collector import set_aside
from mmbench.registry import Axis, Variant, defined
from mmbench.schema.params import Sweep
from mmbench.schema.plan import Job
from mmbench.schema.result import TrialResult
from mmbench.sweep import checkpoints, cluster
from mmbench.sweep.checkpoints import Folder, Keeper, Put, Through
from mmbench.sweep.orphan_guard import guarded
from mmbench.sweep.ray_settings import is_remote
from mmbench.sweep.rounds.assignment import Outcome
from mmbench.sweep.rounds.work import Work
from mmbench.sweep.shared_dataset import Data
from mmbench.sweep.termination import terminated_like_interrupted

if TYPE_CHECKING:
    from mmbench.sweep.driver import Driver
    from mmbench.sweep.idle_costs import Found

# Imports inside functions: torch and Ray Tune are read while Ray starts, which saves a person two seconds.


def _share(datasets: Sequence[str], root: Path) -> Mapping[str, Data]:
    """These prepared data sets as workers get them: the folder, and the arrays too where workers may be elsewhere."""
    from mmbench.data.prepared import SPLITS, load_prepared

    shared = {}
    for name in datasets:
        spec, splits = load_prepared(root / name)
        arrays = {split: {key: np.asarray(x) for key, x in splits[split].items()} for split in SPLITS}
        shared[name] = Data(spec=spec, folder=str((root / name).resolve()), arrays=arrays if is_remote() else None)
    return shared


def _by_value(jobs: Sequence[Job]) -> list[tuple[Axis, Variant]]:
    """The variants of these trials that are in no module of an axis: their classes travel to the workers whole."""
    from ray import cloudpickle

    asked = {(axis, choice.name) for job in jobs for axis, choice in job.config.choices()}
    found = [(axis, info) for (axis, name), info in defined().items() if (axis, name) in asked]
    for _, info in found:
        if info.module != "__main__" and info.module in sys.modules:
            # A worker may not find the person's own module.
            cloudpickle.register_pickle_by_value(sys.modules[info.module])
    return found


def _put(folder: Folder) -> Put:
    """How workers keep checkpoints: in the folder itself on this machine; on a cluster through an actor on the driver's
    node. Ray is running."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    if not is_remote():
        return folder.put
    if os.environ["RAY_ADDRESS"].startswith("ray://"):
        # The driver is on no node.
        return lambda trial_id, content: None
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    keeper = ray.remote(num_cpus=0)(Keeper).options(scheduling_strategy=here).remote(folder.path)
    return Through(keeper)


ROOM = 4
"""Times the slots that a cluster has when a sweep starts: so many wait for a place in all. A node that joins is used at
once, and a cluster that grows by itself sees that there is something to grow for."""


def _places(driver: Driver, slots: cluster.Slots) -> int:
    """Workers to ask for."""
    most = max(ROOM * slots.count, slots.count + 16) if is_remote() else slots.count
    return most if driver.work.grows else min(most, len(driver.waiting))


def _fit(trainable: Any, driver: Driver, slots: cluster.Slots, folder: Path) -> None:
    """Run all that waits. Returns when it has ended or when the person pressed Ctrl-C."""
    from ray import tune

    from mmbench.sweep.driver import Stop

    places = _places(driver, slots)
    resources = {"cpu": slots.cpus} | ({"gpu": slots.gpus} if slots.gpus else {})
    tune.Tuner(
        tune.with_resources(trainable, resources),
        param_space={
            "slot": tune.grid_search(list(range(places))),
        },
        tune_config=tune.TuneConfig(trial_dirname_creator=lambda trial: trial.trial_id),
        run_config=tune.RunConfig(
            name="sweep",
            storage_path=str(folder),
            verbose=0,
            stop=Stop(driver, waiting=places > slots.count),
            callbacks=[driver],
            # A slot is always filled again; how often a job is tried is the driver's to say.
            failure_config=tune.FailureConfig(max_failures=-1),
            checkpoint_config=tune.CheckpointConfig(checkpoint_frequency=0, checkpoint_at_end=False),
        ),
    ).fit()


def _lose_workers(driver: Driver, error: RuntimeError) -> None:
    """Some losses make Tune itself give up: where Ray's memory monitor ended a worker, for one. What ran then is lost.

    Ray is to be started again after that, since Tune leaves its other workers in their places. Raises any other error.
    """
    import ray

    if not isinstance(error.__cause__, ray.exceptions.RayError):
        raise error
    driver.lose_all(error.__cause__)


def call_on_free_slot(dataset: str, jobs: Mapping[str, Job], data_root: Path, settings: Sweep) -> Found:
    """What these methods of a data set cost, measured by one worker of the cluster with a core, or a GPU, to itself.

    jobs: one of each method, by its name. Raises UserError where the cluster cannot be used.
    """
    import ray

    def make_ready() -> tuple[Data, list[tuple[Axis, Variant]]]:
        return _share([dataset], data_root)[dataset], _by_value(list(jobs.values()))

    with cluster.started(settings, meanwhile=make_ready) as (slots, (data, own)):
        gpus = 1 if slots.gpus else 0

        @ray.remote(num_cpus=1, num_gpus=gpus, max_retries=3)  # type: ignore[untyped-decorator]
        def measure(shared: Data, written: dict[str, str], wanted: str) -> Found | str:
            from mmbench.ledger.idle_costs import fingerprint
            from mmbench.registry import define
            from mmbench.schema.plan import Job
            from mmbench.sweep.idle_costs import measure_data
            from mmbench.sweep.other_code import DIFFERS, where

            if fingerprint() != wanted:
                return where(DIFFERS)
            for axis, variant in own:
                define(axis, variant)
            planned = {name: Job.model_validate_json(text) for name, text in written.items()}
            return measure_data(planned, shared, "cuda" if gpus else "cpu")

        written = {name: job.model_dump_json() for name, job in jobs.items()}
        found: Found | str = ray.get(measure.remote(data.in_store(), written, fingerprint()))
    if isinstance(found, str):
        raise UserError(found)
    return found


def run(
    work: Work,
    ledger: Ledger,
    settings: Sweep,
    data_root: Path,
    *,
    on_start: Callable[[int, int, int], None] = lambda pending, unmeasured, slots: None,
    on_result: Callable[[TrialResult], None] = lambda result: None,
    on_measured: Callable[[str], None] = lambda trial_id: None,
    on_more: Callable[[int], None] = lambda count: None,
    on_silence: Callable[[float], None] = lambda seconds: None,
) -> Outcome:
    """Train all trials that the work asks for and that are pending, and run the probes that finished ones lack; each
    result is in the ledger before `on_result` sees it, in the driver, and so is what `on_measured` is called for (with
    the trial's id). on_more: is called with the number of steps that are added on the way. on_silence: with the seconds
    for which no worker has been at work although trials wait, after a minute of it and then ever more seldom.

    data_root: the folder of the prepared data sets. on_start gets the number of trials to train, of finished ones to
    measure, and of slots.
    A trial's own faults are results. A lost worker or node is tried again `retries` times, then it is a result too. The
    caller holds the ledger's lock. Raises UserError where the ledger cannot be written or Ray cannot be used.
    """
    began = time.perf_counter()
    limits = limits_of(settings)
    todo = work.begin()
    if not todo:
        return Outcome(ran=0, left=0, measured=0, unmeasured=0, slots=0, seconds=time.perf_counter() - began)
    keep_weights = int(settings.keep_weights * 1e9)
    driver: Driver | None = None
    slots = None

    def make_ready() -> tuple[Driver, Any]:
        from ray import tune

        from mmbench.sweep.driver import Driver
        from mmbench.sweep.worker import Worker

        shared = _share(sorted(work.datasets if work.grows else {a.job.config.dataset for a in todo}), data_root)
        made = driver or Driver(
            work,
            todo,
            ledger,
            guard,
            limits=limits,
            retries=settings.retries,
            on_result=on_result,
            on_measured=on_measured,
            on_more=on_more,
            on_silence=on_silence,
            keep_weights=keep_weights,
        )
        own = _by_value(work.jobs)
        return made, lambda: tune.with_parameters(
            Worker,
            shared={name: data.in_store() for name, data in shared.items()},
            limits=limits,
            keep_weights=keep_weights,
            put=_put(made.checkpoints),
            every=checkpoints.EVERY_S,
            defined=own,
        )

    with tempfile.TemporaryDirectory(prefix="mmbench-", ignore_cleanup_errors=True) as scratch:
        folder = Path(scratch)
        # A second Ctrl-C ends here; the first one makes Tune wind down and return.
        with guarded(folder) as guard, suppress(KeyboardInterrupt), set_aside():
            for attempt in count():
                try:
                    started = cluster.started(settings, meanwhile=make_ready)
                    with started as (slots, (driver, trainable)), terminated_like_interrupted():
                        guard.tell()
                        if attempt == 0:
                            on_start(driver.to_train, driver.to_measure, slots.count)
                        _fit(trainable(), driver, slots, folder / str(attempt))
                except RuntimeError as error:
                    if driver is None:
                        raise
                    _lose_workers(driver, error)
                    if driver.waiting and driver.error is None:
                        continue
                break
    if driver is not None and driver.error is not None:
        raise driver.error
    if driver is None:
        ran, measured = 0, 0
        asked, to_measure = sum(a.results for a in todo), sum(not a.trains for a in todo)
    else:
        ran, asked, measured, to_measure = driver.finished, driver.to_train, driver.measured, driver.to_measure
    return Outcome(
        ran=ran,
        left=asked - ran,
        measured=measured,
        unmeasured=to_measure - measured,
        slots=0 if slots is None else slots.count,
        seconds=time.perf_counter() - began,
    )
