"""Accuracy of a sentiment in 5 classes."""

from __future__ import annotations

import numpy as np

from mmbench.metric.shared.sentiment import rounded_accuracy
from mmbench.registry import variant
from mmbench.schema.metric import NUMBERS, Metric


@variant("acc5", source="Mao et al. 2022, M-SENA")
class Acc5(Metric):
    """Accuracy of numbers rounded to 5 classes, -2 to 2."""

    label = "Acc-5"
    kinds = NUMBERS
    affect = True
    position = 17

    def score(self, predictions: np.ndarray, labels: np.ndarray) -> float:
        return rounded_accuracy(predictions, labels, 2)
