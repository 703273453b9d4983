"""How vectors of the same samples from two places relate: alignment, retrieval, distance; and how many directions those
of one place use. x and y are (n, D) and (n, E), row i of both from sample i."""

from __future__ import annotations

import math

import numpy as np

SAME = 1e-9
"""Cosines that are closer are equal: two equal vectors need not give equal products."""


def hsic(x: np.ndarray, y: np.ndarray) -> float:
    """The unbiased estimator of the Hilbert-Schmidt independence criterion with linear kernels (Song et al. 2012).

    HSIC_1 = (tr K L + 1'K1 1'L1 / ((n-1)(n-2)) - 2 / (n-2) 1'KL1) / (n (n-3)), K = xx' and L = yy' with zeros on the
    diagonal; at least 4 samples. O(n D E) time: neither matrix is made.
    """
    n = len(x)
    # It is the same for shifted vectors; centred ones keep their digits.
    x, y = x - x.mean(0), y - y.mean(0)
    diagonal_k, diagonal_l = (x**2).sum(1), (y**2).sum(1)
    rows_k, rows_l = x @ x.sum(0) - diagonal_k, y @ y.sum(0) - diagonal_l
    trace = ((x.T @ y) ** 2).sum() - diagonal_k @ diagonal_l
    rest = rows_k.sum() * rows_l.sum() / ((n - 1) * (n - 2)) - 2 / (n - 2) * (rows_k @ rows_l)
    return float((trace + rest) / (n * (n - 3)))


def cka(x: np.ndarray, y: np.ndarray) -> float:
    """Linear centred kernel alignment (Kornblith et al. 2019) of unbiased estimates: 1 for vectors that are the same
    but for rotation and scale, about 0 for independent ones, also below. NaN where those of one place are all the
    same."""
    if len(x) < 4 or _constant(x) or _constant(y):
        return math.nan
    own = hsic(x, x) * hsic(y, y)
    return hsic(x, y) / math.sqrt(own) if own > 0 else math.nan


def _constant(x: np.ndarray) -> bool:
    return bool(((x - x.mean(0)) ** 2).sum() <= 1e-18 * (x**2).sum())


def normalised(x: np.ndarray) -> np.ndarray:
    """With a length of 1; a vector of zeros stays one."""
    return np.asarray(x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12))


def retrieval(x: np.ndarray, y: np.ndarray, first: int) -> float:
    """R@k: how often the vector of the same sample is among the first k of all n by cosine; the mean of both
    directions. Equals stand in any order, so that vectors that are all the same find k of n."""
    if not len(x):
        return math.nan
    cosines = normalised(x) @ normalised(y).T
    return (_found(cosines, first) + _found(cosines.T, first)) / 2


def _found(cosines: np.ndarray, first: int) -> float:
    right = np.diag(cosines)[:, None]
    before = (cosines > right + SAME).sum(1)
    equal = (np.abs(cosines - right) <= SAME).sum(1)
    return float(np.clip((first - before) / equal, 0, 1).mean())


def gap(x: np.ndarray, y: np.ndarray) -> float:
    """The distance between the centroids of normalised vectors (Liang et al. 2022)."""
    return float(np.linalg.norm(normalised(x).mean(0) - normalised(y).mean(0))) if len(x) else math.nan


def paired_distance(x: np.ndarray, y: np.ndarray) -> float:
    """The mean distance between the two normalised vectors of a sample."""
    return float(np.linalg.norm(normalised(x) - normalised(y), axis=1).mean()) if len(x) else math.nan


def spread(x: np.ndarray) -> float:
    """The mean distance of normalised vectors to their centroid."""
    if not len(x):
        return math.nan
    x = normalised(x)
    return float(np.linalg.norm(x - x.mean(0), axis=1).mean())


def effective_rank(x: np.ndarray) -> float:
    """exp of the entropy of the singular values of centred vectors, as shares of their sum (Roy and Vetterli 2007): 1
    where all lie on a line, D where all directions are used alike, and 0 where all vectors are the same."""
    if not len(x):
        return math.nan
    if _constant(x):
        return 0.0
    values = np.linalg.svdvals(x - x.mean(0))
    shares = values[values > 0] / values.sum()
    return float(np.exp(-(shares * np.log(shares)).sum()))
