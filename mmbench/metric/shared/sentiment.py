"""Sentiment in [-3, 3] as MMSA (Mao et al. 2022) reports it: classes by rounding, or two by sign. One target."""

from __future__ import annotations

import numpy as np


def signs(values: np.ndarray, labels: np.ndarray, *, neutral: bool) -> tuple[np.ndarray, np.ndarray]:
    """Truth and guess as booleans. neutral: zero counts as not negative; else samples with the label zero are left
    out, and positive is what is above zero."""
    truth, guess = labels.astype(float)[:, 0], values[:, 0]
    if neutral:
        return truth >= 0, guess >= 0
    polar = truth != 0
    return truth[polar] > 0, guess[polar] > 0


def rounded_accuracy(values: np.ndarray, labels: np.ndarray, bound: int) -> float:
    """Accuracy of the nearest whole number within [-bound, bound]."""
    from sklearn.metrics import accuracy_score

    truth, guess = (np.round(x[:, 0].clip(-bound, bound)) for x in (labels.astype(float), values))
    return float(accuracy_score(truth, guess))
