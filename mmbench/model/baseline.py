"""A scikit-learn estimator as a model like the others: `model(inputs)` gives outputs, so that whatever measures models
measures baselines too."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from mmbench.data.batches import Inputs, Split
from mmbench.schema.dataset import DataSpec
from mmbench.schema.task import Task

SURE = 1e4
"""Logits of what is certain: softmax and sigmoid give exactly 0 and 1 back."""


def _features(inputs: Inputs, spec: DataSpec) -> np.ndarray:
    """All modalities side by side, (N, F) float32; words as counts; masked steps and missing modalities as zeros."""
    columns = []
    for name, modality in spec.modalities.items():
        # scikit-learn reads from the CPU, wherever the trials of models have their data.
        x = inputs[name].to("cpu")
        if not x.values.is_floating_point():
            values = x.filled()
            counts = torch.zeros(len(values), modality.options["vocabulary"])
            columns.append(counts.scatter_add_(1, values, torch.ones_like(values, dtype=torch.float32))[:, 1:])
            continue
        present = torch.ones(len(x.values), dtype=torch.bool) if x.mask is None else x.mask.any(-1)
        # An image's mask is over its patches, which are not an axis of its values: it is there or it is missing.
        along = x.mask is not None and x.values.ndim > 2 and x.mask.shape[1] == x.values.shape[1]
        values = x.filled() if along else x.values * present.reshape(-1, *[1] * (x.values.ndim - 1))
        columns.append(values.flatten(1))
    return torch.cat(columns, dim=1).numpy()


def _predict(estimator: Any, x: np.ndarray, task: Task) -> np.ndarray:
    """Float64: probabilities (N, C) or (N, L), or numbers (N, K)."""
    if task.kind == "regression":
        return np.asarray(estimator.predict(x), dtype=np.float64).reshape(len(x), len(task.targets))
    known = np.asarray(estimator.predict_proba(x))
    if task.kind == "multilabel":
        return known.astype(np.float64)
    # A class that the training split lacks has no column of its own.
    probabilities = np.zeros((len(x), len(task.targets)))
    # Estimators that work in float32 leave sums that are not quite one.
    probabilities[:, estimator.classes_] = known / known.sum(1, keepdims=True, dtype=np.float64)
    return probabilities


def _logits(task: Task, predictions: np.ndarray) -> np.ndarray:
    """What softmax or sigmoid makes these probabilities of."""
    if task.kind == "regression":
        return predictions
    with np.errstate(divide="ignore"):
        logits = np.log(predictions)
        if task.kind == "multilabel":
            logits = logits - np.log1p(-predictions)
    return logits.clip(-SURE, SURE)


class BaselineModel(nn.Module):
    """The estimator of a baseline, on all modalities of a data set."""

    def __init__(self, estimator: Any, spec: DataSpec) -> None:
        super().__init__()
        self.estimator, self.spec = estimator, spec

    def fit(self, split: Split) -> None:
        inputs, labels = split.rows(slice(None))
        self.estimator.fit(_features(inputs, self.spec), labels.cpu().numpy())

    def forward(self, inputs: Inputs) -> Tensor:
        """(N, C) float32 on the CPU: logits, or numbers in the targets' own units."""
        predictions = _predict(self.estimator, _features(inputs, self.spec), self.spec.task)
        return torch.from_numpy(_logits(self.spec.task, predictions).astype(np.float32))

    @property
    def size(self) -> tuple[int, int]:
        """The numbers of weights and of biases, of an estimator at the end of a pipeline or not. One without weights
        has one number per target."""
        last = self.estimator.steps[-1][1] if hasattr(self.estimator, "steps") else self.estimator
        parts = getattr(last, "estimators_", [last])
        weights = [np.asarray(part.coef_) for part in parts if hasattr(part, "coef_")]
        if not weights:
            return 0, len(self.spec.task.targets)
        return sum(w.size for w in weights), sum(len(np.atleast_2d(w)) for w in weights)
