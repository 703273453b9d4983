"""The mean F1 over classes or labels, each counting alike."""

from __future__ import annotations

import numpy as np

from mmbench.metric.shared.decisions import average_f1
from mmbench.registry import variant
from mmbench.schema.metric import LABELS, Metric


@variant("macro_f1", source="scikit-learn f1_score")
class MacroF1(Metric):
    """The mean F1 over classes or labels, each counting alike."""

    label = "macro-F1"
    kinds = LABELS
    position = 3

    def score(self, predictions: np.ndarray, labels: np.ndarray) -> float:
        return average_f1(predictions, labels, "macro")
