"""Support vector machines with a radial kernel, one a modality."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar

import numpy as np
from pydantic import Field
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, SVR

from mmbench.registry import variant
from mmbench.schema.task import Task


class RadialKernel(TransformerMixin, BaseEstimator):
    """x (N, F) -> K (N, M) = exp(-gamma |x - x_j|^2) for the M training samples x_j.

    Computed once, for all folds, labels and numbers, and as a product of matrices: many times as fast as within SVC.

    times: gamma is so many times what scikit-learn calls "scale", 1 / (F var(x)).
    """

    def __init__(self, times: float) -> None:
        self.times = times

    def fit(self, x: np.ndarray, y: object = None) -> RadialKernel:
        variance = float(x.var())
        # As in scikit-learn where nothing varies.
        self.gamma_ = self.times / (x.shape[1] * variance) if variance else self.times
        self.samples_ = x
        return self

    def transform(self, x: np.ndarray) -> np.ndarray:
        kernel: np.ndarray = rbf_kernel(x, self.samples_, gamma=self.gamma_)
        return kernel


class EveryClass:
    """Cross-validation in which every class is in every training part, however rare.

    The samples of each class are dealt to the folds in turn. The only sample of a class is trained on in all folds,
    also in the one that it is tested in.
    """

    def __init__(self, folds: int) -> None:
        self.folds = folds

    def get_n_splits(self, x: object = None, y: object = None, groups: object = None) -> int:
        return self.folds

    def split(self, x: object, y: np.ndarray, groups: object = None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        fold, only = np.zeros(len(y), int), np.zeros(len(y), bool)
        for label in np.unique(y):
            rows = np.flatnonzero(y == label)
            fold[rows] = np.arange(len(rows)) % self.folds
            only[rows] = len(rows) == 1
        for number in np.unique(fold):
            yield np.flatnonzero((fold != number) | only), np.flatnonzero(fold == number)


@variant(
    "kernel_svm",
    title="kernel SVM",
    source="scikit-learn SVC, SVR; Cortes and Vapnik 1995; Platt 1999, Probabilistic Outputs for SVMs",
)
class KernelSVM:
    """A support vector machine with a radial kernel on each modality, standardised, their probabilities averaged; text
    as counts of words.

    Probabilities are Platt's, a sigmoid of each class' decision, fitted on three folds; one machine a label, or a
    number, where there are several. Numbers are fitted in units of their standard deviation, within 0.1 of it. It draws
    nothing: every seed gives the same. For few samples: its cost grows with their square, and then with their cube.

    inverse_strength: scikit-learn's C; small values regularise more. gamma: times scikit-learn's "scale".
    """

    per_modality = True
    most_samples = 5000
    # There is a machine for every pair of classes, and each of them says something of every sample.
    most_classes = 50
    tuned: ClassVar = {"inverse_strength": {"log_uniform": [0.1, 100]}, "gamma": {"log_uniform": [0.1, 10]}}

    def __init__(
        self, *, inverse_strength: Annotated[float, Field(gt=0)] = 1.0, gamma: Annotated[float, Field(gt=0)] = 1.0
    ) -> None:
        self.inverse_strength, self.gamma = inverse_strength, gamma

    def model(self, seed: int, task: Task) -> BaseEstimator:
        return make_pipeline(StandardScaler(), RadialKernel(self.gamma), self._machine(task))

    def _machine(self, task: Task) -> Any:
        """On the kernel."""
        if task.kind == "regression":
            machine = SVR(kernel="precomputed", C=self.inverse_strength)
            # The check of the inverse is for transformers of people's own; float32 would not pass it.
            scaled = TransformedTargetRegressor(machine, transformer=StandardScaler(), check_inverse=False)
            return MultiOutputRegressor(scaled)
        machine = SVC(kernel="precomputed", C=self.inverse_strength)
        likely = CalibratedClassifierCV(machine, cv=EveryClass(3), ensemble=False)
        return OneVsRestClassifier(likely) if task.kind == "multilabel" else likely
