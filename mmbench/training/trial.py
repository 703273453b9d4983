"""One job: configuration and data in, result, outputs and model out. No globals, no environment, no
files; every ending is a result."""

from __future__ import annotations

import os
import re
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import threadpoolctl
import torch
from torch import nn

from mmbench import provenance
from mmbench.data.batches import Split
from mmbench.model.baseline import BaselineModel
from mmbench.model.build import build
from mmbench.model.hiding import mask_lengths
from mmbench.registry import Axis, get
from mmbench.schema.dataset import DataSpec
from mmbench.schema.outputs import SPLITS, Outputs, digest, split_outputs
from mmbench.schema.plan import Job, Limits
from mmbench.schema.quantity import Value
from mmbench.schema.result import Curve, Provenance, State, TrialResult
from mmbench.schema.trial import TrialConfig
from mmbench.training.checkpoint import Anew, CheckpointError, Checkpoints
from mmbench.training.history import DivergedError
from mmbench.training.loop import fit
from mmbench.training.objective import objective
from mmbench.training.predictions import predict
from mmbench.training.replay import ReplayDiffersError
from mmbench.training.sandbox import TrialTimeoutError, memory_limit, own_settings, seed_everything, time_limit

Splits = Mapping[str, Split]


@dataclass(frozen=True, kw_only=True)
class Finished:
    """How one trial ended.

    Attributes:
        result: What training itself found; no metrics, which are computed from the outputs.
        outputs: The file of its outputs (`mmbench.schema.outputs`), which `result` names; None where it did not end
            well.
        model: At its best epoch; None where the trial did not end well.
    """

    result: TrialResult
    outputs: bytes | None = None
    model: nn.Module | None = None


def _peak_memory(device: torch.device) -> int | None:
    """Bytes: of this trial on a GPU; on a CPU the largest that the process has held."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    try:
        import resource
    except ImportError:
        return None
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


@dataclass(frozen=True, kw_only=True)
class TrainedTrial:
    """fields: of a TrialResult, that training fills in. outputs: (N, C) float32 by split, in the targets' own units."""

    fields: dict[str, Any]
    outputs: Mapping[str, np.ndarray]
    model: nn.Module


def _quantities(seconds: float, epochs: int, memory: int | None) -> dict[str, Value]:
    found: dict[str, Value] = {"train_seconds": seconds, "seconds_per_epoch": seconds / epochs}
    return found if memory is None else found | {"peak_memory": memory}


def _train_baseline(config: TrialConfig, spec: DataSpec, splits: Splits) -> TrainedTrial:
    assert config.baseline is not None
    made = get("baseline", config.baseline, where="trial").cls(**config.options("baseline"))
    per_modality = getattr(made, "per_modality", False)
    model = BaselineModel(made.model(config.seed, spec.task), spec, per_modality=per_modality)
    # scikit-learn has threads of its own, and with more of them sums are added in another order.
    with threadpoolctl.threadpool_limits(1):
        began = time.perf_counter()
        model.fit(splits["train"])
        seconds = time.perf_counter() - began
        outputs = {name: model(splits[name].rows(slice(None))[0]).numpy() for name in SPLITS}
    memory = _peak_memory(torch.device("cpu"))
    return TrainedTrial(fields={"quantities": _quantities(seconds, 1, memory)}, outputs=outputs, model=model)


def lengths_of_masks(config: TrialConfig, spec: DataSpec) -> dict[str, int] | None:
    """Where modalities are dropped in training. Raises ValueError where a stem takes no mask."""
    return mask_lengths(spec) if config.train is not None and config.train.modality_dropout else None


def _train_model(
    config: TrialConfig,
    spec: DataSpec,
    splits: Splits,
    *,
    replay: bool = True,
    checkpoints: Checkpoints | None = None,
) -> TrainedTrial:
    assert config.train is not None
    device = splits["train"].labels.device
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    train, validation, test = (splits[s].only(config.modalities) for s in ("train", "validation", "test"))
    model = build(config, spec).to(device)
    aim = objective(
        spec, train.labels, balanced=config.train.class_weights == "balanced", smoothing=config.train.label_smoothing
    )
    trained = fit(
        model,
        train,
        validation,
        config.train,
        aim,
        seed=config.seed,
        replay=replay,
        checkpoints=checkpoints,
        lengths=lengths_of_masks(config, spec),
    )
    found = {"validation": trained.outputs, "test": predict(model, test, precision=config.train.precision)}
    memory = _peak_memory(device)
    fields = {
        "best_epoch": trained.best_epoch,
        "curves": trained.curves,
        "quantities": _quantities(trained.seconds, len(trained.curves["train_loss"]), memory),
        "resumed": trained.resumed,
        "uncaptured": trained.uncaptured,
    }
    outputs = {name: aim.in_units(values).cpu().numpy() for name, values in found.items()}
    return TrainedTrial(fields=fields, outputs=outputs, model=model)


def outputs_of(spec: DataSpec, splits: Splits, found: Mapping[str, np.ndarray]) -> Outputs:
    """As they are kept. Raises DivergedError where they are not finite."""
    for name in SPLITS:
        if not np.isfinite(found[name]).all():
            raise DivergedError(f"the trained model's outputs on {name} are not finite")
    parts = {name: split_outputs(spec.task, found[name], splits[name].labels.cpu().numpy()) for name in SPLITS}
    return Outputs(task=spec.task, splits=parts)


_UNREPEATABLE = re.compile(r"(\S+) does not have a deterministic implementation")
"""In PyTorch's words; the group is the operation."""


T = TypeVar("T")


def repeatably(seed: int, train: Callable[[], T], named: Callable[[T, str], T]) -> T:
    """What `train` finds from a fresh random state, bit by bit the same each time if the device can do that.

    On a GPU some operations repeat themselves only where that is demanded (fused attention), and others cannot: where
    there is one of those, all starts again without the demand, and `named` puts the operation into the result.
    """
    seed_everything(seed, strict=True)
    try:
        return train()
    except RuntimeError as error:
        found = _UNREPEATABLE.search(str(error))
        if found is None:
            raise
    seed_everything(seed)
    return named(train(), found[1])


def _name_one(trained: TrainedTrial, operation: str) -> TrainedTrial:
    return replace(trained, fields=trained.fields | {"unrepeatable": operation})


def _train(config: TrialConfig, spec: DataSpec, splits: Splits, checkpoints: Checkpoints | None = None) -> TrainedTrial:
    if config.role == "baseline":
        seed_everything(config.seed)
        return _train_baseline(config, spec, splits)
    try:
        return _train_from(config, spec, splits, checkpoints)
    except CheckpointError:
        assert checkpoints is not None
        return _train_from(config, spec, splits, Anew(checkpoints))


def _train_from(config: TrialConfig, spec: DataSpec, splits: Splits, checkpoints: Checkpoints | None) -> TrainedTrial:
    """Raises CheckpointError where it cannot go on from the one that is there."""
    train = partial(_train_model, config, spec, splits, checkpoints=checkpoints)
    if splits["train"].labels.device.type == "cuda":
        return repeatably(config.seed, train, _name_one)
    # One thread on a CPU repeats itself anyway.
    seed_everything(config.seed)
    try:
        return train()
    except ReplayDiffersError:
        seed_everything(config.seed)
        return train(replay=False, checkpoints=None if checkpoints is None else Anew(checkpoints))


def is_out_of_memory(error: BaseException) -> bool:
    """PyTorch's CPU allocator raises a plain RuntimeError, so its words have to be read."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    text = str(error)
    return isinstance(error, RuntimeError) and ("not enough memory" in text or "can't allocate memory" in text)


def _writable(text: str) -> str:
    """The text as UTF-8 can hold it: a message may carry any bytes of the outside world."""
    return text.encode(errors="backslashreplace").decode()


def one_line(error: BaseException) -> str:
    """`ValueError: what it says`, in one line that UTF-8 can hold."""
    text = _writable(" ".join(str(error).split()))
    return f"{type(error).__name__}: {text[:500]}" if text else type(error).__name__


def import_variants(config: TrialConfig, spec: DataSpec) -> None:
    """Import what the trial is made of. One that cannot be imported is the trial's own fault, which it will report."""
    wanted: list[tuple[Axis, str]] = [(axis, choice.name) for axis, choice in config.choices()]
    wanted += [("stem", spec.modalities[name].kind) for name in config.modalities]
    wanted += [] if config.baseline is None else [("baseline", config.baseline)]
    for axis, name in wanted:
        with suppress(Exception, SystemExit):
            _ = get(axis, name, where="trial").cls


@dataclass(kw_only=True)
class Ending:
    """How a training ended: what it made, or why not."""

    state: State = State.DONE
    message: str | None = None
    trace: str | None = None
    trained: TrainedTrial | None = None
    content: bytes | None = None


@contextmanager
def kept(ending: Ending, limits: Limits) -> Iterator[None]:
    """Whatever ends what is done in here ends as a state; only KeyboardInterrupt goes on."""
    try:
        yield
    except TrialTimeoutError:
        ending.state, ending.message = State.TIMEOUT, f"took longer than its limit of {limits.seconds:g} s"
    except DivergedError as error:
        ending.state, ending.message = State.DIVERGED, str(error)
    except (Exception, SystemExit) as error:
        ending.trace = _writable(traceback.format_exc(limit=-12)).replace(f"{Path.cwd()}{os.sep}", "")
        ending.state, ending.message = State.FAILED, one_line(error)
        if is_out_of_memory(error):
            limit = "" if limits.memory_gb is None else f" (limit: {limits.memory_gb:g} GiB)"
            ending.state, ending.message = State.OUT_OF_MEMORY, f"{one_line(error)}{limit}"


def run(
    job: Job,
    spec: DataSpec,
    splits: Splits,
    limits: Limits | None = None,
    checkpoints: Checkpoints | None = None,
) -> Finished:
    """Train one trial to its end, whichever that is. `splits`: train, validation and test, on the device to use.
    checkpoints: of this trial; None: it begins anew whenever it is lost.

    A trial's own faults (an exception, divergence, a limit) become its state; only KeyboardInterrupt leaves this
    function.
    """
    limits = limits or Limits()
    started, began = datetime.now(UTC), time.perf_counter()
    ending = Ending()
    with kept(ending, limits), own_settings(), memory_limit(limits.memory_gb), time_limit(limits.seconds):
        ending.trained = _train(job.config, spec, splits, checkpoints)
        ending.content = outputs_of(spec, splits, ending.trained.outputs).to_bytes()
    return finished(job, ending, limits, started, time.perf_counter() - began)


def finished(
    job: Job, ending: Ending, limits: Limits, started: datetime, seconds: float, mates: Sequence[Job] = ()
) -> Finished:
    """The result of a job whose training ended so. seconds: wall time of the job. mates: the jobs of its group, itself
    included."""
    trained, content = ending.trained, ending.content
    done = trained is not None and content is not None and ending.state is State.DONE
    fields = dict(trained.fields) if trained is not None and done else {}
    fields["curves"] = _finite(fields.get("curves", {}))
    result = TrialResult(
        trial_id=job.trial_id,
        config=job.config,
        state=ending.state,
        message=ending.message,
        traceback=ending.trace,
        started=started.isoformat(timespec="milliseconds"),
        seconds=seconds,
        limits={"seconds": limits.seconds, "memory_gb": limits.memory_gb},
        outputs=digest(content) if content is not None and done else None,
        group=tuple(mate.trial_id for mate in mates),
        provenance=Provenance(
            data_hash=job.data_hash,
            fingerprint=job.fingerprint,
            commit=job.commit,
            dirty=job.dirty,
            versions=provenance.versions(),
            hardware=provenance.hardware(),
        ),
        **fields,
    )
    if not done or trained is None:
        return Finished(result=result)
    return Finished(result=result, outputs=content, model=trained.model)


def _finite(curves: Mapping[str, list[float]]) -> dict[str, Curve]:
    return {name: [y if np.isfinite(y) else None for y in values] for name, values in curves.items()}
