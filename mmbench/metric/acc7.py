"""Accuracy of a sentiment in 7 classes."""

from __future__ import annotations

import numpy as np

from mmbench.metric.shared.sentiment import rounded_accuracy
from mmbench.registry import variant
from mmbench.schema.metric import NUMBERS, Metric


@variant("acc7", source="Mao et al. 2022, M-SENA")
class Acc7(Metric):
    """Accuracy of numbers rounded to 7 classes, -3 to 3."""

    label = "Acc-7"
    kinds = NUMBERS
    affect = True
    position = 18

    def score(self, predictions: np.ndarray, labels: np.ndarray) -> float:
        return rounded_accuracy(predictions, labels, 3)
