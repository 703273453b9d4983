"""A sweep in this process, one trial after another: without Ray, for a few trials or a machine with one core."""

from __future__ import annotations

import random
import time
from collections import deque
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
from mmbench.schema.result import TrialResult
from mmbench.sweep.checkpoints import EVERY_S, Folder, Kept
from mmbench.sweep.local import one_thread
from mmbench.sweep.planning.interleaved import interleaved
from mmbench.sweep.ray_settings import is_remote
from mmbench.sweep.rounds.assignment import Outcome
from mmbench.sweep.rounds.work import Work
from mmbench.sweep.trial import measure_again, run_group
from mmbench.sweep.weights import WeightStore


def suffices(settings: Sweep) -> bool:
    """Whether a person asked for one trial at a time, and there is neither a cluster nor a GPU to share."""
    return settings.at_once == 1 and not is_remote() and not torch.cuda.is_available()


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
    """As `mmbench.sweep.engine.run`, but a trial that hangs in C code is not ended; `on_silence` is never called."""
    began = time.perf_counter()
    limits = limits_of(settings)
    todo = deque(work.begin())
    to_train = sum(a.results for a in todo)
    to_measure = sum(not a.trains for a in todo)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    most = int(settings.keep_weights * 1e9)
    weights, checkpoints = WeightStore(ledger, most), Folder.beside(ledger.folder)
    checkpoints.tidy(ledger)
    loaded: dict[str, tuple[DataSpec, dict[str, Split]]] = {}
    trained = measured = 0
    if todo:
        on_start(to_train, to_measure, 1)
    try:
        with restoring_global_state():
            while todo:
                step = todo.popleft()
                job = step.job
                name = job.config.dataset
                if name not in loaded:
                    spec, arrays = load_prepared(data_root / name)
                    loaded[name] = spec, {split: as_split(spec, arrays[split], device) for split in SPLITS}
                spec, splits = loaded[name]
                if step.outputs is None:
                    own = step.members
                    jobs, measures = [a.job for a in own], [a.measures for a in own]
                    made = run_group(
                        jobs,
                        spec,
                        splits,
                        limits,
                        measures=measures,
                        keep_weights=most,
                        checkpoints=Kept(job.trial_id, checkpoints.read(job.trial_id), checkpoints.put, EVERY_S),
                    )
                    for files in (f for a, f in zip(own, made, strict=True) if a.kept):
                        files = weights.fit(files)
                        ledger.write(files.result, files.outputs, files.measured, files.weights)
                        checkpoints.remove(files.result.trial_id)
                        trained += 1
                        on_result(files.complete)
                        if more := work.finished(files.complete):
                            todo = deque(interleaved([more, list(todo)]))
                            trials, others = sum(a.results for a in more), sum(not a.trains for a in more)
                            to_train += trials
                            to_measure += others
                            on_more(trials + others)
                    continue
                kept = weights.read(job.trial_id)
                found = measure_again(job, step.outputs, kept, spec, splits, limits, step.measures.probes)
                if ledger.add_probes(found):
                    measured += 1
                    on_measured(job.trial_id)
    except KeyboardInterrupt:
        pass
    return Outcome(
        ran=trained,
        left=to_train - trained,
        measured=measured,
        unmeasured=to_measure - measured,
        slots=1 if to_train + to_measure else 0,
        seconds=time.perf_counter() - began,
    )


@contextmanager
def restoring_global_state() -> Iterator[None]:
    """What trials set for the whole process is afterwards as before: random states, threads, determinism."""
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002 - a trial seeds it
    strict, warns = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    try:
        with one_thread():
            yield
    finally:
        torch.use_deterministic_algorithms(strict, warn_only=warns)
        random.setstate(states[0])
        np.random.set_state(states[1])  # noqa: NPY002
        torch.set_rng_state(states[2])
