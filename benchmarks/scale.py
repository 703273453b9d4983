"""What the driver takes when a sweep is very large: `python -m benchmarks.scale`.

A project of 100,000 trials on 1,000 slots, in which trials return at once: one real trial is trained, and all others
copy what it left. Ray, Ray Tune, placement groups, the object store, mmbench's driver and its ledger are real; only the
actors live in this process, and the time in which they make their copies is taken off. Then `mmbench plan`,
`mmbench status` and, with --report, the report run on the ledger as a person would run them. Goals: 2 ms of driver time
a trial, 1.5 GB, `status` in 3 s. Ends with 1 where one is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"

import psutil
import ray
import yaml
from ray.air.execution.resources.request import AcquiredResources
from ray.tune.trainable.util import with_parameters  # noqa: F401 - Tune whole, before its parts are replaced

from mmbench.data.table.card import FILE as CARD
from mmbench.ledger.store import Ledger, limits_of
from mmbench.project.create import create
from mmbench.project.folders import BUDGET, LEDGER, PREPARED, RAW, SETTINGS
from mmbench.schema.params import load_params
from mmbench.sweep import engine, worker
from mmbench.sweep.files import TrialFiles
from mmbench.sweep.local import run_locally
from mmbench.sweep.planning.plan import build, load_specs
from mmbench.sweep.rounds.assignment import Assignment, Packed
from mmbench.sweep.rounds.schedule import Schedule
from mmbench.sweep.rounds.work import scheduled

MILLISECONDS, GIGABYTES, STATUS_S = 2.0, 1.5, 3.0
METHODS = 17 * 17 * 6 + 2 * 17
"""Combinations and single modalities of a data set with two modalities."""
MEASURED = """
import os, subprocess, sys, time
began = time.perf_counter()
child = subprocess.Popen([sys.executable, *sys.argv[1:]], stdout=subprocess.DEVNULL)
_, code, used = os.wait4(child.pid, 0)
print(time.perf_counter() - began, used.ru_maxrss * 1024 / 1e9, code)
"""
MMBENCH = "from mmbench.cli import main; main()"

pattern: TrialFiles
messages = 0
"""Steps that actors were asked for."""
spent = 0.0
"""Seconds in which actors of this process have worked."""


class Instant(worker.Worker):
    """Copies what one trial left, in place of training."""

    def setup(self, config: dict[str, Any], **given: Any) -> None:
        self.assigned: worker.Assigned | None = None
        self.wait = 0.0

    def step(self) -> dict[str, Any]:
        # Waiting is left to the clock: it must not keep the driver, which is in this process.
        return {"idle": True} if self.assigned == [] else super().step()

    def _work(self, assignment: str, weights: bytes | None, checkpoint: bytes | None) -> Packed:
        todo = Assignment.model_validate_json(assignment)
        return Packed({"trials": [copy(member).pack() for member in todo.members]})


@ray.remote(num_cpus=0)
class Clock:
    """A process in which a thousand idle actors wait."""

    async def after(self, seconds: float, result: Any) -> Any:
        await asyncio.sleep(seconds)
        return result


def copy(todo: Assignment) -> TrialFiles:
    """The pattern under the name of a trial."""
    job, measured = todo.job, pattern.measured
    assert measured is not None
    names = {"trial_id": job.trial_id, "config": job.config, "seconds": 0.0}
    origin = pattern.result.provenance.model_copy(update={"fingerprint": job.fingerprint, "data_hash": job.data_hash})
    return TrialFiles(
        result=pattern.result.model_copy(update=names | {"provenance": origin}),
        outputs=pattern.outputs,
        measured=measured.model_copy(update={"trial_id": job.trial_id}),
    )


class Call:
    """A method of an actor in this process; its result is in Ray's store at once."""

    def __init__(self, function: Any) -> None:
        self.function = function

    def remote(self, *args: Any, **options: Any) -> ray.ObjectRef[Any]:
        global spent
        began = time.perf_counter()
        stored: ray.ObjectRef[Any] = ray.put(self.function(*args, **options))
        spent += time.perf_counter() - began
        return stored


class Handle:
    """An actor in this process, as Tune sees it."""

    clock: Any = None

    def __init__(self, made: Any) -> None:
        self.made = made
        self.__ray_ready__, self.__ray_terminate__ = Call(lambda: True), Call(lambda: None)
        self.train = self

    def remote(self) -> ray.ObjectRef[Any]:
        """Of `train`."""
        global messages
        messages += 1
        if self.made.assigned != []:
            return Call(self.made.train).remote()
        Handle.clock = Handle.clock or Clock.options(max_concurrency=10_000).remote()  # type: ignore[attr-defined]
        waits: ray.ObjectRef[Any] = Handle.clock.after.remote(self.made.wait, self.made.train())
        return waits

    def __getattr__(self, method: str) -> Call:
        return Call(getattr(self.made, method))


class Here:
    """What makes such actors of a class of Ray's."""

    def __init__(self, actor_class: Any) -> None:
        self.made = actor_class.__ray_metadata__.modified_class

    def remote(self, **options: Any) -> Handle:
        return Handle(self.made(**options))


def make_project(folder: Path, trials: int) -> None:
    """The whole grid on one data set of few samples, with so many seeds that there are that many trials."""
    create(folder)
    raw = yaml.safe_load((folder / SETTINGS).read_text(encoding="utf-8"))
    raw["grid"] |= {"datasets": ["unique"], "seeds": -(-trials // METHODS)}
    raw["grid"] |= dict.fromkeys(("attention", "fusion", "architecture"), "full")
    raw["controls"] |= {"baselines": [], "budgets": []}
    raw["train"] |= {"epochs": 3, "learning_rate": 0.003}
    raw["sweep"] |= {"time_alone": False, "keep_weights": 0}
    raw["tracking"] |= {"enabled": False}
    (folder / SETTINGS).write_text(yaml.safe_dump(raw), encoding="utf-8")
    data = {"unique": {"train": 200, "validation": 200, "test": 1000, "modalities": ["image", "audio"]}}
    (folder / RAW / "unique" / CARD).write_text(yaml.safe_dump({"dataset": data}), encoding="utf-8")
    subprocess.run([sys.executable, "-m", "mmbench.stages.prepare", "unique"], cwd=folder, check=True)


def sweep(folder: Path, slots: int) -> tuple[int, float, float]:
    """Trials, seconds of driver time in all, and peak memory in GB."""
    global pattern
    params = load_params(folder / SETTINGS)
    params = params.model_copy(update={"sweep": params.sweep.model_copy(update={"at_once": slots})})
    specs = load_specs(params, folder)
    first = build(params, specs, root=folder).jobs[0]
    pattern = run_locally(first, folder / PREPARED / first.config.dataset, limits_of(params.sweep))
    worker.Worker = Instant  # type: ignore[misc]
    AcquiredResources.annotate_remote_entities = lambda self, found: [Here(one) for one in found]  # type: ignore[method-assign]
    ray.kill = lambda actor, **options: None
    ledger = Ledger(folder / LEDGER)
    (folder / BUDGET).mkdir(parents=True, exist_ok=True)
    began, watch = time.perf_counter(), Watch()
    with ledger.lock():
        schedule = Schedule(params=params, specs=specs, root=folder, folder=folder / BUDGET)
        work = scheduled(schedule, ledger, limits_of(params.sweep), folder / PREPARED)
        planned = time.perf_counter()
        done = engine.run(work, ledger, params.sweep, folder / PREPARED)
    ended = time.perf_counter()
    print(
        f"{done.ran:,} trials on {slots:,} slots: planned in {planned - began:.1f} s, run in {ended - planned:.1f} s,"
    )
    print(f"of which actors took {spent:.1f} s; {messages:,} messages", flush=True)
    return done.ran, ended - planned - spent, watch.peak / 1e9


class Watch:
    """The memory of this process, looked at twice a second. What Ray's store shares with all processes is no part."""

    def __init__(self) -> None:
        self.peak = 0
        threading.Thread(target=self._look, daemon=True).start()

    def _look(self) -> None:
        process = psutil.Process()
        while True:
            found = process.memory_info()
            self.peak = max(self.peak, found.rss - found.shared)
            time.sleep(0.5)


def timed(folder: Path, *command: str) -> tuple[float, float]:
    """Wall seconds of a command in the project, and its peak memory in GB."""
    # A child begins with the peak of its parent, so that a small process starts it.
    began = [sys.executable, "-c", MEASURED, *command]
    told = subprocess.run(began, cwd=folder, check=True, capture_output=True, text=True).stdout
    seconds, gigabytes, code = (float(x) for x in told.split()[-3:])
    print(f"{command[-1]}: {seconds:.1f} s, {gigabytes:.2f} GB", flush=True)
    if code:
        raise SystemExit(f"{command[-1]} ended with {code:.0f}")
    return seconds, gigabytes


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=100_000)
    parser.add_argument("--slots", type=int, default=1000)
    parser.add_argument("--folder", type=Path, help="keep the project here; default: a folder that is removed")
    parser.add_argument("--report", action="store_true", help="the report as well")
    chosen = parser.parse_args()
    folder = chosen.folder or Path(tempfile.mkdtemp(prefix="mmbench-scale-")) / "project"
    try:
        if not (folder / SETTINGS).exists():
            make_project(folder, chosen.trials)
        ran, seconds, gigabytes = sweep(folder, chosen.slots)
        timed(folder, "-c", MMBENCH, "plan")
        status, _ = min(timed(folder, "-c", MMBENCH, "status") for _ in range(2))
        if chosen.report:
            timed(folder, "-m", "mmbench.stages.report")
    finally:
        if chosen.folder is None:
            shutil.rmtree(folder.parent)
    rows = [
        ("driver time a trial", 1000 * seconds / max(ran, 1), MILLISECONDS, "ms"),
        ("memory of the driver", gigabytes, GIGABYTES, "GB"),
        ("status", status, STATUS_S, "s"),
    ]
    for name, value, goal, unit in rows:
        print(f"{'ok  ' if value <= goal else 'OVER'} {name}: {value:.2f} of at most {goal:g} {unit}")
    return int(any(value > goal for _, value, goal, _ in rows))


if __name__ == "__main__":
    sys.exit(main())
