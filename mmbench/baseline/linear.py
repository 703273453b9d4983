"""Logistic regression on the flattened inputs."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from sklearn.base import ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mmbench.registry import variant


@variant("linear", source="scikit-learn LogisticRegression", core=True)
class Linear:
    """Logistic regression on all modalities flattened side by side and standardised; text as counts of words.

    inverse_strength: scikit-learn's C; small values regularise more.
    """

    def __init__(self, *, inverse_strength: Annotated[float, Field(gt=0)] = 0.01) -> None:
        self.inverse_strength = inverse_strength

    def model(self, seed: int) -> ClassifierMixin:
        return make_pipeline(
            StandardScaler(), LogisticRegression(C=self.inverse_strength, max_iter=500, random_state=seed)
        )
