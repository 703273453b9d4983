"""How often the answer is right."""

from __future__ import annotations

import numpy as np

from mmbench.metric.shared.decisions import decisions
from mmbench.registry import variant
from mmbench.schema.metric import LABELS, Metric


@variant("accuracy", source="scikit-learn accuracy_score")
class Accuracy(Metric):
    """The share of samples whose class, or whose whole set of labels, is right."""

    label = "accuracy"
    kinds = LABELS
    position = 1

    def score(self, predictions: np.ndarray, labels: np.ndarray) -> float:
        from sklearn.metrics import accuracy_score

        return float(accuracy_score(labels.astype(int), decisions(predictions, labels)))
