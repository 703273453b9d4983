"""One trial, whole: trained and measured; and the model of a finished one, to be measured again."""

from __future__ import annotations

import time
from collections.abc import Sequence

import torch
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import nn

from mmbench.model.build import build
from mmbench.schema.dataset import DataSpec
from mmbench.schema.measured import Measured, Origin
from mmbench.schema.outputs import Outputs, digest
from mmbench.schema.plan import Job, Limits
from mmbench.schema.result import FileDigest, State
from mmbench.sweep.files import TrialFiles
from mmbench.sweep.measure import Subject, Wanted, failed_probes, measure_metrics, measure_probes, wanted
from mmbench.training import trial
from mmbench.training.checkpoint import Checkpoints
from mmbench.training.group_trial import run_group as train_group
from mmbench.training.trial import Finished, Splits


def weights_of(model: nn.Module) -> bytes:
    """Tied weights are stored once for each of their names: safetensors refuses tensors that share memory."""
    return save_tensors({name: value.detach().cpu().clone() for name, value in model.state_dict().items()})


def run(
    job: Job,
    spec: DataSpec,
    splits: Splits,
    limits: Limits | None = None,
    *,
    measures: Wanted | None = None,
    keep_weights: int = 0,
) -> TrialFiles:
    """Train one trial and measure it while its model is at hand, all within the limits.

    measures: None: whatever can be measured. A probe for which no time is left stays pending. keep_weights: up to this
    many bytes they are part of what is returned.
    """
    (files,) = run_group([job], spec, splits, limits, measures=[measures], keep_weights=keep_weights)
    return files


def run_group(
    jobs: Sequence[Job],
    spec: DataSpec,
    splits: Splits,
    limits: Limits | None = None,
    *,
    measures: Sequence[Wanted | None],
    keep_weights: int = 0,
    checkpoints: Checkpoints | None = None,
) -> list[TrialFiles]:
    """The same for trials of one combination that are trained as one program; measures: of each. checkpoints: of a
    trial that is alone."""
    limits = limits or Limits()
    began = time.monotonic()
    finished = train_group(jobs, spec, splits, limits, checkpoints)
    used = (time.monotonic() - began) / len(jobs)
    return [
        _measured(
            job,
            one,
            spec,
            splits,
            limits,
            used,
            wanted(spec, baseline=job.config.baseline is not None) if own is None else own,
            keep_weights,
        )
        for job, one, own in zip(jobs, finished, measures, strict=True)
    ]


def _measured(
    job: Job,
    finished: Finished,
    spec: DataSpec,
    splits: Splits,
    limits: Limits,
    used: float,
    measures: Wanted,
    keep_weights: int,
) -> TrialFiles:
    """used: seconds of its limit."""
    if finished.outputs is None or finished.model is None:
        return TrialFiles(result=finished.result)
    outputs = Outputs.from_bytes(finished.outputs)
    metrics = measure_metrics(outputs, measures.metrics)
    rest, full = limits, limits.seconds is None
    if limits.seconds is not None:
        rest = limits.model_copy(update={"seconds": max(limits.seconds - used, 0.01)})
    subject = Subject(
        model=finished.model, config=job.config, spec=spec, splits=splits, origin="training", outputs=outputs
    )
    # Saved before anything else touches the model.
    weights = weights_of(finished.model) if keep_weights and job.config.role != "baseline" else None
    probes = measure_probes(subject, measures.probes, rest, full=full)
    if weights is not None and len(weights) > keep_weights:
        weights = None
    result = finished.result.model_copy(update={"weights": None if weights is None else digest(weights)})
    return TrialFiles(
        result=result,
        outputs=finished.outputs,
        measured=Measured(
            trial_id=job.trial_id, outputs=digest(finished.outputs).sha256, metrics=metrics, probes=probes
        ),
        weights=weights,
        model=finished.model,
    )


def load_model(job: Job, spec: DataSpec, weights: bytes, device: torch.device) -> nn.Module | None:
    """The model with these weights; None where this source cannot make one of them."""
    try:
        model = build(job.config, spec)
        model.load_state_dict(load_tensors(weights))
    except (RuntimeError, ValueError, TypeError, KeyError):
        return None
    return model.to(device).eval()


def restore(
    job: Job, outputs: FileDigest, weights: bytes | None, spec: DataSpec, splits: Splits, limits: Limits
) -> tuple[nn.Module, Origin] | str:
    """The trained model of a finished trial: from its weights, or trained again; or why it cannot be had.

    outputs: those of the first training, which tell whether the second found the same. weights: as the trial's JSON
    names them.
    """
    device = splits["train"].labels.device
    model = None if weights is None else load_model(job, spec, weights, device)
    if model is not None:
        return model, "weights"
    finished = trial.run(job, spec, splits, limits)
    if finished.result.state is not State.DONE or finished.model is None:
        return f"trained again, the trial ended as {finished.result.state.replace('_', ' ')}: {finished.result.message}"
    return finished.model, "retraining" if finished.result.outputs == outputs else "other retraining"


def measure_again(
    job: Job,
    outputs: FileDigest,
    weights: bytes | None,
    spec: DataSpec,
    splits: Splits,
    limits: Limits,
    names: dict[str, str],
) -> Measured:
    """These probes on a finished trial; a record of them alone. names: fingerprint by probe.

    On a GPU what the model says now may have another precision than what it said in training.
    """
    restored = restore(job, outputs, weights, spec, splits, limits)
    if isinstance(restored, str):
        probes = failed_probes(names, restored, "retraining")
    else:
        model, origin = restored
        subject = Subject(model=model, config=job.config, spec=spec, splits=splits, origin=origin)
        probes = measure_probes(subject, names, limits)
    return Measured(trial_id=job.trial_id, outputs=outputs.sha256, probes=probes)
