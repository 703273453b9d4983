"""Area under the receiver operating characteristic."""

from __future__ import annotations

import numpy as np

from mmbench.metric.shared.decisions import mean, mean_over_labels
from mmbench.registry import variant
from mmbench.schema.metric import LABELS, Metric


@variant("auroc", source="scikit-learn roc_auc_score")
class Auroc(Metric):
    """How probably a positive sample is ranked above a negative one.

    More than two classes: one against the rest, macro. Several labels: the mean over them.
    """

    label = "AUROC"
    kinds = LABELS
    position = 7

    def score(self, predictions: np.ndarray, labels: np.ndarray) -> float:
        from sklearn.metrics import roc_auc_score

        if labels.ndim == 2:
            return mean_over_labels(roc_auc_score, predictions, labels)
        classes = list(range(predictions.shape[1]))
        if sorted(set(labels.tolist())) != classes or len(classes) < 2:
            return float("nan")
        against_rest = classes if len(classes) > 2 else [1]
        return mean([roc_auc_score(labels == c, predictions[:, c]) for c in against_rest])
