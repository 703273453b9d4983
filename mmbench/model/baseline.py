"""A scikit-learn estimator as a model like the others: `model(inputs)` gives outputs, so that whatever measures models
measures baselines too."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from sklearn.base import clone
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.multiclass import OneVsRestClassifier, _ConstantPredictor
from sklearn.multioutput import MultiOutputRegressor
from torch import Tensor, nn

from mmbench.data.batches import Inputs, Split
from mmbench.schema.dataset import DataSpec
from mmbench.schema.task import Task

SURE = 1e4
"""Logits of what is certain: softmax and sigmoid give exactly 0 and 1 back."""


def _columns(inputs: Inputs, name: str, spec: DataSpec) -> Tensor:
    """One modality, (N, F) float32; words as counts; masked steps and missing modalities as zeros."""
    modality = spec.modalities[name]
    # scikit-learn reads from the CPU, wherever the trials of models have their data.
    x = inputs[name].to("cpu")
    if not x.values.is_floating_point():
        values = x.filled()
        counts = torch.zeros(len(values), modality.options["vocabulary"])
        return counts.scatter_add_(1, values, torch.ones_like(values, dtype=torch.float32))[:, 1:]
    present = torch.ones(len(x.values), dtype=torch.bool) if x.mask is None else x.mask.any(-1)
    # An image's mask is over its patches, which are not an axis of its values: it is there or it is missing.
    along = x.mask is not None and x.values.ndim > 2 and x.mask.shape[1] == x.values.shape[1]
    values = x.filled() if along else x.values * present.reshape(-1, *[1] * (x.values.ndim - 1))
    return values.flatten(1)


def _predict(estimator: Any, x: np.ndarray, task: Task) -> np.ndarray:
    """Float64: probabilities (N, C) or (N, L), or numbers (N, K)."""
    if task.kind == "regression":
        return np.asarray(estimator.predict(x), dtype=np.float64).reshape(len(x), len(task.targets))
    known = np.asarray(estimator.predict_proba(x))
    if task.kind == "multilabel":
        return known.astype(np.float64)
    if known.shape[1] != len(estimator.classes_):
        names = ", ".join(task.targets[i] for i in estimator.classes_)
        raise ValueError(f"this baseline needs two classes, and the training split has only {names}")
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


CONSTANTS = (DummyClassifier, DummyRegressor, _ConstantPredictor)
"""What says the same of every input."""


def _size(estimator: Any, targets: int) -> tuple[int, int] | None:
    """The numbers of weights and of biases of what ends a pipeline; None where it is made of something else."""
    last = estimator.steps[-1][1] if hasattr(estimator, "steps") else estimator
    if isinstance(last, OneVsRestClassifier | MultiOutputRegressor):
        return _total([_size(part, 1) for part in last.estimators_])
    if isinstance(last, CONSTANTS):
        return 0, targets
    if not hasattr(last, "coef_"):
        return None
    weights = np.atleast_2d(last.coef_)
    return weights.size, len(weights)


def _total(sizes: Sequence[tuple[int, int] | None]) -> tuple[int, int] | None:
    known = [size for size in sizes if size is not None]
    return None if len(known) < len(sizes) else (sum(w for w, _ in known), sum(b for _, b in known))


class BaselineModel(nn.Module):
    """The estimator of a baseline, on all modalities of a data set side by side.

    per_modality: a copy of it on each modality alone instead, their probabilities (numbers: predictions) averaged.
    parts: modalities, and the estimator on them.
    """

    def __init__(self, estimator: Any, spec: DataSpec, *, per_modality: bool = False) -> None:
        super().__init__()
        self.spec = spec
        names = tuple(spec.modalities)
        self.parts = [((name,), clone(estimator)) for name in names] if per_modality else [(names, estimator)]

    def fit(self, split: Split) -> None:
        inputs, labels = split.rows(slice(None))
        truth = labels.cpu().numpy()
        with warnings.catch_warnings():
            # Then it is predicted always, or never.
            warnings.filterwarnings("ignore", message="Label .* is present in all training examples")
            for x, estimator in self._features(inputs):
                estimator.fit(x, truth)

    def forward(self, inputs: Inputs) -> Tensor:
        """(N, C) float32 on the CPU: logits, or numbers in the targets' own units."""
        task = self.spec.task
        predictions = [_predict(estimator, x, task) for x, estimator in self._features(inputs)]
        return torch.from_numpy(_logits(task, np.mean(predictions, axis=0)).astype(np.float32))

    def _features(self, inputs: Inputs) -> Iterator[tuple[np.ndarray, Any]]:
        """What each estimator looks at, (N, F) float32: its modalities side by side."""
        for names, estimator in self.parts:
            yield torch.cat([_columns(inputs, name, self.spec) for name in names], dim=1).numpy(), estimator

    @property
    def size(self) -> tuple[int, int] | None:
        """The numbers of weights and of biases, of estimators at the end of a pipeline or not. A constant guess has one
        number per target. None where an estimator is made of something else, such as trees or samples."""
        return _total([_size(estimator, len(self.spec.task.targets)) for _, estimator in self.parts])
