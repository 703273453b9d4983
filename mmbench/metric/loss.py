"""What training minimises, in the targets' own units."""

from __future__ import annotations

import numpy as np

from mmbench.metric.shared.decisions import mean
from mmbench.registry import variant
from mmbench.schema.metric import LABELS, NUMBERS, Metric


@variant("loss", source="scikit-learn log_loss, mean_squared_error")
class Loss(Metric):
    """Cross-entropy in nats (of several labels the mean), or squared error."""

    label = "loss"
    kinds = (*LABELS, *NUMBERS)
    higher = False
    high = None
    position = 100

    def score(self, predictions: np.ndarray, labels: np.ndarray) -> float:
        from sklearn.metrics import log_loss, mean_squared_error

        if self.task.kind == "regression":
            return float(mean_squared_error(labels.astype(float), predictions))
        if self.task.kind == "multilabel":
            pairs = zip(labels.astype(int).T, predictions.T, strict=True)
            return mean([log_loss(y, p, labels=[0, 1]) for y, p in pairs])
        return float(log_loss(labels, predictions, labels=list(range(predictions.shape[1]))))
