"""Whether relevance lies where the evidence is, and whether two relevances rank tokens alike. Numpy alone.

Everything is of one sample's tokens at a time, padding left out, and of many samples at once. relevance: (n, L).
real, evidence: (n, L) bool.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def rated(real: Bools, evidence: Bools) -> Bools:
    """(n,) where both kinds of tokens are there: elsewhere nothing can be found."""
    return np.asarray((real & evidence).any(1) & (real & ~evidence).any(1))


def _pairs(relevance: Floats, first: Bools, second: Bools) -> Bools:
    """(n, L, L) every pair of a token of the first kind and one of the second."""
    return first[:, :, None] & second[:, None, :]


def auroc(relevance: Floats, real: Bools, evidence: Bools) -> Floats:
    """(n,) how often a token with evidence has more relevance than one without, ties counted half; NaN where a sample
    has not both."""
    pairs = _pairs(relevance, real & evidence, real & ~evidence)
    a, b = relevance[:, :, None], relevance[:, None, :]
    won = ((a > b) + 0.5 * (a == b)) * pairs
    return _divided(won.sum((1, 2)), pairs.sum((1, 2)))


def average_precision(relevance: Floats, real: Bools, evidence: Bools) -> Floats:
    """(n,) the mean over tokens with evidence of the precision among those with at least as much relevance."""
    hits = real & evidence
    at_least = (relevance[:, None, :] >= relevance[:, :, None]) & real[:, None, :]
    precision = (at_least & hits[:, None, :]).sum(2) / np.maximum(at_least.sum(2), 1)
    found = _divided((precision * hits).sum(1), hits.sum(1))
    found[~rated(real, evidence)] = np.nan
    return found


def pointing_game(relevance: Floats, real: Bools, evidence: Bools) -> Floats:
    """(n,) whether the most relevant token has evidence (Zhang et al. 2018); of tied ones the share that has."""
    seen = np.where(real, relevance, -np.inf)
    top = real & (seen == seen.max(1, keepdims=True))
    found = _divided((top & evidence).sum(1), top.sum(1))
    found[~rated(real, evidence)] = np.nan
    return found


def rank_correlation(one: Floats, other: Floats, real: Bools) -> Floats:
    """(n,) Spearman's, over the real tokens; NaN where there are fewer than three, or all are tied."""
    a, b = (_centred(_ranks(x, real), real) for x in (one, other))
    spread = np.sqrt((a**2).sum(1) * (b**2).sum(1))
    found = _divided((a * b).sum(1), spread)
    found[real.sum(1) < 3] = np.nan
    return found


def _ranks(x: Floats, real: Bools) -> Floats:
    """(n, L) how many real tokens have less, ties counted half."""
    less = (x[:, None, :] < x[:, :, None]) + 0.5 * (x[:, None, :] == x[:, :, None])
    return np.asarray((less * real[:, None, :]).sum(2))


def _centred(x: Floats, real: Bools) -> Floats:
    mean = (x * real).sum(1, keepdims=True) / np.maximum(real.sum(1, keepdims=True), 1)
    return np.asarray((x - mean) * real)


def _divided(a: Floats | NDArray[np.int_], b: Floats | NDArray[np.int_]) -> Floats:
    found = np.full(len(a), np.nan)
    np.divide(a, b, out=found, where=b > 0)
    return found
