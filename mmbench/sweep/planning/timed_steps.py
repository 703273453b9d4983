"""How long a gradient step of every model takes on this machine, tried on a few batches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import torch

from mmbench.data.batches import Split
from mmbench.model.build import build
from mmbench.schema.dataset import DataSpec
from mmbench.schema.plan import Job
from mmbench.schema.trial import TrialConfig
from mmbench.sweep.local import load_splits, one_thread
from mmbench.sweep.planning.estimate import Key
from mmbench.training.captured import WARM
from mmbench.training.loop import fit
from mmbench.training.objective import objective
from mmbench.training.replay import WORTH_RECORDING
from mmbench.training.sandbox import TrialTimeoutError, time_limit
from mmbench.training.trial import lengths_of_masks

LONGEST = 30.0
"""Seconds for one model, all in all."""
FEW, MORE = 2, 8
"""Batches of the two trainings whose difference is timed: what is done once, such as filling caches, is in both."""
FEW_REPLAYED, MORE_REPLAYED = WORTH_RECORDING + 2, 2 * WORTH_RECORDING + 2
"""The same where steps are replayed, which a CPU does in trainings of some length, as real ones are."""
LITTLE = 3.0
"""Seconds that these may take; a model whose steps take longer is mostly arithmetic, and gains nothing by it."""


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

    def seconds(batches: int) -> float:
        part = _first(train, batches * batch)
        return fit(model, part, validation, settings, aim, seed=0, lengths=lengths_of_masks(config, spec)).seconds

    # Not counted: it also pays for what a process does once, such as starting its threads.
    seconds(FEW)
    if train.labels.device.type == "cuda":
        # What captures a step as a graph is in both.
        return _difference(seconds, FEW + WARM + 2, MORE + WARM + 2)
    step = _difference(seconds, FEW, MORE)
    if train.labels.device.type != "cpu" or step * (FEW_REPLAYED + MORE_REPLAYED) > LITTLE:
        return step
    return _difference(seconds, FEW_REPLAYED, MORE_REPLAYED)


def _difference(seconds: Callable[[int], float], few: int, more: int) -> float:
    """Seconds of a step. Fewer samples in a batch than settings ask for, where there are so few, make it no dearer."""
    short, long = seconds(few), seconds(more)
    # Where the machine halted in the shorter training, the longer one as a whole is the least that is known to do.
    return (long - short) / (more - few) if long > short else long / more


def _first(split: Split, samples: int) -> Split:
    """These many samples of a split, from its beginning again where it has fewer."""
    inputs, labels = split.rows(torch.arange(samples, device=split.labels.device) % len(split))
    return replace(split, inputs=inputs, labels=labels, normal={})
