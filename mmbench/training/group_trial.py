"""Jobs of one combination, trained as one program: configurations and data in, a result for each out."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

import torch

from mmbench.model.build import build
from mmbench.schema.dataset import DataSpec
from mmbench.schema.plan import Job, Limits
from mmbench.schema.result import State
from mmbench.schema.trial import TrialConfig
from mmbench.training import group
from mmbench.training.checkpoint import Checkpoints
from mmbench.training.history import DivergedError
from mmbench.training.objective import objective
from mmbench.training.predictions import predict
from mmbench.training.sandbox import memory_limit, own_settings, seed_everything, time_limit
from mmbench.training.stack import CannotStackError
from mmbench.training.trial import (
    Ending,
    Finished,
    Splits,
    TrainedTrial,
    finished,
    is_out_of_memory,
    kept,
    lengths_of_masks,
    outputs_of,
    repeatably,
    run,
)


def run_group(
    jobs: Sequence[Job],
    spec: DataSpec,
    splits: Splits,
    limits: Limits | None = None,
    checkpoints: Checkpoints | None = None,
) -> list[Finished]:
    """Train trials of one combination as one program; each ends as it would alone, and has a result of its own.

    Where they cannot be one program, each is trained alone, and its result says why; where memory does not suffice,
    in two halves. Together they have the time of all of them. checkpoints: of a trial that is alone from the start.
    """
    limits = limits or Limits()
    if len(jobs) == 1:
        return [run(jobs[0], spec, splits, limits, checkpoints)]
    whole = None if limits.seconds is None else limits.seconds * len(jobs)
    started, began = datetime.now(UTC), time.perf_counter()
    common, endings = Ending(), list[Ending]()
    why = "training the group failed"
    with kept(common, limits), own_settings(), memory_limit(limits.memory_gb), time_limit(whole):
        try:
            endings = _train_group([job.config for job in jobs], spec, splits, limits)
        except CannotStackError as error:
            why = str(error)
            if error.__cause__ is not None and is_out_of_memory(error.__cause__):
                raise error.__cause__ from None
    if endings:
        seconds = (time.perf_counter() - began) / len(jobs)
        return [finished(job, own, limits, started, seconds, jobs) for job, own in zip(jobs, endings, strict=True)]
    if common.state is State.OUT_OF_MEMORY:
        half = len(jobs) // 2
        return [found for part in (jobs[:half], jobs[half:]) for found in run_group(part, spec, splits, limits)]
    if common.state is State.TIMEOUT:
        seconds = (time.perf_counter() - began) / len(jobs)
        return [finished(job, common, limits, started, seconds, jobs) for job in jobs]
    # Whatever else ended the group may be the fault of one of its trials, which then says so itself.
    said = common.message or why
    alone = [run(job, spec, splits, limits) for job in jobs]
    return [replace(f, result=f.result.model_copy(update={"ungrouped": said})) for f in alone]


def _train_group(configs: Sequence[TrialConfig], spec: DataSpec, splits: Splits, limits: Limits) -> list[Ending]:
    """Each trial's ending. Raises CannotStackError."""
    first = configs[0]
    device = splits["train"].labels.device
    if device.type == "cuda":
        return repeatably(first.seed, partial(_train_stack, configs, spec, splits, limits), _name_operation)
    return _train_stack(configs, spec, splits, limits)


def _name_operation(endings: list[Ending], operation: str) -> list[Ending]:
    for ending in endings:
        if ending.trained is not None:
            ending.trained = replace(ending.trained, fields=ending.trained.fields | {"unrepeatable": operation})
    return endings


def _train_stack(configs: Sequence[TrialConfig], spec: DataSpec, splits: Splits, limits: Limits) -> list[Ending]:
    first = configs[0]
    device = splits["train"].labels.device
    settings = [config.train for config in configs if config.train is not None]
    models = []
    for config in configs:
        # Each is drawn as it would be alone.
        seed_everything(config.seed, strict=torch.are_deterministic_algorithms_enabled())
        models.append(build(config, spec).to(device))
    train, validation, test = (splits[s].only(first.modalities) for s in ("train", "validation", "test"))
    aim = objective(
        spec, train.labels, balanced=settings[0].class_weights == "balanced", smoothing=settings[0].label_smoothing
    )
    seed_everything(first.seed, strict=torch.are_deterministic_algorithms_enabled())
    seeds, lengths = [config.seed for config in configs], lengths_of_masks(first, spec)
    found = group.fit(models, train, validation, settings, aim, seeds=seeds, lengths=lengths)
    endings = []
    for model, trained in zip(models, found, strict=True):
        ending = Ending()
        with kept(ending, limits):
            if isinstance(trained, DivergedError):
                raise trained
            outputs = {"validation": trained.outputs, "test": predict(model, test, precision=settings[0].precision)}
            # A trial of a group has no training time of its own.
            fields = {
                "best_epoch": trained.best_epoch,
                "curves": trained.curves,
                "quantities": {},
                "uncaptured": trained.uncaptured,
            }
            inside = {name: aim.in_units(values).cpu().numpy() for name, values in outputs.items()}
            ending.trained = TrainedTrial(fields=fields, outputs=inside, model=model)
            ending.content = outputs_of(spec, splits, inside).to_bytes()
        endings.append(ending)
    return endings
