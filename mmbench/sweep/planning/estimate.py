"""How long what is pending will take, from how long finished trials took. No torch here."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import median

from mmbench.schema.dataset import DataSpec
from mmbench.schema.params import Sweep
from mmbench.schema.plan import Job
from mmbench.schema.result import State, TrialResult
from mmbench.schema.trial import TrialConfig

Key = tuple[str, str]
"""Data set and method."""


@dataclass(frozen=True, kw_only=True)
class TimeLeft:
    """Of all pending trials.

    Attributes:
        seconds: Wall time; of those that are known.
        slots: Trials at a time that it allows for.
        known: Pending trials whose time can be told; unknown: those of which nothing like them has ended.
    """

    seconds: float
    slots: int
    known: int
    unknown: int


def slots_of(settings: Sweep) -> int:
    """Trials at a time on this machine's cores; a cluster or a GPU may run more."""
    if settings.at_once != "auto":
        return settings.at_once
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _steps(config: TrialConfig, specs: Mapping[str, DataSpec]) -> int:
    """What a trial's time goes by: gradient steps; of a baseline, one."""
    if config.train is None:
        return 1
    return config.train.epochs * -(-specs[config.dataset].splits["train"] // config.train.batch_size)


def at_least(job: Job, steps: int, spec: DataSpec) -> Job:
    """The job with so many gradient steps, or a little more for whole epochs. A baseline is what it is."""
    train = job.config.train
    if train is None:
        return job
    epochs = -(-steps // -(-spec.splits["train"] // train.batch_size))
    longer = train.model_copy(update={"epochs": max(1, round(epochs * job.config.budget))})
    return job.model_copy(update={"config": job.config.model_copy(update={"train": longer})})


def time_left(
    jobs: Iterable[Job],
    results: Mapping[str, TrialResult],
    specs: Mapping[str, DataSpec],
    slots: int,
    *,
    timed: Mapping[Key, float] | None = None,
) -> TimeLeft:
    """Estimate it. jobs: of the plan; those without a result are pending. timed: seconds a step by data set and method,
    for those of which no trial has ended.

    A method of which none has ended is taken for the median one of its kind on its data set.
    """
    jobs = list(jobs)
    rates: dict[Key, list[float]] = {}
    kinds: dict[Key, list[float]] = {}
    for job in jobs:
        result, config = results.get(job.trial_id), job.config
        if result is not None and result.state is State.DONE:
            rate = result.seconds / _steps(config, specs)
            rates.setdefault((config.dataset, config.cell), []).append(rate)
            kinds.setdefault((config.dataset, config.role), []).append(rate)
    seconds, known, unknown = 0.0, 0, 0
    for job in jobs:
        config = job.config
        if job.trial_id in results:
            continue
        key = (config.dataset, config.cell)
        own = rates.get(key) or ([timed[key]] if timed and key in timed else kinds.get((config.dataset, config.role)))
        if own:
            seconds, known = seconds + median(own) * _steps(config, specs), known + 1
        else:
            unknown += 1
    return TimeLeft(seconds=seconds / slots, slots=slots, known=known, unknown=unknown)
