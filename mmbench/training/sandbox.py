"""What a trial may use, and the state that it starts from: limits, seeds, PyTorch's global settings."""

from __future__ import annotations

import os
import signal
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import psutil
import torch
import torch._dynamo

# PyTorch imports its compiler with the first optimiser and when determinism is set. An import that a time limit or
# Ctrl-C ends half way stays broken for the whole process, so it is done before any trial.


class TrialTimeoutError(BaseException):
    """The trial outlived its limit. Not an Exception, so that a variant's own `except Exception` cannot swallow it."""


@contextmanager
def time_limit(seconds: float | None) -> Iterator[None]:
    """Interrupt the main thread after so many seconds. A process off the main thread relies on its driver instead."""
    if seconds is None or threading.current_thread() is not threading.main_thread():
        yield
        return

    def expire(signum: int, frame: Any) -> None:
        raise TrialTimeoutError

    before = signal.signal(signal.SIGALRM, expire)
    # Again every second after the first time, in case a variant's own `except:` swallows it.
    signal.setitimer(signal.ITIMER_REAL, seconds, 1.0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def memory_limit(gibibytes: float | None) -> Iterator[None]:
    """Let the process allocate only so much more private memory (Linux: RLIMIT_DATA)."""
    if gibibytes is None or not sys.platform.startswith("linux"):
        yield
        return
    import resource

    held = psutil.Process().memory_info().data
    before = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (held + int(gibibytes * 2**30), before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, before)


def seed_everything(seed: int, *, strict: bool = False) -> None:
    """Make what follows depend on `seed` alone: a reused process carries random state from trial to trial.

    strict: operations that would not repeat themselves bit by bit raise RuntimeError; else they run all the same.
    """
    import random

    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - a variant may draw from the legacy global state
    torch.manual_seed(seed)
    # cuBLAS repeats itself only with a workspace of fixed size; this is read at a process's first product on a GPU.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True, warn_only=not strict)


@contextmanager
def own_settings() -> Iterator[None]:
    """PyTorch's global settings as a trial expects them, and afterwards as they were.

    Workers are reused, and a variant may change a setting: the trials after it must not notice.
    """
    dtype, device = torch.get_default_dtype(), torch.get_default_device()
    precision, threads = torch.get_float32_matmul_precision(), torch.get_num_threads()
    gradients, anomaly = torch.is_grad_enabled(), torch.is_anomaly_enabled()
    fills = torch.utils.deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]
    torch.set_default_dtype(torch.float32)
    torch.set_grad_enabled(True)
    try:
        with warnings.catch_warnings(), np.errstate():
            yield
    finally:
        torch.set_default_device(None if device == torch.device("cpu") else device)
        torch.set_default_dtype(dtype)
        torch.set_float32_matmul_precision(precision)
        torch.set_num_threads(threads)
        torch.set_grad_enabled(gradients)
        torch.autograd.set_detect_anomaly(anomaly)
        torch.utils.deterministic.fill_uninitialized_memory = fills  # type: ignore[attr-defined]
