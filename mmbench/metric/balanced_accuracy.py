"""Accuracy in which every class counts alike."""

from __future__ import annotations

import numpy as np

from mmbench.registry import variant
from mmbench.schema.metric import CLASSES, Metric


@variant("balanced_accuracy", source="scikit-learn recall_score")
class BalancedAccuracy(Metric):
    """The mean recall of the classes that occur: scikit-learn's balanced accuracy, without its warning."""

    label = "balanced accuracy"
    kinds = CLASSES
    position = 2

    def score(self, predictions: np.ndarray, labels: np.ndarray) -> float:
        from sklearn.metrics import recall_score

        present = sorted(set(labels.tolist()))
        guess = predictions.argmax(-1)
        return float(recall_score(labels, guess, labels=present, average="macro", zero_division=0))
