"""How long a gradient step of every model takes on this machine, tried on a few batches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from mmbench.data.batches import Split
from mmbench.model.build import build
from mmbench.schema.dataset import DataSpec
from mmbench.schema.plan import Job
from mmbench.schema.trial import TrialConfig
from mmbench.sweep.local import load_splits, one_thread
from mmbench.sweep.planning.estimate import Key
from mmbench.training.loop import fit
from mmbench.training.objective import objective
from mmbench.training.sandbox import TrialTimeoutError, time_limit

LONGEST = 30.0
"""Seconds for one model, all in all."""
FEW, MORE = 2, 8
"""Batches of the two trainings whose difference is timed: what is done once, such as filling caches, is in both."""


def step_seconds(
    jobs: Iterable[Job], prepared: Path, *, on_model: Callable[[], None] = lambda: None
) -> dict[Key, float]:
    """Seconds of a step by data set and method, of the trained methods of these jobs. prepared: the folder of the
    prepared data sets. on_model: is called after each method. A model that cannot be built or trained has none."""
    configs: dict[Key, TrialConfig] = {}
    for job in jobs:
        if job.config.train is not None:
            configs.setdefault((job.config.dataset, job.config.cell), job.config)
    found: dict[Key, float] = {}
    loaded: dict[str, tuple[DataSpec, Mapping[str, Split]]] = {}
    with one_thread():
        for key, config in sorted(configs.items(), key=lambda x: x[0][0]):
            if config.dataset not in loaded:
                loaded = {config.dataset: load_splits(prepared / config.dataset)}
            # A variant may raise anything, or never end; its trials will say what.
            with suppress(Exception, SystemExit, TrialTimeoutError), time_limit(LONGEST):
                found[key] = _time(config, *loaded[config.dataset])
            on_model()
    return found


def _time(config: TrialConfig, spec: DataSpec, splits: Mapping[str, Split]) -> float:
    assert config.train is not None
    train = splits["train"].only(config.modalities)
    batch = min(config.train.batch_size, max(1, len(train) // MORE))
    settings = config.train.model_copy(update={"epochs": 1, "batch_size": batch, "patience": None})
    validation = _first(splits["validation"].only(config.modalities), batch)
    model = build(config, spec).to(train.labels.device)
    aim = objective(spec, train.labels, balanced=settings.class_weights == "balanced", smoothing=0.0)
    # The first training is not counted: it also pays for what a process does once, such as starting its threads.
    _, few, more = (
        fit(model, _first(train, n * batch), validation, settings, aim, seed=0).seconds for n in (FEW, FEW, MORE)
    )
    # Fewer samples in a batch than settings ask for, where there are so few, make a step no dearer. Where the machine
    # halted in the shorter training, the longer one as a whole is the least that is known to be enough.
    return (more - few) / (MORE - FEW) if more > few else more / MORE


def _first(split: Split, samples: int) -> Split:
    """These many samples of a split, at most."""
    inputs, labels = split.rows(slice(0, samples))
    return replace(split, inputs=inputs, labels=labels, normal={})
