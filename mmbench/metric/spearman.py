"""Correlation of ranks of predictions with the truth."""

from __future__ import annotations

import numpy as np

from mmbench.metric.shared.correlation import correlation
from mmbench.registry import variant
from mmbench.schema.metric import NUMBERS, Metric


@variant("spearman", source="SciPy spearmanr")
class Spearman(Metric):
    """Correlation of ranks; of several targets the mean. 0 for a constant prediction."""

    label = "Spearman ρ"
    kinds = NUMBERS
    low = -1.0
    position = 12

    def score(self, predictions: np.ndarray, labels: np.ndarray) -> float:
        from scipy.stats import spearmanr

        return correlation(spearmanr, predictions, labels)
