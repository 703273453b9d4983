"""Gradient boosting on the flattened inputs."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field
from sklearn.base import BaseEstimator
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputRegressor

from mmbench.registry import variant
from mmbench.schema.task import Task


@variant(
    "boosting",
    title="gradient boosting",
    source="scikit-learn HistGradientBoosting; Ke et al. 2017, LightGBM; Friedman 2001",
)
class Boosting:
    """Gradient-boosted trees on all modalities flattened side by side; text as counts of words.

    One model a label, or a number, where there are several; numbers by the squared error.

    100 rounds always, on 64 bins a column: affordable with thousands of columns, and stopping early would take samples
    from training and fail on a class with one sample. So the learning rate is what decides how far it goes.

    learning_rate: what each tree counts. leaves: of a tree, at most.
    """

    tuned: ClassVar = {"learning_rate": {"log_uniform": [0.02, 0.5]}, "leaves": {"log_uniform": [4, 64]}}

    def __init__(
        self, *, learning_rate: Annotated[float, Field(gt=0)] = 0.1, leaves: Annotated[int, Field(ge=2)] = 16
    ) -> None:
        self.learning_rate, self.leaves = learning_rate, leaves

    def model(self, seed: int, task: Task) -> BaseEstimator:
        options = {
            "learning_rate": self.learning_rate,
            "max_leaf_nodes": self.leaves,
            "max_iter": 100,
            "max_bins": 64,
            "early_stopping": False,
            "random_state": seed,
        }
        if task.kind == "regression":
            return MultiOutputRegressor(HistGradientBoostingRegressor(**options))
        trees = HistGradientBoostingClassifier(**options)
        return OneVsRestClassifier(trees) if task.kind == "multilabel" else trees
