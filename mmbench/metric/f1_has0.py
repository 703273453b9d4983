"""F1 of the sign, weighted by class frequency of a sentiment."""

from __future__ import annotations

import numpy as np

from mmbench.metric.shared.sentiment import signs
from mmbench.registry import variant
from mmbench.schema.metric import NUMBERS, Metric


@variant("f1_has0", source="Mao et al. 2022, M-SENA")
class F1Has0(Metric):
    """F1 of the sign, weighted by class frequency; zero counts as not negative."""

    label = "F1 (with neutral)"
    kinds = NUMBERS
    affect = True
    position = 14

    def score(self, predictions: np.ndarray, labels: np.ndarray) -> float:
        from sklearn.metrics import f1_score

        truth, guess = signs(predictions, labels, neutral=True)
        return float(f1_score(truth, guess, average="weighted", zero_division=0)) if len(truth) else float("nan")
