"""The Ray to run on, started in the background, and how many trials it takes at a time."""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import joblib
import psutil
import ray
from ray._private import ray_constants

from mmbench.errors import UserError
from mmbench.schema.params import Sweep
from mmbench.sweep import ray_settings
from mmbench.sweep.termination import interrupted_afterwards

T = TypeVar("T")

FIRST_NODE_S = 60.0
GPU_SHARE_GIB = 2.0
"""Device memory set aside for a trial when `per_gpu` is auto: the CUDA context, the data and a small model."""


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
def _on_loopback() -> Iterator[None]:
    """A Ray that is started within it listens on this machine only, and not on all of its addresses. Ray has that for
    desktops, whose firewalls would ask, and names no setting that is read later than its import."""
    before = ray_constants.ENABLE_RAY_CLUSTER
    ray_constants.ENABLE_RAY_CLUSTER = False
    try:
        yield
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = before


@contextmanager
def _silent() -> Iterator[None]:
    """Of a node that is lost Ray prints paragraphs in the middle of the progress, and has no setting against it. What
    ran there is tried again, and what cannot be is in the ledger and the summary."""
    from ray._private import worker

    before = worker.print_to_stdstream
    worker.print_to_stdstream = lambda *args, **options: None
    try:
        yield
    finally:
        worker.print_to_stdstream = before


def _start(address: str | None) -> None:
    """Start a Ray of our own, or join the cluster at `address`."""
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR, "configure_logging": True}
    if address:
        # The nodes need not have mmbench installed, only what it imports.
        options |= {"address": address, "runtime_env": {"py_modules": [str(Path(__file__).parents[1])]}}
    else:
        options |= {
            "address": "local",
            "num_cpus": max(joblib.cpu_count(), 1),
            "include_dashboard": False,
            "_system_config": ray_settings.SYSTEM,
        }
    with nullcontext() if address else _on_loopback():
        ray.init(**options)
    # Tune reports lost workers as errors of its own; the ledger and the summary tell them.
    logging.getLogger("ray.tune").setLevel(logging.CRITICAL)
    if not address:
        _end_log_monitor()


def _resources_of_cluster() -> dict[str, float]:
    """Of one that may be growing: its head may take no trials, and its first node may still be on its way."""
    from ray.autoscaler.sdk import request_resources

    end = time.monotonic() + FIRST_NODE_S
    while not int((total := ray.cluster_resources()).get("CPU", 0)) and time.monotonic() < end:
        # Where the cluster scales by itself, it sees that there is something to grow for.
        with suppress(Exception):
            request_resources(num_cpus=1)
        time.sleep(1)
    return total


def _count_slots(settings: Sweep, address: str | None) -> Slots:
    """Of the Ray that runs. Raises UserError where a cluster has no CPUs, and gets none within a minute."""
    total = _resources_of_cluster() if address else ray.cluster_resources()
    cpus, gpus = int(total.get("CPU", 0)), int(total.get("GPU", 0))
    if address:
        if not cpus:
            raise UserError(f"the Ray cluster at RAY_ADDRESS={address} has no CPUs; add a node")
        return share_out(settings, cpus=cpus, gpus=gpus, gpu_gib=4 * GPU_SHARE_GIB)
    if not gpus:
        return share_out(settings, cpus=cpus, gpus=0, gpu_gib=0.0)
    # Late: most machines without a GPU need no torch in here, and Ray sees GPUs that torch cannot use.
    import torch

    gpus = min(gpus, torch.cuda.device_count())
    gib = min((torch.cuda.get_device_properties(i).total_memory / 2**30 for i in range(gpus)), default=0.0)
    return share_out(settings, cpus=cpus, gpus=gpus, gpu_gib=gib)


@contextmanager
def started(settings: Sweep, *, meanwhile: Callable[[], T]) -> Iterator[tuple[Slots, T]]:
    """A Ray to run on (the cluster that RAY_ADDRESS names, else one of our own), its slots, and what `meanwhile` made.

    `meanwhile` runs in this thread while Ray starts in another, which mostly waits. Raises UserError where the cluster
    does not answer or has no CPUs.
    """
    for key, value in ray_settings.ENVIRONMENT.items():
        os.environ.setdefault(key, value)
    address = os.environ.get("RAY_ADDRESS")
    if address:
        _knock(address)
    # The thread stays until the end: Linux ends Ray's processes with the thread that started them.
    with _silent(), ThreadPoolExecutor(1) as background:
        starting = background.submit(_start, address)
        try:
            with interrupted_afterwards():
                made = meanwhile()
                try:
                    starting.result()
                except (ConnectionError, RuntimeError, ValueError) as error:
                    where = f"the Ray cluster at RAY_ADDRESS={address}" if address else "Ray on this machine"
                    raise UserError(f"{where} cannot be used: {' '.join(str(error).split())[:300]}") from None
            yield _count_slots(settings, address), made
        finally:
            wait([starting])
            ray.shutdown()
