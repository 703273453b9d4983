"""Area under the precision-recall curve."""

from __future__ import annotations

import numpy as np

from mmbench.metric.shared.decisions import mean_over_labels
from mmbench.registry import variant
from mmbench.schema.metric import Metric


@variant("auprc", source="scikit-learn average_precision_score")
class Auprc(Metric):
    """Average precision."""

    label = "AUPRC"
    kinds = ("binary", "multilabel")
    position = 8

    def score(self, predictions: np.ndarray, labels: np.ndarray) -> float:
        from sklearn.metrics import average_precision_score

        if labels.ndim == 2:
            return mean_over_labels(average_precision_score, predictions, labels)
        if set(labels.tolist()) != {0, 1}:
            return float("nan")
        return float(average_precision_score(labels, predictions[:, 1]))
