"""Logistic or ridge regression on the flattened inputs."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field
from sklearn.base import BaseEstimator
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mmbench.registry import variant
from mmbench.schema.task import Task


@variant("linear", title="linear model", source="scikit-learn LogisticRegression, Ridge", core=True)
class Linear:
    """Logistic regression (numbers: ridge regression) on all modalities flattened side by side and standardised; text
    as counts of words. One regression a label where there are several.

    inverse_strength: scikit-learn's C; small values regularise more. Ridge's alpha is its inverse.
    """

    tuned: ClassVar = {"inverse_strength": {"log_uniform": [0.0001, 10]}}

    def __init__(self, *, inverse_strength: Annotated[float, Field(gt=0)] = 0.01) -> None:
        self.inverse_strength = inverse_strength

    def model(self, seed: int, task: Task) -> BaseEstimator:
        last: BaseEstimator = LogisticRegression(C=self.inverse_strength, max_iter=500, random_state=seed)
        if task.kind == "regression":
            last = Ridge(alpha=1 / self.inverse_strength, random_state=seed)
        elif task.kind == "multilabel":
            last = OneVsRestClassifier(last)
        return make_pipeline(StandardScaler(), last)
