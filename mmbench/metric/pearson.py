"""Linear correlation of predictions with the truth."""

from __future__ import annotations

import numpy as np

from mmbench.metric.shared.correlation import correlation
from mmbench.registry import variant
from mmbench.schema.metric import NUMBERS, Metric


@variant("pearson", source="SciPy pearsonr")
class Pearson(Metric):
    """Linear correlation; of several targets the mean. 0 for a constant prediction."""

    label = "Pearson r"
    kinds = NUMBERS
    low = -1.0
    position = 11

    def score(self, predictions: np.ndarray, labels: np.ndarray) -> float:
        from scipy.stats import pearsonr

        return correlation(pearsonr, predictions, labels)
