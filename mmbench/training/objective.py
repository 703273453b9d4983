"""What training minimises, and the units of a model's outputs, by the type of task."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from mmbench.schema.dataset import DataSpec
from mmbench.schema.task import Task


@dataclass(frozen=True, kw_only=True)
class Objective:
    """weight: (C,) of each class, or (L,) of each label where it holds; None: all weigh the same. mean, std: (K,) of a
    regression's targets, which models predict in normalised units. smoothing: the share of a label that training
    spreads over all classes (Szegedy et al. 2016), or moves a yes or no towards the other."""

    task: Task
    weight: Tensor | None = None
    mean: Tensor | None = None
    std: Tensor | None = None
    smoothing: float = 0.0

    def training_loss(self, outputs: Tensor, labels: Tensor) -> Tensor:
        """What training minimises: the loss with smoothed labels."""
        if not self.smoothing or self.task.kind == "regression":
            return self.loss(outputs, labels)
        if self.task.kind == "multilabel":
            return self.loss(outputs, labels * (1 - self.smoothing) + self.smoothing / 2)
        return F.cross_entropy(outputs, labels, weight=self.weight, label_smoothing=self.smoothing)

    def loss(self, outputs: Tensor, labels: Tensor) -> Tensor:
        """Cross-entropy (nats), binary cross-entropy, or squared error in normalised units; a scalar."""
        if self.task.kind in ("classification", "binary"):
            return F.cross_entropy(outputs, labels, weight=self.weight)
        if self.task.kind == "multilabel":
            return F.binary_cross_entropy_with_logits(outputs, labels, pos_weight=self.weight)
        if self.mean is not None and self.std is not None:
            labels = (labels - self.mean) / self.std
        return F.mse_loss(outputs, labels)

    def in_units(self, outputs: Tensor) -> Tensor:
        """Outputs (N, C) as they are kept, float32: logits as they are, numbers in the targets' own units. What they
        predict is `mmbench.schema.scores.predictions`."""
        if self.task.kind == "regression" and self.mean is not None and self.std is not None:
            outputs = outputs.double() * self.std.double() + self.mean.double()
        return outputs.float()


def objective(spec: DataSpec, labels: Tensor, *, balanced: bool = False, smoothing: float = 0.0) -> Objective:
    """The objective of a data set, given its training labels.

    balanced: classes weigh inversely to how often they occur (King and Zeng 2001), and so does a label where it holds
    against where it does not. smoothing: of labels.
    """
    mean = std = weight = None
    if spec.scale is not None:
        mean, std = (torch.tensor(x, device=labels.device) for x in (spec.scale.mean, spec.scale.std))
    if balanced and spec.task.kind in ("classification", "binary"):
        counts = torch.bincount(labels, minlength=len(spec.task.targets)).clamp(min=1)
        weight = len(labels) / (len(counts) * counts)
    elif balanced and spec.task.kind == "multilabel":
        holds = labels.sum(0).clamp(min=1)
        weight = (len(labels) - holds).clamp(min=1) / holds
    return Objective(task=spec.task, weight=weight, mean=mean, std=std, smoothing=smoothing)
