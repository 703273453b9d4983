"""Whether models err on the same samples, and whether one is right more often than another on these samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]
Table = tuple[tuple[float | None, ...], ...]


@dataclass(frozen=True, kw_only=True)
class Against:
    """The first method against another, on the same test samples.

    wins, losses: samples on which the first is right and the other is not (of labels: has more of them right), and the
    other way round; means over seeds. p: of McNemar's exact test over all seeds; p_holm: among all such comparisons of
    the data set. seeds: that both have.
    """

    method: str
    wins: float
    losses: float
    p: float
    p_holm: float
    seeds: int


@dataclass(frozen=True, kw_only=True)
class Together:
    """Ensembles, by their score on test, so turned that more is better.

    members: the methods. scores, alone: by seed, of the mean of their predictions, and of the first of them. again: of
    the mean over as many trainings of the first; None where there are not so many.
    """

    members: tuple[str, ...]
    scores: tuple[float, ...]
    alone: tuple[float, ...]
    again: float | None


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """Of one data set.

    methods: the best on validation, best first; nothing about them was chosen on test. of: how many they were chosen
    from. samples: of the test split.
    same: (M, M) how alike their errors are, from 1 (the same) over 0 (as of independent models) to -1; between two
    trainings with different seeds, where there are such: on the diagonal between two of one method. Errors: Cohen's
    kappa of who is right; numbers: correlation of residuals.
    common: (M, M) the share of samples on which both are wrong, over what it would be if their errors were
    independent; None of numbers.
    errors: samples on which a model is wrong, a mean over them; None of numbers.
    """

    methods: tuple[str, ...]
    of: int
    samples: int
    same: Table
    common: Table
    against: tuple[Against, ...]
    together: Together | None
    errors: float | None = None


def error_consistency(wrong: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """wrong: (T, N, L) whether each of T models errs on a label of a sample; of classes L is 1. Cohen's kappa of each
    two (T, T), the mean over labels on which it is defined (Geirhos et al. 2020, Beyond Accuracy: Quantifying
    Trial-by-trial Behaviour of CNNs and Humans by Measuring Error Consistency); and the ratio of common errors to those
    of independent models (T, T). NaN where neither of two ever errs, or both always do."""
    count, samples, labels = wrong.shape
    kappas, joints, chances = [], np.zeros((count, count)), np.zeros((count, count))
    for label in range(labels):
        x = wrong[:, :, label].astype(np.float64)
        joint, rate = x @ x.T / samples, x.mean(1)
        chance = np.outer(rate, rate)
        sums = rate[:, None] + rate[None, :]
        alike, by_chance = 1 - sums + 2 * joint, 1 - sums + 2 * chance
        with np.errstate(divide="ignore", invalid="ignore"):
            kappas.append(np.where(by_chance < 1 - 1e-12, (alike - by_chance) / (1 - by_chance), np.nan))
        joints += joint
        chances += chance
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(chances > 0, joints / chances, np.nan)
    return mean_known(np.stack(kappas)), ratio


def residual_correlation(residuals: Floats) -> Floats:
    """(T, T) Pearson's correlation of what T models are off by; residuals: (T, N, K), the mean over targets."""
    found = []
    for target in range(residuals.shape[2]):
        x = residuals[:, :, target] - residuals[:, :, target].mean(1, keepdims=True)
        size = np.sqrt((x**2).sum(1))
        with np.errstate(divide="ignore", invalid="ignore"):
            found.append(np.clip(x @ x.T / np.outer(size, size), -1, 1))
    return mean_known(np.stack(found))


def mean_known(values: Floats) -> Floats:
    """The mean along the first axis of what is not NaN; NaN where all is."""
    known = ~np.isnan(values)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(known, values, 0).sum(0) / known.sum(0))


def between_methods(values: Floats, method: Sequence[int], seed: Sequence[int]) -> Floats:
    """(M, M) means over trials of a (T, T) table of them: of two methods, and of one with itself, over trials with
    different seeds, so that both compare trainings that share nothing. Where all have one seed, of two methods under
    it, and NaN on the diagonal."""
    methods, seeds = np.asarray(method), np.asarray(seed)
    apart = seeds[:, None] != seeds[None, :]
    if not apart.any():
        apart = methods[:, None] != methods[None, :]
    shown = np.where(apart, values, np.nan)
    count = int(methods.max()) + 1
    found = np.full((count, count), np.nan)
    for i in range(count):
        for j in range(count):
            part = shown[np.ix_(methods == i, methods == j)].ravel()
            found[i, j] = mean_known(part)
    return found


def sides(wins: int, losses: int) -> tuple[float, float]:
    """One-sided p-values of McNemar's exact test: for "the first is right more often", and for the contrary. Samples
    on which both are right or both wrong say nothing."""
    count = wins + losses
    return float(stats.binom.sf(wins - 1, count, 0.5)), float(stats.binom.sf(losses - 1, count, 0.5))


def over_seeds(p: Sequence[float]) -> float:
    """One p-value of S that are of the same test samples, however they depend on one another: S / k times the k-th
    smallest, of which k is the least majority (Rueger 1978; Vovk and Wang 2020, Combining p-values via averaging)."""
    k = len(p) // 2 + 1
    return min(1.0, len(p) / k * sorted(p)[k - 1])


def mcnemar(counts: Sequence[tuple[int, int]]) -> float:
    """Two-sided, exact, over trainings with several seeds; counts: wins and losses under each. Of one seed it is
    McNemar's test as it is."""
    first, second = zip(*(sides(wins, losses) for wins, losses in counts), strict=True)
    return min(1.0, 2 * min(over_seeds(first), over_seeds(second)))
