"""Copies of a method whose steps, fits and predictions are timed, a short round at a time."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from mmbench.data.batches import Split
from mmbench.model.attention_cost import record_allocations
from mmbench.model.baseline import BaselineModel
from mmbench.model.build import build
from mmbench.registry import get
from mmbench.schema.dataset import DataSpec
from mmbench.schema.plan import Job
from mmbench.training.captured import WARM, CudaGraphs
from mmbench.training.loop import Steps
from mmbench.training.modality_dropout import ModalityDropout
from mmbench.training.objective import objective
from mmbench.training.predictions import CapturedOutputs, predict
from mmbench.training.replay import WORTH_RECORDING
from mmbench.training.trial import Splits, lengths_of_masks

LONG = 0.012
"""Seconds of steps in a round, at least."""
CYCLE = 2
"""Batches that are gone through as a whole, since some have more padding than others."""
SLOW = 0.1
"""Seconds of a step beyond which a round begins without one that is not timed."""
FITTING = 3.0
"""Seconds after which a baseline is not fitted again."""
SHORT = 0.004
"""Seconds of predictions in a round, for each way to ask for them, at least."""
BATCH = 128
CPU = torch.device("cpu")


def _now(device: torch.device) -> float:
    """Seconds: of the clock on a GPU; on a CPU those in which this thread had a core."""
    if device.type != "cuda":
        return time.thread_time()
    torch.cuda.synchronize(device)
    return time.perf_counter()


def _repeat(call: Callable[[], object], seconds: float, device: torch.device, *, least: int) -> list[float]:
    """Seconds of each call, for so long, and at least so many."""
    times: list[float] = []
    ends = time.perf_counter() + seconds
    while len(times) < least or time.perf_counter() < ends:
        began = _now(device)
        call()
        times.append(max(_now(device) - began, 1e-9))
    return times


class TimedPredictions:
    """The predictions of a model, of many samples and of one."""

    def __init__(self, model: nn.Module, validation: Split) -> None:
        self.model, self.device = model, validation.labels.device
        many, labels = validation.rows(slice(0, BATCH))
        one, _ = validation.rows(slice(0, 1))
        self.samples = len(labels)
        self.many, self.one = (lambda: model(many)), (lambda: model(one))

    @torch.inference_mode()
    def round(self) -> dict[str, float]:
        self.model.eval()
        self.one()
        one = 1e6 * np.array(_repeat(self.one, SHORT, self.device, least=3))
        batch = np.median(_repeat(self.many, SHORT, self.device, least=1))
        return {
            "p50_us": float(np.median(one)),
            "p95_us": float(np.percentile(one, 95)),
            "batch_us": float(batch) / self.samples * 1e6,
        }


class TimedModel:
    """A model that is trained, as its trial trains it.

    Attributes:
        slow: Whether it is so slow that one copy is enough; known after `warm_up`.
        once: What is timed once, before all rounds.
    """

    def __init__(self, job: Job, spec: DataSpec, splits: Splits) -> None:
        config = job.config
        assert config.train is not None
        self.settings = config.train
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
        self.outputs = CapturedOutputs(self.model, self.graphs) if self.graphs is not None else None
        self.hidden = ModalityDropout.of(self.settings, lengths_of_masks(config, spec), self.train, [config.seed])
        order = torch.randperm(len(self.train), generator=torch.Generator().manual_seed(0)).to(self.device)
        size = self.settings.batch_size
        self.batches = [b for b in order.split(size) if len(b) == size][:CYCLE] or [order]
        self.done = 0
        self.validated = False
        self.once: dict[str, float] = {}

    def warm_up(self) -> None:
        """Do what a training does once, such as recording its steps, which is no part of a step."""
        self.model.train()
        for _ in range(WORTH_RECORDING if self._replays() else WARM + 2):
            self._step()
        began = _now(self.device)
        self._step()
        self.slow = _now(self.device) - began > SLOW
        if self.outputs is not None:
            for _ in range(WARM + 2):
                self._validate()
        self.predictions = TimedPredictions(self.model, self.validation)

    def _replays(self) -> bool:
        return self.device.type != "cuda" and self.settings.epochs * self.steps.full_batches >= WORTH_RECORDING

    def _step(self) -> None:
        index = self.batches[self.done % len(self.batches)]
        inputs, labels = self.train.rows(index)
        if self.hidden is not None:
            inputs = self.hidden(inputs, index)
        self.steps.train(inputs, labels)
        self.done += 1

    def memory(self) -> int:
        """Bytes that the parameters and a step hold at most at one time; to be asked before `warm_up`."""
        self.model.train()
        if self.device.type != "cuda":
            self._step()
            return record_allocations(self._step).peak + _held(self.model)
        torch.cuda.reset_peak_memory_stats(self.device)
        before = torch.cuda.memory_allocated(self.device) - _held(self.model)
        self._step()
        torch.cuda.synchronize(self.device)
        return max(0, int(torch.cuda.max_memory_allocated(self.device) - before))

    def round(self) -> dict[str, float]:
        """Seconds of a step and, the first time, of a validation; microseconds of predictions."""
        self.model.train()
        self.done = 0
        if not self.slow:
            # What others have done meanwhile has taken its place in the caches.
            self._step()
            self.done = 0
        found = {"step": float(np.median(_repeat(self._cycle, LONG, self.device, least=1))) / len(self.batches)}
        found |= self.predictions.round()
        if not self.validated:
            # After predictions, since a model's first ones are slower.
            found["validation"] = float(np.median(_repeat(self._validate, LONG, self.device, least=1)))
            self.validated = True
        return found

    def _cycle(self) -> None:
        for _ in self.batches:
            self._step()

    def _validate(self) -> None:
        predict(self.model, self.validation, precision=self.settings.precision, outputs=self.outputs)

    def close(self) -> None:
        self.steps.release()
        if self.graphs is not None:
            self.graphs.made.clear()


def _held(model: nn.Module) -> int:
    """Bytes of parameters and buffers."""
    return sum(x.numel() * x.element_size() for x in (*model.parameters(), *model.buffers()))


class TimedBaseline:
    """An estimator that is fitted; with the attributes of a `TimedModel`."""

    def __init__(self, job: Job, spec: DataSpec, splits: Splits) -> None:
        config = job.config
        assert config.baseline is not None
        made = get("baseline", config.baseline, where="trial").cls(**config.options("baseline"))
        per_modality = getattr(made, "per_modality", False)
        self.model = BaselineModel(made.model(config.seed, spec.task), spec, per_modality=per_modality)
        self.train, self.validation = splits["train"], splits["validation"]
        self.fitted = 0.0
        self.once: dict[str, float] = {}

    def memory(self) -> None:
        """Of baselines it is not known."""

    def warm_up(self) -> None:
        """Fit it a first time, which also pays for what a process does once."""
        first = self._timed()
        self.slow = first > FITTING
        if self.slow:
            self.once = {"fit": first}
        self.predictions = TimedPredictions(self.model, self.validation)

    def _timed(self) -> float:
        (seconds,) = _repeat(lambda: self.model.fit(self.train), 0.0, CPU, least=1)
        return seconds

    def round(self) -> dict[str, float]:
        """Seconds of a fit, until there have been enough; microseconds of predictions."""
        found = {}
        if not self.slow and self.fitted < FITTING:
            seconds = self._timed()
            if seconds < LONG:
                # The first time is slower, as what it uses has left the caches.
                seconds = min(self._timed() for _ in range(3))
            found["fit"] = seconds
            self.fitted += seconds
        return found | self.predictions.round()

    def close(self) -> None:
        """There is nothing to give back."""
