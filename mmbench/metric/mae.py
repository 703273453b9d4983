"""Mean absolute error."""

from __future__ import annotations

import numpy as np

from mmbench.registry import variant
from mmbench.schema.metric import NUMBERS, Metric


@variant("mae", source="scikit-learn mean_absolute_error")
class Mae(Metric):
    """Mean absolute error; of several targets the mean."""

    label = "MAE"
    kinds = NUMBERS
    higher = False
    high = None
    position = 9

    def score(self, predictions: np.ndarray, labels: np.ndarray) -> float:
        from sklearn.metrics import mean_absolute_error

        return float(mean_absolute_error(labels.astype(float), predictions))
