"""F1 over all decisions together."""

from __future__ import annotations

import numpy as np

from mmbench.metric.shared.decisions import average_f1
from mmbench.registry import variant
from mmbench.schema.metric import Metric


@variant("micro_f1", source="scikit-learn f1_score")
class MicroF1(Metric):
    """F1 over all decisions together."""

    label = "micro-F1"
    kinds = ("multilabel",)
    position = 4

    def score(self, predictions: np.ndarray, labels: np.ndarray) -> float:
        return average_f1(predictions, labels, "micro")
