"""What can be said without a look at the input."""

from __future__ import annotations

from sklearn.base import BaseEstimator
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.multiclass import OneVsRestClassifier

from mmbench.registry import variant
from mmbench.schema.task import Task


@variant(
    "majority",
    title="majority class",
    short="majority",
    source="scikit-learn DummyClassifier, DummyRegressor",
    core=True,
)
class Majority:
    """Whatever the input, the most frequent class of the training split; of labels, how often each holds; of numbers,
    the mean, or the median where the mean absolute error counts."""

    def model(self, seed: int, task: Task) -> BaseEstimator:
        if task.kind == "regression":
            return DummyRegressor(strategy="median" if task.metric == "mae" else "mean")
        prior = DummyClassifier(strategy="prior")
        return OneVsRestClassifier(prior) if task.kind == "multilabel" else prior
