"""What a step and a prediction of each of many methods cost, measured in turn with nothing else running."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial

import numpy as np
import threadpoolctl
import torch
from torch import nn

from mmbench.data.batches import Split
from mmbench.model.attention_cost import record_allocations
from mmbench.model.baseline import BaselineModel
from mmbench.model.build import build
from mmbench.registry import get
from mmbench.schema.dataset import DataSpec
from mmbench.schema.idle_cost import IdleCost
from mmbench.schema.plan import Job
from mmbench.training.captured import WARM, CudaGraphs
from mmbench.training.loop import Steps, predict
from mmbench.training.objective import objective
from mmbench.training.replay import WORTH_RECORDING
from mmbench.training.sandbox import TrialTimeoutError, own_settings, seed_everything, time_limit
from mmbench.training.trial import Splits, one_line

ROUNDS = 3
"""Of which the least counts: what disturbs one of them does not disturb all."""
LONG = 0.05
"""Seconds of steps in a round, at least."""
CYCLE, SLOW = 8, 0.1
"""Batches that are gone through as a whole, since some have more padding than others; two where a step takes longer
than so many seconds."""
QUICK = 1.0
"""Seconds up to which a baseline is fitted again in every round."""
SHORT = 0.02
"""Seconds of predictions in a round, for each way to ask for them, at least."""
BATCH = 128
LONGEST = 120.0
"""Seconds for one method before it is left out, all in all."""
TOGETHER = 1.5e9
"""Bytes that the models need which are held, and measured in turn, at one time. What is recorded of a step to be
replayed takes as much again as the step."""


def _now(device: torch.device) -> float:
    """Seconds: of the clock on a GPU; on a CPU those in which this thread had a core."""
    if device.type != "cuda":
        return time.thread_time()
    torch.cuda.synchronize(device)
    return time.perf_counter()


def _repeat(call: Callable[[], object], seconds: float, device: torch.device) -> list[float]:
    """Seconds of each call, for so long; three calls at least."""
    times: list[float] = []
    ends = time.perf_counter() + seconds
    while len(times) < 3 or time.perf_counter() < ends:
        began = _now(device)
        call()
        times.append(_now(device) - began)
    return times


class _Predictions:
    """The predictions of a model, of many samples and of one."""

    def __init__(self, model: nn.Module, validation: Split) -> None:
        self.model, self.device = model, validation.labels.device
        many, labels = validation.rows(slice(0, BATCH))
        one, _ = validation.rows(slice(0, 1))
        self.samples = len(labels)
        self.many, self.one = (lambda: model(many)), (lambda: model(one))
        self.batch: list[float] = []
        self.p50: list[float] = []
        self.p95: list[float] = []

    @torch.inference_mode()
    def round(self) -> None:
        self.model.eval()
        self.one()
        times = _repeat(self.one, SHORT, self.device)
        self.p50.append(float(np.median(times)))
        self.p95.append(float(np.percentile(times, 95)))
        self.batch.append(float(np.median(_repeat(self.many, SHORT, self.device))))

    def found(self) -> dict[str, float]:
        return {
            "batch_us": min(self.batch) / self.samples * 1e6,
            "p50_us": min(self.p50) * 1e6,
            "p95_us": min(self.p95) * 1e6,
        }


class _Model:
    """A model that is trained, as its trial trains it."""

    def __init__(self, job: Job, spec: DataSpec, splits: Splits) -> None:
        config = job.config
        assert config.train is not None
        self.trial_id, self.settings = job.trial_id, config.train
        self.train, self.validation = (splits[name].only(config.modalities) for name in ("train", "validation"))
        self.device = self.train.labels.device
        self.model = build(config, spec).to(self.device)
        aim = objective(
            spec,
            self.train.labels,
            balanced=self.settings.class_weights == "balanced",
            smoothing=self.settings.label_smoothing,
        )
        cuda = self.device.type == "cuda"
        self.graphs = CudaGraphs(self.device) if cuda else None
        self.steps = Steps(
            self.model, self.settings, aim, samples=len(self.train), cuda=cuda, replay=not cuda, capture=self.graphs
        )
        order = torch.randperm(len(self.train), generator=torch.Generator().manual_seed(0)).to(self.device)
        self.batches = [b for b in order.split(self.settings.batch_size) if len(b) == self.settings.batch_size] or [
            order
        ]
        self.batches = self.batches[:CYCLE]
        self.done = 0
        self.step: list[float] = []
        self.evaluation: list[float] = []
        self.memory = self._memory()
        # What a training does once, such as recording its steps, is no part of a step.
        for _ in range(WORTH_RECORDING if self._replays() else WARM + 2):
            self._step()
        began = time.perf_counter()
        self._step()
        if time.perf_counter() - began > SLOW:
            self.batches = self.batches[:2]
        self.predictions = _Predictions(self.model, self.validation)

    def _replays(self) -> bool:
        return self.device.type != "cuda" and self.settings.epochs * self.steps.full_batches >= WORTH_RECORDING

    def _step(self) -> None:
        inputs, labels = self.train.rows(self.batches[self.done % len(self.batches)])
        self.steps.train(inputs, labels)
        self.done += 1

    def _memory(self) -> int | None:
        self.model.train()
        if self.device.type != "cuda":
            self._step()
            return record_allocations(self._step).peak + _held(self.model)
        torch.cuda.reset_peak_memory_stats(self.device)
        before = torch.cuda.memory_allocated(self.device) - _held(self.model)
        self._step()
        torch.cuda.synchronize(self.device)
        return max(0, int(torch.cuda.max_memory_allocated(self.device) - before))

    def round(self) -> None:
        self.model.train()
        ends = time.perf_counter() + LONG
        self.done = 0
        while self.done == 0 or time.perf_counter() < ends:
            began = _now(self.device)
            for _ in self.batches:
                self._step()
            self.step.append((_now(self.device) - began) / len(self.batches))
        if len(self.evaluation) < 2:
            began = _now(self.device)
            predict(self.model, self.validation, precision=self.settings.precision)
            self.evaluation.append(_now(self.device) - began)
        self.predictions.round()

    def cost(self) -> IdleCost:
        own = IdleCost(
            trial_id=self.trial_id,
            step=min(self.step),
            steps=self.steps.per_epoch,
            validation=min(self.evaluation),
            memory=self.memory,
        )
        return own.model_copy(update=self.predictions.found())

    def close(self) -> None:
        self.steps.release()
        if self.graphs is not None:
            self.graphs.made.clear()


def _held(model: nn.Module) -> int:
    """Bytes of parameters and buffers."""
    return sum(x.numel() * x.element_size() for x in (*model.parameters(), *model.buffers()))


class _Baseline:
    """An estimator that is fitted."""

    def __init__(self, job: Job, spec: DataSpec, splits: Splits) -> None:
        config = job.config
        assert config.baseline is not None
        self.trial_id, self.memory = job.trial_id, None
        made = get("baseline", config.baseline, where="trial").cls(**config.options("baseline"))
        per_modality = getattr(made, "per_modality", False)
        self.model = BaselineModel(made.model(config.seed, spec.task), spec, per_modality=per_modality)
        self.train = splits["train"]
        self.fit = self._fit()
        self.predictions = _Predictions(self.model, splits["validation"])

    def _fit(self) -> float:
        began = time.thread_time()
        self.model.fit(self.train)
        return max(time.thread_time() - began, 1e-9)

    def round(self) -> None:
        # The first time it also pays for what a process does once.
        if self.fit < QUICK:
            self.fit = min(self.fit, self._fit())
        self.predictions.round()

    def cost(self) -> IdleCost:
        return IdleCost(trial_id=self.trial_id, fit=self.fit).model_copy(update=self.predictions.found())

    def close(self) -> None:
        pass


@contextmanager
def _fair() -> Iterator[None]:
    """One thread, as a trial has: with more, methods would share out differently what is idle."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with own_settings(), threadpoolctl.threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(threads)


def measure_alone(
    jobs: Mapping[str, Job], spec: DataSpec, splits: Splits, *, on_method: Callable[[], None] = lambda: None
) -> dict[str, IdleCost]:
    """The cost of each method. jobs: one of each, by its name. on_method: is called after each.

    One that raises, or takes too long, has a reason in place of numbers.
    """
    found: dict[str, IdleCost] = {}
    ready: dict[str, _Model | _Baseline] = {}

    def attempt(name: str, act: Callable[[], None]) -> None:
        try:
            with time_limit(LONGEST):
                act()
            return
        except TrialTimeoutError:
            why = f"took longer than {LONGEST:g} s"
        except (Exception, SystemExit) as error:  # a variant may raise anything; its trial says what
            why = one_line(error)
        found[name] = IdleCost(trial_id=jobs[name].trial_id, failed=why)
        ready.pop(name, None)

    def prepare(name: str) -> None:
        seed_everything(jobs[name].config.seed)
        kind = _Baseline if jobs[name].config.train is None else _Model
        ready[name] = kind(jobs[name], spec, splits)

    def measure() -> None:
        for turn in range(ROUNDS):
            # Forwards and backwards, so that a machine that slows down does so for all alike.
            for name in list(ready) if turn % 2 == 0 else list(reversed(ready)):
                attempt(name, ready[name].round)
        for name, method in ready.items():
            found[name] = method.cost()
            with suppress(Exception):
                method.close()
        ready.clear()

    # The library that counts allocations writes to stderr.
    os.environ.setdefault("KINETO_LOG_LEVEL", "6")
    with _fair():
        for name in jobs:
            attempt(name, partial(prepare, name))
            on_method()
            if sum(2 * (method.memory or 0) for method in ready.values()) > TOGETHER:
                measure()
        measure()
    return {name: found[name] for name in jobs}
