"""Accuracy of the sign of a sentiment."""

from __future__ import annotations

import numpy as np

from mmbench.metric.shared.sentiment import signs
from mmbench.registry import variant
from mmbench.schema.metric import NUMBERS, Metric


@variant("acc2_non0", source="Mao et al. 2022, M-SENA")
class Acc2Non0(Metric):
    """Accuracy of the sign; samples with the label zero are left out."""

    label = "Acc-2 (without neutral)"
    kinds = NUMBERS
    affect = True
    position = 15

    def score(self, predictions: np.ndarray, labels: np.ndarray) -> float:
        from sklearn.metrics import accuracy_score

        truth, guess = signs(predictions, labels, neutral=False)
        return float(accuracy_score(truth, guess)) if len(truth) else float("nan")
