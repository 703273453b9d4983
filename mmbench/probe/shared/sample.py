"""Which samples probes look at, and how good outputs on them are."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from mmbench.schema.dataset import DataSpec
from mmbench.schema.metric import METRICS
from mmbench.schema.scores import predictions, score
from mmbench.schema.task import Task

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from mmbench.data.batches import Inputs, Split

BATCH = 256


def chosen(split: Split, most: int) -> Tensor:
    """(n,) rows of a split, in order: the same for every model on a data set."""
    import torch

    count = len(split)
    if count <= most:
        return torch.arange(count)
    order = torch.randperm(count, generator=torch.Generator().manual_seed(count))
    return order[:most].sort().values


def outputs_on(model: nn.Module, inputs: Inputs, spec: DataSpec, split: Split) -> np.ndarray:
    """(n, C) float32 as they are kept: logits, or numbers in the targets' own units. The model is in evaluation."""
    return in_units(raw_outputs(model, inputs), model, spec, split)


def raw_outputs(model: nn.Module, inputs: Inputs) -> Tensor:
    """(n, C) as the model gives them: numbers in normalised units, of baselines in the targets' own. The model is in
    evaluation."""
    import torch

    from mmbench.data.batches import Example

    size = len(next(iter(inputs.values())).values)
    parts = []
    with torch.inference_mode():
        for i in range(0, size, BATCH):
            rows = slice(i, i + BATCH)
            batch = {
                name: Example(values=x.values[rows], mask=None if x.mask is None else x.mask[rows])
                for name, x in inputs.items()
            }
            parts.append(model(batch).float())
    return torch.cat(parts)


def normalised(outputs: Tensor, model: nn.Module, spec: DataSpec) -> Tensor:
    """The same of every model alike, numbers in normalised units."""
    from mmbench.model.baseline import BaselineModel

    if spec.scale is None or not isinstance(model, BaselineModel):
        return outputs
    return (outputs - outputs.new_tensor(spec.scale.mean)) / outputs.new_tensor(spec.scale.std)


def in_units(outputs: torch.Tensor, model: nn.Module, spec: DataSpec, split: Split) -> np.ndarray:
    """What a model says of a regression is in normalised units; what a baseline says is in the targets' own."""
    from mmbench.model.baseline import BaselineModel

    values = outputs.detach().cpu().double().numpy()
    if spec.scale is not None and not isinstance(model, BaselineModel):
        values = values * np.asarray(spec.scale.std) + np.asarray(spec.scale.mean)
    return values.astype(np.float32)


def value(task: Task, outputs: np.ndarray, labels: np.ndarray) -> float:
    """The main metric, so turned that more is better; NaN where these samples do not carry it."""
    found = score(task.metric, task, predictions(task.kind, outputs), labels)
    return found if METRICS[task.metric].higher else -found


def constant(spec: DataSpec, train_labels: np.ndarray, count: int) -> np.ndarray:
    """(count, C) outputs, as they are kept, of who has seen the training labels and nothing else: their frequencies, or
    their mean."""
    kind = spec.task.kind
    if kind == "regression":
        return np.tile(train_labels.mean(0, dtype=np.float64), (count, 1)).astype(np.float32)
    if kind == "multilabel":
        share = np.clip(train_labels.mean(0, dtype=np.float64), 1e-6, 1 - 1e-6)
        return np.tile(np.log(share) - np.log1p(-share), (count, 1)).astype(np.float32)
    frequency = np.bincount(train_labels, minlength=len(spec.task.targets)) / len(train_labels)
    return np.tile(np.log(np.clip(frequency, 1e-6, None)), (count, 1)).astype(np.float32)


def sureness(task: Task, outputs: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """(n,) per sample, more is better: the log-probability of what is true, in nats; of a regression the squared error
    with a minus, in units of the labels' variance, a mean over targets."""
    x = outputs.astype(np.float64)
    if task.kind == "regression":
        variance = np.maximum(labels.astype(np.float64).var(0), 1e-12)
        return np.asarray(-(((x - labels) ** 2) / variance).mean(1))
    if task.kind == "multilabel":
        return np.asarray(-np.logaddexp(0, np.where(labels > 0, -x, x)).mean(1))
    x = x - x.max(1, keepdims=True)
    return np.asarray(x[np.arange(len(x)), labels] - np.log(np.exp(x).sum(1)))


def finite(x: float) -> float | None:
    """None for what is not a number."""
    return float(x) if math.isfinite(x) else None
