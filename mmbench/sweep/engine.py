"""From pending trials to finished ones: the only place that knows Ray.

Ray Tune is given one long-lived actor per slot, and every step of it is one whole trial: the driver hands out the next
pending one. (Tune's own reuse of actors gives a free actor to the trial for which another one is just starting, and
ends that one; with trials shorter than the start of a process, slots stay empty.) Prepared data reaches the workers
through Ray's object store, and results come back as JSON to the driver, which alone writes to the ledger. So a cluster
needs no shared file system.
"""

from __future__ import annotations

import faulthandler
import logging
import os
import socket
import tempfile
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import psutil
import ray
import torch
from ray import tune

from mmbench import provenance
from mmbench.config import DataSpec, Sweep
from mmbench.data import SPLITS, as_split, load_prepared
from mmbench.registry import UserError
from mmbench.results import Provenance, State, TrialResult
from mmbench.sweep import quiet
from mmbench.sweep.guard import Guard, guarded
from mmbench.sweep.ledger import Ledger, limits_of
from mmbench.sweep.plan import Plan
from mmbench.trial import Job, Limits, Splits
from mmbench.trial import run as run_trial

GRACE_S = 5.0
"""How long after its limit a trial may still end by itself before its process is ended."""

GPU_SHARE_GIB = 2.0
"""Device memory set aside for a trial when `per_gpu` is auto: the CUDA context, the data and a small model."""

STILLBORN = 5
"""So many workers that die while they start, one after the other, end the sweep."""

Report = Callable[[TrialResult], None]
Shared = Mapping[str, Mapping[str, Mapping[str, np.ndarray]]]
"""Data set -> split -> array. Read-only in the workers, which share one copy a machine."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a sweep ended. slots: trials at a time; seconds: wall time; left: trials without a result."""

    ran: int
    left: int
    slots: int
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Slots:
    """Trials at a time, and what each is given."""

    count: int
    cpus: float
    gpus: float


def share_out(settings: Sweep, *, cpus: int, gpus: int, gpu_gib: float) -> Slots:
    """How many trials run at a time on `cpus` cores and `gpus` GPUs of `gpu_gib` GiB each."""
    if not gpus:
        count = cpus if settings.at_once == "auto" else settings.at_once
        return Slots(count=count, cpus=min(1.0, _down(cpus / count)), gpus=0.0)
    fitting = max(1, min(int(gpu_gib // GPU_SHARE_GIB), cpus // gpus))
    per_gpu = fitting if settings.per_gpu == "auto" else settings.per_gpu
    count = per_gpu * gpus
    return Slots(count=count, cpus=min(1.0, _down(cpus / count)), gpus=_down(1 / per_gpu))


def _down(fraction: float) -> float:
    """Ray counts resources in ten-thousandths; rounding up would leave the last trial without a place."""
    return int(fraction * 10_000) / 10_000


class Worker(tune.Trainable):
    """A process that runs one trial after another: each step is the one that the driver has assigned."""

    def setup(
        self,
        config: dict[str, Any],
        shared: Shared | None = None,
        specs: Mapping[str, DataSpec] | None = None,
        limits: Limits | None = None,
    ) -> None:
        assert shared is not None and specs is not None and limits is not None
        self.shared, self.specs, self.limits = shared, specs, limits
        self.splits: dict[str, Splits] = {}
        self.device = "cuda" if ray.get_gpu_ids() else "cpu"
        self.job: str | None = None
        torch.set_num_threads(1)

    def assign(self, job: str | None) -> None:
        """The job (JSON) of the next step; None ends this worker."""
        self.job = job

    def step(self) -> dict[str, Any]:
        if self.job is None:
            return {"done": True}
        job = Job.model_validate_json(self.job)
        name = job.config.dataset
        if name not in self.splits:
            self.splits[name] = {split: self._load(name, split) for split in SPLITS}
        with self._ended_when_stuck():
            result = run_trial(job, self.specs[name], self.splits[name], self.limits)
        return {"result": result.model_dump_json()}

    def _load(self, name: str, split: str) -> Any:
        arrays = {key: torch.from_numpy(array) for key, array in self.shared[name][split].items()}
        return as_split(self.specs[name], arrays, self.device)

    @contextmanager
    def _ended_when_stuck(self) -> Iterator[None]:
        """A trial that hangs in C code never sees Python's alarm: this watchdog is a C thread that ends the process."""
        if self.limits.seconds is None:
            yield
            return
        with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
            faulthandler.dump_traceback_later(self.limits.seconds + GRACE_S, exit=True, file=nowhere)
            try:
                yield
            finally:
                faulthandler.cancel_dump_traceback_later()


class Driver(tune.Callback):
    """What happens in the driver: jobs are handed out, results go to the ledger, lost workers are noted."""

    def __init__(
        self,
        jobs: Sequence[Job],
        ledger: Ledger,
        guard: Guard,
        *,
        limits: Limits,
        retries: int,
        on_result: Report,
    ) -> None:
        self.waiting = deque(jobs)
        self.ledger = ledger
        self.guard = guard
        self.limits = limits
        self.retries = retries
        self.on_result = on_result
        self.running: dict[str, Running] = {}
        self.losses: Counter[str] = Counter()
        self.finished = 0
        self.stillborn = 0
        self.error: UserError | None = None
        self.kills = _kernel_kills()

    def __getstate__(self) -> dict[str, Any]:
        # Tune stores its callbacks for a restore that never comes: pending trials are found from the ledger.
        return {}

    def on_trial_start(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        self.stillborn = 0
        self.guard.tell()
        self._assign(trial)

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: Any
    ) -> None:
        if "result" in result:
            del self.running[trial.trial_id]
            # Taken out, so that Tune does not keep it.
            self.keep(TrialResult.model_validate_json(result.pop("result")))
            self._assign(trial)

    def on_trial_recover(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        error = _error(trial)
        running = self.running.pop(trial.trial_id, None)
        if running is not None:
            self._lost(running, error)
        elif not self.running:
            # While another one works, the sweep goes on, and memory that it holds may be why this one could not start.
            self._count_stillborn(error)

    def lose_all(self, error: object) -> None:
        """All workers are lost at once."""
        if not self.running:
            self._count_stillborn(error)
        while self.running:
            _, running = self.running.popitem()
            self._lost(running, error)

    def _count_stillborn(self, error: object) -> None:
        self.stillborn += 1
        if self.stillborn >= STILLBORN:
            self.error = UserError(f"Ray cannot start workers for trials: {_plain(error)}")

    def _assign(self, trial: Any) -> None:
        """Hand the next job to a worker. An actor takes calls in their order: this one comes before the next step."""
        job = self.waiting.popleft() if self.waiting else None
        if job is not None:
            self.running[trial.trial_id] = Running(job=job)
        trial.temporary_state.ray_actor.assign.remote(None if job is None else job.model_dump_json())

    def _lost(self, running: Running, error: object) -> None:
        """A worker was lost in the middle of a job: try the job again at the end, or settle it."""
        job, seconds, limit = running.job, time.monotonic() - running.since, self.limits.seconds
        self.losses[job.trial_id] += 1
        losses = self.losses[job.trial_id]
        out_of_memory = self._out_of_memory(error)
        if isinstance(error, ray.exceptions.RayTaskError):
            self.settle(running, State.FAILED, _plain(error))
        elif limit is not None and seconds >= limit + GRACE_S:
            message = f"took longer than its limit of {limit:g} s and did not react, so its process was ended"
            self.settle(running, State.TIMEOUT, message)
        elif losses <= self.retries:
            self.waiting.append(job)
        elif out_of_memory:
            self.settle(running, State.OUT_OF_MEMORY, "the machine ran out of memory and its process was ended")
        else:
            message = f"its worker was lost {losses} times; the last time: {_plain(error)}"
            self.settle(running, State.FAILED, message)

    def _out_of_memory(self, error: object) -> bool:
        before, self.kills = self.kills, _kernel_kills()
        return self.kills > before or "running low on memory" in str(error)

    def settle(self, running: Running, state: State, message: str) -> None:
        """Keep a result that the driver makes because the worker no longer can."""
        job = running.job
        self.keep(
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

    def keep(self, result: TrialResult) -> None:
        if self.error is not None:
            return
        try:
            self.ledger.write(result)
        except UserError as error:
            # Raised after Tune has wound down; in here it would become a traceback of Tune's.
            self.error = error
            return
        self.finished += 1
        self.on_result(result)


@dataclass(frozen=True, kw_only=True)
class Running:
    """A job in the hands of a worker, and since when."""

    job: Job
    since: float = field(default_factory=time.monotonic)
    started: datetime = field(default_factory=lambda: datetime.now(UTC))


class Stop(tune.Stopper):
    """Ends the sweep when the driver can go on no longer, such as with a full disk."""

    def __init__(self, driver: Driver) -> None:
        self.driver = driver

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        return False

    def stop_all(self) -> bool:
        return self.driver.error is not None


def _kernel_kills() -> int:
    """How many processes of this machine the kernel has ended for want of memory, since it started (Linux)."""
    try:
        fields = dict(line.split() for line in Path("/proc/vmstat").read_text(encoding="ascii").splitlines())
    except OSError:
        return 0
    return int(fields.get("oom_kill", 0))


def _error(trial: Any) -> object:
    """What Tune noted of a trial's end, in this process: the exception, or else its text."""
    if trial.pickled_error_file is not None:
        return ray.cloudpickle.loads(Path(trial.pickled_error_file).read_bytes())
    return "" if trial.error_file is None else Path(trial.error_file).read_text(encoding="utf-8")


def _plain(error: object) -> str:
    """The telling line of one of Ray's long errors."""
    text = str(error)
    detail = text.partition("Worker exit detail:")[2].partition("Some common causes")[0].strip()
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return (detail or (lines or ["no reason was given"])[-1])[:500]


def _share(datasets: Sequence[str], root: Path) -> tuple[dict[str, DataSpec], dict[str, Any]]:
    """Specs and arrays of these prepared data sets, the arrays in the types that models take."""
    specs: dict[str, DataSpec] = {}
    shared: dict[str, Any] = {}
    for name in datasets:
        specs[name], splits = load_prepared(root / name)
        shared[name] = {}
        for split in SPLITS:
            stored = as_split(specs[name], splits[split])
            arrays = {"label": stored.labels.numpy()}
            for modality, example in stored.inputs.items():
                arrays[modality] = example.values.numpy()
                if example.mask is not None:
                    arrays[f"{modality}.mask"] = example.mask.numpy()
            shared[name][split] = arrays
    return specs, shared


def _end_log_monitor() -> None:
    """End the process that follows all log files of our own Ray to echo them here, which nobody asked for."""
    for child in psutil.Process().children():
        with suppress(psutil.NoSuchProcess):
            if any(word.endswith("log_monitor.py") for word in child.cmdline()):
                child.terminate()


def _knock(address: str) -> None:
    """Raises UserError at once where nobody listens at host:port, where Ray would try for minutes."""
    host, _, port = address.rpartition("://")[2].partition(":")
    if not port.isdecimal():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=5).close()
    except (OSError, OverflowError) as error:
        raise UserError(
            f"the Ray cluster at RAY_ADDRESS={address} does not answer ({error}); unset it or start Ray"
        ) from None


@contextmanager
def _ray(settings: Sweep) -> Iterator[Slots]:
    """A Ray to run on: the cluster that RAY_ADDRESS names, else one of our own on this machine.

    Raises UserError where the cluster does not answer or has no CPUs.
    """
    for key, value in quiet.ENVIRONMENT.items():
        os.environ.setdefault(key, value)
    address = os.environ.get("RAY_ADDRESS")
    if address:
        _knock(address)
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR, "configure_logging": True}
    if address:
        # The nodes need not have mmbench installed, only what it imports.
        options |= {"address": address, "runtime_env": {"py_modules": [str(Path(__file__).parents[1])]}}
    else:
        gpus = torch.cuda.device_count()
        gib = min((torch.cuda.get_device_properties(i).total_memory / 2**30 for i in range(gpus)), default=0.0)
        slots = share_out(settings, cpus=joblib.cpu_count(), gpus=gpus, gpu_gib=gib)
        options |= {
            "address": "local",
            "num_cpus": max(joblib.cpu_count(), 1),
            "num_gpus": gpus,
            "include_dashboard": False,
            "_system_config": quiet.SYSTEM,
        }
    try:
        ray.init(**options)
        # Tune reports lost workers as errors of its own; the ledger and the summary tell them.
        logging.getLogger("ray.tune").setLevel(logging.CRITICAL)
        if not address:
            _end_log_monitor()
    except (ConnectionError, RuntimeError, ValueError) as error:
        where = f"the Ray cluster at RAY_ADDRESS={address}" if address else "Ray on this machine"
        raise UserError(f"{where} cannot be used: {' '.join(str(error).split())[:300]}") from None
    try:
        if address:
            total = ray.cluster_resources()
            cpus, gpus = int(total.get("CPU", 0)), int(total.get("GPU", 0))
            if not cpus:
                raise UserError(f"the Ray cluster at RAY_ADDRESS={address} has no CPUs; add a node")
            slots = share_out(settings, cpus=cpus, gpus=gpus, gpu_gib=4 * GPU_SHARE_GIB)
        yield slots
    finally:
        ray.shutdown()


def _fit(trainable: Any, driver: Driver, slots: Slots, folder: Path) -> None:
    """Run all that waits. Returns when it has ended or when the person pressed Ctrl-C."""
    resources = {"cpu": slots.cpus} | ({"gpu": slots.gpus} if slots.gpus else {})
    tune.Tuner(
        tune.with_resources(trainable, resources),
        param_space={"slot": tune.grid_search(list(range(min(slots.count, len(driver.waiting)))))},
        tune_config=tune.TuneConfig(trial_dirname_creator=lambda trial: trial.trial_id),
        run_config=tune.RunConfig(
            name="sweep",
            storage_path=str(folder),
            verbose=0,
            stop=Stop(driver),
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
    if not isinstance(error.__cause__, ray.exceptions.RayError):
        raise error
    driver.lose_all(error.__cause__)


def run(
    plan: Plan,
    ledger: Ledger,
    settings: Sweep,
    data_root: Path,
    *,
    on_start: Callable[[int, int], None] = lambda pending, slots: None,
    on_result: Report = lambda result: None,
) -> Outcome:
    """Run every pending trial of the plan; each result is in the ledger before `on_result` sees it, in the driver.

    data_root: the folder of the prepared data sets. on_start gets the number of pending trials and of slots.
    A trial's own faults are results. A lost worker or node is tried again `retries` times, then it is a result too. The
    caller holds the ledger's lock. Raises UserError where the ledger cannot be written or Ray cannot be used.
    """
    began = time.perf_counter()
    limits = limits_of(settings)
    jobs = ledger.pending(plan, limits)
    if not jobs:
        return Outcome(ran=0, left=0, slots=0, seconds=time.perf_counter() - began)
    specs, shared = _share(sorted({job.config.dataset for job in jobs}), data_root)
    with tempfile.TemporaryDirectory(prefix="mmbench-", ignore_cleanup_errors=True) as scratch:
        folder = Path(scratch)
        with guarded(folder) as guard:
            driver = Driver(jobs, ledger, guard, limits=limits, retries=settings.retries, on_result=on_result)
            slots = None
            try:
                for attempt in count():
                    try:
                        with _ray(settings) as slots:
                            guard.tell()
                            if attempt == 0:
                                on_start(len(jobs), slots.count)
                            trainable = tune.with_parameters(Worker, shared=shared, specs=specs, limits=limits)
                            _fit(trainable, driver, slots, folder / str(attempt))
                    except RuntimeError as error:
                        _lose_workers(driver, error)
                        if driver.waiting and driver.error is None:
                            continue
                    break
            except KeyboardInterrupt:
                # The second Ctrl-C; the first one makes Tune wind down and return.
                pass
    if driver.error is not None:
        raise driver.error
    return Outcome(
        ran=driver.finished,
        left=len(jobs) - driver.finished,
        slots=0 if slots is None else slots.count,
        seconds=time.perf_counter() - began,
    )
