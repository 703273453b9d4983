"""How much of the label a linear model finds in vectors (Alain and Bengio 2017), in closed form."""

from __future__ import annotations

import math

import numpy as np

from mmbench.schema.scores import predictions, score
from mmbench.schema.task import Task

LEAST = 16
"""Samples to fit on."""
TINY = 1e-6
"""Is added to variances, of numbers whose own is 1: vectors that are all the same have none."""
UNSEEN = -1e3
"""Logit of a class that no sample to fit on has."""
PENALTIES = tuple(10.0**i for i in range(-2, 5))
"""Of a ridge regression, to choose from by leaving one sample out."""


def linear_score(task: Task, fit: tuple[np.ndarray, np.ndarray], test: tuple[np.ndarray, np.ndarray]) -> float:
    """The main metric on test samples of a linear model; NaN where there is too little to fit it on, or to test it.

    fit, test: vectors (n, D) and labels. Classes: linear discriminants, with the covariance shrunk after Ledoit and
    Wolf; each label of several: the same by itself. Numbers: ridge regression.
    """
    (x, labels), (unseen, truth) = fit, test
    if len(x) < LEAST or not len(unseen):
        return math.nan
    outputs = linear_outputs(task, x, labels, unseen)
    return score(task.metric, task, predictions(task.kind, outputs), truth)


def linear_outputs(task: Task, x: np.ndarray, labels: np.ndarray, unseen: np.ndarray) -> np.ndarray:
    """(n, C) as a model's are kept: logits, or numbers in the targets' own units."""
    mean, spread = x.mean(0), x.std(0)
    # A column that is nearly constant would turn its rounding errors into a variance of 1.
    scale = np.where(spread > 1e-9 * np.maximum(np.abs(mean), 1e-9), spread, np.inf)
    x, unseen = (x - mean) / scale, (unseen - mean) / scale
    if task.kind == "regression":
        return _ridge(x, labels, unseen)
    covariance, shrunk = x.T @ x / len(x), _shrinkage(x)
    if task.kind == "multilabel":
        return np.stack([_label(x, labels[:, i] > 0, unseen, covariance, shrunk) for i in range(labels.shape[1])], 1)
    seen = np.flatnonzero(np.bincount(labels, minlength=len(task.targets)))
    logits = _discriminants(x, labels[:, None] == seen, unseen, covariance, shrunk)
    found = np.full((len(unseen), len(task.targets)), UNSEEN)
    top = logits.max(1, keepdims=True)
    found[:, seen] = logits - top - np.log(np.exp(logits - top).sum(1, keepdims=True))
    return found


def _discriminants(
    x: np.ndarray, members: np.ndarray, unseen: np.ndarray, covariance: np.ndarray, shrunk: float
) -> np.ndarray:
    """Logits (n, C) = x^T S^-1 m_c - m_c^T S^-1 m_c / 2 + log p_c, S the covariance within classes.

    x: centred, (N, D). members: (N, C), of which class a sample is; every class has one. covariance: of x. shrunk: the
    share of S that is a multiple of the identity.
    """
    from scipy.linalg import solve

    shares = members.mean(0)
    means = members.T.astype(x.dtype) @ x / (len(x) * shares)[:, None]
    within = covariance - (means.T * shares) @ means
    even = np.trace(within) / len(within)
    within = (1 - shrunk) * within + (shrunk * even + TINY) * np.eye(len(within))
    weights = solve(within, means.T, assume_a="pos")
    return np.asarray(unseen @ weights - (means * weights.T).sum(1) / 2 + np.log(shares))


def _label(x: np.ndarray, has: np.ndarray, unseen: np.ndarray, covariance: np.ndarray, shrunk: float) -> np.ndarray:
    """The logit (n,) of one label."""
    if has.all() or not has.any():
        return np.full(len(unseen), -UNSEEN if has.any() else UNSEEN)
    without, with_ = _discriminants(x, np.stack([~has, has], 1), unseen, covariance, shrunk).T
    return np.asarray(with_ - without)


def _shrinkage(x: np.ndarray) -> float:
    from sklearn.covariance import ledoit_wolf_shrinkage

    return float(ledoit_wolf_shrinkage(x, assume_centered=True)) if x.any() else 1.0


def _ridge(x: np.ndarray, labels: np.ndarray, unseen: np.ndarray) -> np.ndarray:
    from sklearn.linear_model import RidgeCV

    y = labels.astype(np.float64)
    # One penalty for each target: targets may have different units.
    fitted = RidgeCV(alphas=PENALTIES, alpha_per_target=y.shape[1] > 1).fit(x, y)
    return np.asarray(fitted.predict(unseen), np.float64).reshape(len(unseen), y.shape[1])
