"""The most frequent class of the training split."""

from __future__ import annotations

from sklearn.base import ClassifierMixin
from sklearn.dummy import DummyClassifier

from mmbench.registry import variant


@variant("majority", source="scikit-learn DummyClassifier", core=True)
class Majority:
    """Predicts the most frequent class of the training split, whatever the input."""

    def model(self, seed: int) -> ClassifierMixin:
        return DummyClassifier(strategy="prior")
