"""F1 of the sign, weighted by class frequency of a sentiment."""

from __future__ import annotations

import numpy as np

from mmbench.metric.shared.sentiment import signs
from mmbench.registry import variant
from mmbench.schema.metric import NUMBERS, Metric


@variant("f1_non0", source="Mao et al. 2022, M-SENA")
class F1Non0(Metric):
    """F1 of the sign, weighted by class frequency; samples with the label zero are left out."""

    label = "F1 (without neutral)"
    kinds = NUMBERS
    affect = True
    position = 16

    def score(self, predictions: np.ndarray, labels: np.ndarray) -> float:
        from sklearn.metrics import f1_score

        truth, guess = signs(predictions, labels, neutral=False)
        return float(f1_score(truth, guess, average="weighted", zero_division=0)) if len(truth) else float("nan")
