"""F1 of the positive class."""

from __future__ import annotations

import numpy as np

from mmbench.registry import variant
from mmbench.schema.metric import Metric


@variant("f1", source="scikit-learn f1_score")
class F1(Metric):
    """The harmonic mean of precision and recall of the second class."""

    label = "F1"
    kinds = ("binary",)
    position = 6

    def score(self, predictions: np.ndarray, labels: np.ndarray) -> float:
        from sklearn.metrics import f1_score

        return float(f1_score(labels, predictions.argmax(-1), pos_label=1, zero_division=0))
