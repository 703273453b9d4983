"""From pending trials to finished ones: the only place that knows Ray.

One Ray Tune trial is one trial of the plan. Workers are processes that stay (reused actors) and run one trial after
another; prepared data reaches them through Ray's object store and their results come back as JSON to the driver, which
alone writes to the ledger. So a cluster needs no shared file system.
"""

from __future__ import annotations

import faulthandler
import logging
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
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
from mmbench.data import SPLITS, as_split, load_arrays, load_spec
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
    interrupted: bool


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
    """A process that runs one trial after another. A Ray Tune step is one whole trial."""

    def setup(
        self,
        config: dict[str, Any],
        jobs: Mapping[str, str] | None = None,
        shared: Shared | None = None,
        specs: Mapping[str, DataSpec] | None = None,
        limits: Limits | None = None,
    ) -> None:
        assert jobs is not None and shared is not None and specs is not None and limits is not None
        self.jobs, self.shared, self.specs, self.limits = jobs, shared, specs, limits
        self.splits: dict[str, Splits] = {}
        self.device = "cuda" if ray.get_gpu_ids() else "cpu"
        torch.set_num_threads(1)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        return True

    def step(self) -> dict[str, Any]:
        job = Job.model_validate_json(self.jobs[self.config["id"]])
        name = job.config.dataset
        if name not in self.splits:
            self.splits[name] = {split: self._load(name, split) for split in SPLITS}
        with self._ended_when_stuck():
            result = run_trial(job, self.specs[name], self.splits[name], self.limits)
        return {"done": True, "result": result.model_dump_json()}

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


@dataclass(kw_only=True)
class Loss:
    """A trial whose worker was lost: what the driver saw."""

    message: str
    seconds: float
    out_of_memory: bool
    never_began: bool


class Driver(tune.Callback):
    """Receives what the workers report, in the driver: results go to the ledger, lost workers are noted."""

    def __init__(self, jobs: Sequence[Job], ledger: Ledger, limits: Limits, on_result: Report, guard: Guard) -> None:
        self.guard = guard
        self.jobs = {job.trial_id: job for job in jobs}
        self.ledger = ledger
        self.limits = limits
        self.on_result = on_result
        self.began: dict[str, tuple[float, datetime]] = {}
        self.lost: dict[str, Loss] = {}
        self.finished: set[str] = set()
        self.stillborn = 0
        self.error: UserError | None = None
        self.kills = _kernel_kills()

    def __getstate__(self) -> dict[str, Any]:
        # Tune stores its callbacks for a restore that never comes: pending trials are found from the ledger.
        return {}

    def on_trial_start(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        self.began[trial.config["id"]] = (time.monotonic(), datetime.now(UTC))
        self.guard.tell()

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: Any
    ) -> None:
        # Taken out, so that Tune does not keep every result in memory.
        self.keep(TrialResult.model_validate_json(result.pop("result")))

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        job = self.jobs[trial.config["id"]]
        error = _error(trial)
        since, _ = self.began.get(job.trial_id, (time.monotonic(), None))
        loss = Loss(
            message=_plain(error),
            seconds=time.monotonic() - since,
            out_of_memory=self._out_of_memory(error),
            never_began=job.trial_id not in self.began,
        )
        limit = self.limits.seconds
        if isinstance(error, ray.exceptions.RayTaskError):
            self.settle(job, State.FAILED, loss.message, loss.seconds)
        elif limit is not None and loss.seconds >= limit + GRACE_S:
            message = f"took longer than its limit of {limit:g} s and did not react, so its process was ended"
            self.settle(job, State.TIMEOUT, message, loss.seconds)
        else:
            self.lost[job.trial_id] = loss
            self.stillborn = self.stillborn + 1 if loss.never_began else 0
        if self.stillborn >= 5:
            self.error = UserError(f"Ray cannot start workers for trials: {loss.message}")

    def _out_of_memory(self, error: object) -> bool:
        before, self.kills = self.kills, _kernel_kills()
        return self.kills > before or "running low on memory" in str(error)

    def settle(self, job: Job, state: State, message: str, seconds: float) -> None:
        """Keep a result that the driver makes because the worker no longer can."""
        _, started = self.began.get(job.trial_id, (0.0, datetime.now(UTC)))
        self.keep(
            TrialResult(
                trial_id=job.trial_id,
                config=job.config,
                state=state,
                message=message,
                started=started.isoformat(timespec="milliseconds"),
                seconds=seconds,
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
        self.stillborn = 0
        self.finished.add(result.trial_id)
        self.lost.pop(result.trial_id, None)
        self.on_result(result)


class Stop(tune.Stopper):
    """Ends a round of trials when the driver can go on no longer, such as with a full disk."""

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
    specs = {name: load_spec(root / name) for name in datasets}
    shared: dict[str, Any] = {}
    for name, spec in specs.items():
        shared[name] = {}
        for split in SPLITS:
            stored = as_split(spec, load_arrays(root / name, split))
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


@contextmanager
def _ray(settings: Sweep) -> Iterator[Slots]:
    """A Ray to run on: the cluster that RAY_ADDRESS names, else one of our own on this machine.

    Raises UserError where the cluster does not answer or has no CPUs.
    """
    for key, value in quiet.ENVIRONMENT.items():
        os.environ.setdefault(key, value)
    address = os.environ.get("RAY_ADDRESS")
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


def _round(jobs: Sequence[Job], driver: Driver, trainable: Any, slots: Slots, folder: Path) -> None:
    """Run these trials once. Returns when they have ended or when the person pressed Ctrl-C."""
    resources = {"cpu": slots.cpus} | ({"gpu": slots.gpus} if slots.gpus else {})
    tune.Tuner(
        tune.with_resources(trainable, resources),
        param_space={"id": tune.grid_search([job.trial_id for job in jobs])},
        tune_config=tune.TuneConfig(
            reuse_actors=True,
            max_concurrent_trials=slots.count,
            trial_name_creator=lambda trial: trial.trial_id,
            trial_dirname_creator=lambda trial: trial.trial_id,
        ),
        run_config=tune.RunConfig(
            name="sweep",
            storage_path=str(folder),
            verbose=0,
            stop=Stop(driver),
            callbacks=[driver],
            failure_config=tune.FailureConfig(max_failures=0),
            checkpoint_config=tune.CheckpointConfig(checkpoint_frequency=0, checkpoint_at_end=False),
        ),
    ).fit()


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
        return Outcome(ran=0, left=0, slots=0, seconds=time.perf_counter() - began, interrupted=False)
    specs, shared = _share(sorted({job.config.dataset for job in jobs}), data_root)
    with tempfile.TemporaryDirectory(prefix="mmbench-", ignore_cleanup_errors=True) as scratch:
        folder = Path(scratch)
        with guarded(folder) as guard:
            driver = Driver(jobs, ledger, limits, on_result, guard)
            interrupted, slots = False, None
            try:
                with _ray(settings) as slots:
                    guard.tell()
                    on_start(len(jobs), slots.count)
                    interrupted = _all(jobs, driver, slots, folder, settings.retries, shared=shared, specs=specs)
            except KeyboardInterrupt:
                interrupted = True
    if driver.error is not None:
        raise driver.error
    return Outcome(
        ran=len(driver.finished),
        left=len(jobs) - len(driver.finished),
        slots=0 if slots is None else slots.count,
        seconds=time.perf_counter() - began,
        interrupted=interrupted,
    )


def _all(
    jobs: Sequence[Job],
    driver: Driver,
    slots: Slots,
    folder: Path,
    retries: int,
    *,
    shared: Shared,
    specs: Mapping[str, DataSpec],
) -> bool:
    """Run the trials, and those again whose workers were lost. Returns whether the person pressed Ctrl-C."""
    trainable = tune.with_parameters(
        Worker,
        jobs={job.trial_id: job.model_dump_json() for job in jobs},
        shared=shared,
        specs=specs,
        limits=driver.limits,
    )
    todo = jobs
    for attempt in range(retries + 1):
        driver.lost.clear()
        _round(todo, driver, trainable, slots, folder / str(attempt))
        if driver.error is not None:
            return False
        todo = [job for job in todo if job.trial_id in driver.lost]
        if len(driver.finished) + len(todo) < len(jobs):
            return True
        if not todo:
            return False
    _give_up(todo, driver, retries)
    return False


def _give_up(jobs: Sequence[Job], driver: Driver, retries: int) -> None:
    """Make results of trials whose workers were lost every time."""
    for job in jobs:
        loss = driver.lost[job.trial_id]
        if loss.out_of_memory:
            message = "the machine ran out of memory and its process was ended"
            driver.settle(job, State.OUT_OF_MEMORY, message, loss.seconds)
        else:
            message = f"its worker was lost {retries + 1} times; the last time: {loss.message}"
            driver.settle(job, State.FAILED, message, loss.seconds)
