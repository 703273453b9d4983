"""Pending trials in this process, one after another: without Ray, for a few trials or a machine with one core."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch

from mmbench.data.batches import Split, as_split
from mmbench.data.prepared import SPLITS, load_prepared
from mmbench.ledger.store import Ledger, limits_of
from mmbench.schema.dataset import DataSpec
from mmbench.schema.params import Sweep
from mmbench.schema.plan import Plan
from mmbench.schema.result import TrialResult
from mmbench.training.trial import run as run_trial


def run(
    plan: Plan,
    ledger: Ledger,
    settings: Sweep,
    data_root: Path,
    *,
    on_start: Callable[[int, int], None] = lambda pending, slots: None,
    on_result: Callable[[TrialResult], None] = lambda result: None,
) -> tuple[int, int]:
    """As `mmbench.sweep.engine.run`, but a trial that hangs in C code is not ended. Returns how many trials ran and how
    many are left, some after Ctrl-C."""
    limits = limits_of(settings)
    jobs = ledger.pending(plan, limits)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    loaded: dict[str, tuple[DataSpec, dict[str, Split]]] = {}
    finished = 0
    if jobs:
        on_start(len(jobs), 1)
    try:
        with untouched():
            for job in jobs:
                name = job.config.dataset
                if name not in loaded:
                    spec, arrays = load_prepared(data_root / name)
                    loaded[name] = spec, {split: as_split(spec, arrays[split], device) for split in SPLITS}
                result = run_trial(job, *loaded[name], limits)
                ledger.write(result)
                finished += 1
                on_result(result)
    except KeyboardInterrupt:
        pass
    return finished, len(jobs) - finished


@contextmanager
def untouched() -> Iterator[None]:
    """What trials set for the whole process is as before afterwards: random states, threads, determinism.

    Within, there is one thread, as in a worker: with more, sums are added in another order, and the last bits differ.
    """
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002 - a trial seeds it
    threads = torch.get_num_threads()
    strict, warns = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(strict, warn_only=warns)
        random.setstate(states[0])
        np.random.set_state(states[1])  # noqa: NPY002
        torch.set_rng_state(states[2])
