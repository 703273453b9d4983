"""The mean F1 over classes or labels, each counting as often as it occurs."""

from __future__ import annotations

import numpy as np

from mmbench.metric.shared.decisions import average_f1
from mmbench.registry import variant
from mmbench.schema.metric import LABELS, Metric


@variant("weighted_f1", source="scikit-learn f1_score")
class WeightedF1(Metric):
    """The mean F1 over classes or labels, each counting as often as it occurs."""

    label = "weighted F1"
    kinds = LABELS
    position = 5

    def score(self, predictions: np.ndarray, labels: np.ndarray) -> float:
        return average_f1(predictions, labels, "weighted")
