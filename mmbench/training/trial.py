"""One job: configuration and data in, result out. No globals, no environment, no files; every ending is a result."""

from __future__ import annotations

import os
import re
import time
import traceback
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from mmbench import provenance
from mmbench.baseline import linear_size, predict_by
from mmbench.data.batches import Split
from mmbench.model.build import build
from mmbench.probe import cost
from mmbench.registry import get
from mmbench.schema.dataset import DataSpec
from mmbench.schema.plan import Job, Limits
from mmbench.schema.result import Cost, Curve, Provenance, State, TrialResult
from mmbench.schema.scores import scores
from mmbench.schema.trial import TrialConfig
from mmbench.training.loop import DivergedError, fit, predict
from mmbench.training.objective import objective
from mmbench.training.sandbox import TrialTimeoutError, memory_limit, own_settings, seed_everything, time_limit

Splits = Mapping[str, Split]
OnModel = Callable[[nn.Module], None]
"""What is shown the trained model, at its best epoch."""


def _peak_memory(device: torch.device) -> int | None:
    """Bytes: of this trial on a GPU; on a CPU the largest that the process has held."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    try:
        import resource
    except ImportError:
        return None
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _flat(split: Split, spec: DataSpec) -> np.ndarray:
    """All modalities side by side, (N, F) float32; words as counts; masked steps and missing modalities as zeros."""
    columns = []
    inputs, _ = split.rows(slice(None))
    for name, modality in spec.modalities.items():
        # scikit-learn reads from the CPU, wherever the trials of models have their data.
        x = inputs[name].to("cpu")
        if not x.values.is_floating_point():
            values = x.filled()
            counts = torch.zeros(len(values), modality.options["vocabulary"])
            columns.append(counts.scatter_add_(1, values, torch.ones_like(values, dtype=torch.float32))[:, 1:])
            continue
        present = torch.ones(len(split), dtype=torch.bool) if x.mask is None else x.mask.any(-1)
        # An image's mask is over its patches, which are not an axis of its values: it is there or it is missing.
        along = x.mask is not None and x.values.ndim > 2 and x.mask.shape[1] == x.values.shape[1]
        values = x.filled() if along else x.values * present.reshape(-1, *[1] * (x.values.ndim - 1))
        columns.append(values.flatten(1))
    return torch.cat(columns, dim=1).numpy()


Measured = dict[str, Any]
"""The fields of a TrialResult that measuring fills in."""


def _measure_baseline(config: TrialConfig, spec: DataSpec, splits: Splits, on_model: OnModel) -> Measured:
    assert config.baseline is not None
    model = get("baseline", config.baseline, where="trial").cls().model(config.seed, spec.task)
    began = time.perf_counter()
    model.fit(_flat(splits["train"], spec), splits["train"].labels.cpu().numpy())
    seconds = time.perf_counter() - began
    metrics, inference = {}, 0.0
    for name in ("validation", "test"):
        x, y = _flat(splits[name], spec), splits[name].labels.cpu().numpy()
        began = time.perf_counter()
        predictions = predict_by(model, x, spec.task)
        inference = time.perf_counter() - began
        metrics[name] = scores(spec.task, predictions, y)
    weights, biases = linear_size(model, spec.task)
    return {
        "metrics": metrics,
        "cost": Cost(
            parameters=weights + biases,
            flops=2 * weights,
            train_seconds=seconds,
            seconds_per_epoch=seconds,
            inference_us_per_sample=inference / len(splits["test"]) * 1e6,
            peak_memory=_peak_memory(torch.device("cpu")),
        ),
    }


def _measure_model(config: TrialConfig, spec: DataSpec, splits: Splits, on_model: OnModel) -> Measured:
    assert config.train is not None
    device = splits["train"].labels.device
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    train, validation, test = (splits[s].only(config.modalities) for s in ("train", "validation", "test"))
    model = build(config, spec).to(device)
    aim = objective(spec, train.labels, balanced=config.train.class_weights == "balanced")
    trained = fit(model, train, validation, config.train, aim, seed=config.seed)
    outputs = {"validation": trained.outputs, "test": predict(model, test, precision=config.train.precision)}
    metrics = {}
    for name, split in (("validation", validation), ("test", test)):
        predictions = aim.predictions(outputs[name]).cpu().numpy()
        if not np.isfinite(predictions).all():
            raise DivergedError(f"the trained model's outputs on {name} are not finite")
        metrics[name] = scores(spec.task, predictions, split.labels.cpu().numpy())
    memory = _peak_memory(device)
    on_model(model)
    return {
        "metrics": metrics,
        "best_epoch": trained.best_epoch,
        "curves": trained.curves,
        "cost": Cost(
            parameters=cost.parameters(model),
            flops=cost.flops(model, validation),
            train_seconds=trained.seconds,
            seconds_per_epoch=trained.seconds / len(trained.curves["train_loss"]),
            inference_us_per_sample=cost.inference_seconds(model, validation) * 1e6,
            peak_memory=memory,
        ),
    }


_UNREPEATABLE = re.compile(r"(\S+) does not have a deterministic implementation")
"""In PyTorch's words; the group is the operation."""


def _repeatably(seed: int, measure: Callable[[], Measured]) -> Measured:
    """What `measure` measures from a fresh random state, bit by bit the same each time if the device can do that.

    On a GPU some operations repeat themselves only where that is demanded (fused attention), and others cannot: where
    there is one of those, all starts again without the demand, and what was measured names the operation.
    """
    seed_everything(seed, strict=True)
    try:
        return measure()
    except RuntimeError as error:
        found = _UNREPEATABLE.search(str(error))
        if found is None:
            raise
    seed_everything(seed)
    return measure() | {"unrepeatable": found[1]}


def _measure(config: TrialConfig, spec: DataSpec, splits: Splits, on_model: OnModel) -> Measured:
    kind = _measure_baseline if config.role == "baseline" else _measure_model
    measure = partial(kind, config, spec, splits, on_model)
    if splits["train"].labels.device.type == "cuda":
        return _repeatably(config.seed, measure)
    # One thread on a CPU repeats itself anyway.
    seed_everything(config.seed)
    return measure()


def _is_out_of_memory(error: BaseException) -> bool:
    """PyTorch's CPU allocator raises a plain RuntimeError, so its words have to be read."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    text = str(error)
    return isinstance(error, RuntimeError) and ("not enough memory" in text or "can't allocate memory" in text)


def _writable(text: str) -> str:
    """The text as UTF-8 can hold it: a message may carry any bytes of the outside world."""
    return text.encode(errors="backslashreplace").decode()


def _one_line(error: BaseException) -> str:
    text = _writable(" ".join(str(error).split()))
    return f"{type(error).__name__}: {text[:500]}" if text else type(error).__name__


def run(
    job: Job, spec: DataSpec, splits: Splits, limits: Limits | None = None, *, on_model: OnModel = lambda model: None
) -> TrialResult:
    """Run one trial to its end, whichever that is. `splits`: train, validation and test, on the device to use.
    `on_model`: is shown the trained model of a trial that has one.

    A trial's own faults (an exception, divergence, a limit) become its state; only KeyboardInterrupt leaves this
    function.
    """
    limits = limits or Limits()
    config = job.config
    started, began = datetime.now(UTC), time.perf_counter()
    state, message, trace, measured = State.DONE, None, None, {}
    try:
        with own_settings(), memory_limit(limits.memory_gb), time_limit(limits.seconds):
            measured = _measure(config, spec, splits, on_model)
    except TrialTimeoutError:
        state, message = State.TIMEOUT, f"took longer than its limit of {limits.seconds:g} s"
    except DivergedError as error:
        state, message = State.DIVERGED, str(error)
    except (Exception, SystemExit) as error:
        trace = _writable(traceback.format_exc(limit=-12)).replace(f"{Path.cwd()}{os.sep}", "")
        state, message = State.FAILED, _one_line(error)
        if _is_out_of_memory(error):
            limit = "" if limits.memory_gb is None else f" (limit: {limits.memory_gb:g} GiB)"
            state, message = State.OUT_OF_MEMORY, f"{_one_line(error)}{limit}"
    measured["curves"] = _finite(measured.get("curves", {}))
    return TrialResult(
        trial_id=job.trial_id,
        config=config,
        state=state,
        message=message,
        traceback=trace,
        started=started.isoformat(timespec="milliseconds"),
        seconds=time.perf_counter() - began,
        limits={"seconds": limits.seconds, "memory_gb": limits.memory_gb},
        provenance=Provenance(
            data_hash=job.data_hash,
            fingerprint=job.fingerprint,
            commit=job.commit,
            dirty=job.dirty,
            versions=provenance.versions(),
            hardware=provenance.hardware(),
        ),
        **measured,
    )


def _finite(curves: Mapping[str, list[float]]) -> dict[str, Curve]:
    return {name: [y if np.isfinite(y) else None for y in values] for name, values in curves.items()}
