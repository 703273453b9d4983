"""Root mean squared error."""

from __future__ import annotations

import numpy as np

from mmbench.registry import variant
from mmbench.schema.metric import NUMBERS, Metric


@variant("rmse", source="scikit-learn root_mean_squared_error")
class Rmse(Metric):
    """Root mean squared error; of several targets the mean."""

    label = "RMSE"
    kinds = NUMBERS
    higher = False
    high = None
    position = 10

    def score(self, predictions: np.ndarray, labels: np.ndarray) -> float:
        from sklearn.metrics import root_mean_squared_error

        return float(root_mean_squared_error(labels.astype(float), predictions))
