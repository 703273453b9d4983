"""Rank tests over data sets: Friedman, then Wilcoxon with Holm (Demšar 2006; Benavoli 2016).

docs/decisions/0018-ranks-and-aggregates.md gives the reasons.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count as naturals

import numpy as np
from scipy import stats as scipy_stats

from mmbench.stats.paired import Floats

EXACT = 13
"""Data sets up to which ties and zeros are handled by all 2^n signs; above, only where there are none is the
distribution exact."""


def least_wilcoxon(datasets: int, comparisons: int = 1) -> float:
    """The smallest two-sided p that a signed-rank test over so many data sets can reach, after Holm."""
    return min(1.0, comparisons * 2.0 ** (1 - datasets))


def needed(comparisons: int, confidence: float) -> int:
    """Data sets from which the smallest p of so many comparisons can fall below 1 - confidence."""
    return next(n for n in naturals(1) if least_wilcoxon(n, comparisons) < 1 - confidence)


def friedman(values: Floats) -> float | None:
    """p of no difference in rank between the columns, over the rows; None for k < 3. values: (D, k), more is better."""
    if values.shape[1] < 3:
        return None
    if (values == values[:, :1]).all():
        return 1.0
    return float(scipy_stats.friedmanchisquare(*values.T).pvalue)


def wilcoxon(differences: Floats) -> float:
    """Two-sided signed-rank p of paired differences (D,); exact also with ties, as long as they are few. Zeros are left
    out (Wilcoxon's own way), which only ever makes p larger."""
    kept = differences[np.abs(differences) > 1e-12]
    if len(kept) == 0:
        return 1.0
    tied = len(np.unique(np.abs(kept).round(12))) < len(kept)
    if not tied:
        return float(scipy_stats.wilcoxon(kept, method="exact").pvalue)
    if len(kept) > EXACT:
        return float(scipy_stats.wilcoxon(kept, method="asymptotic").pvalue)
    every = scipy_stats.PermutationMethod(n_resamples=np.inf)
    return float(scipy_stats.wilcoxon(kept.round(12), method=every).pvalue)


def groups(order: Sequence[str], apart: Mapping[frozenset[str], bool]) -> tuple[tuple[str, ...], ...]:
    """The largest sets of two or more of which no pair is apart, in this order from the top (maximal cliques)."""
    found: list[tuple[str, ...]] = []

    def grow(members: tuple[str, ...], rest: Sequence[str]) -> None:
        if any({*members, *rest} <= set(group) for group in found):
            return
        for i, level in enumerate(rest):
            free = [other for other in rest[i + 1 :] if not apart[frozenset((level, other))]]
            grow((*members, level), free)
        if not rest and len(members) > 1:
            found.append(members)

    grow((), order)
    return tuple(found)
