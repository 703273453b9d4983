"""Variance explained by factors and interactions (Type II)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy import linalg, sparse
from scipy import stats as scipy_stats

from mmbench.stats.paired import Floats, Ints


@dataclass(frozen=True, kw_only=True)
class Term:
    """One line of the variance table. factors: ("attention",), ("attention", "fusion"), ("attention", "dataset"), ...

    share: of the total sum of squares; omega2: ω² (share of variance, unbiased for few runs, may be slightly below 0:
    then 0). p: F test against seed noise. The line with factors ("seed noise",) has share only.
    """

    factors: tuple[str, ...]
    label: str
    df: int
    share: float
    omega2: float | None
    p: float | None


DATASET = "dataset"


NOISE = ("seed noise",)


REST = ("rest",)
"""Interactions of more factors than the model has terms for; nothing on one data set with a complete grid."""


ZERO = 1e-11
"""The share of the largest eigenvalue up to which one is zero."""


Table = Mapping[str, tuple[str, ...]]
"""Factor -> the level of each of C cells."""


def _codes(levels: Sequence[str]) -> tuple[Ints, int]:
    unique = {lv: i for i, lv in enumerate(dict.fromkeys(levels))}
    return np.array([unique[lv] for lv in levels], np.intp), len(unique)


def _one_hot(codes: Ints, n: int) -> sparse.csr_array:
    """(C, n) of zeros and ones. codes: (C,), the column of each row's one."""
    rows = np.arange(len(codes))
    return sparse.csr_array((np.ones(len(codes)), (rows, codes)), shape=(len(codes), n))


class Decomposition:
    """Type II sums of squares of C cell means, one a setting of the factors: each after all that do not contain it.

    On a complete grid the terms are orthogonal and this is the plain decomposition of variance.
    """

    def __init__(self, table: Table, means: Floats) -> None:
        self.table, self.means = table, means
        self._fitted: dict[frozenset[tuple[str, ...]], tuple[float, int]] = {}
        self.factors = [f for f in table if len(set(table[f])) > 1]
        self.complete = len(means) == int(np.prod([len(set(table[f])) for f in table]))

    def _indicator(self, term: Sequence[str]) -> tuple[Ints, int]:
        return _codes(["\x1f".join(parts) for parts in zip(*(self.table[f] for f in term), strict=True)])

    def _smooth(self, term: Sequence[str]) -> Floats:
        """The mean of each cell's group."""
        if not term:
            return np.full_like(self.means, self.means.mean())
        codes, n = self._indicator(term)
        return (np.bincount(codes, self.means, n) / np.bincount(codes, minlength=n))[codes]

    def _orthogonal(self, term: Sequence[str]) -> tuple[float, int]:
        effect = np.zeros_like(self.means)
        for size in range(len(term) + 1):
            for part in combinations(term, size):
                effect += (-1) ** (len(term) - size) * self._smooth(part)
        return float(effect @ effect), int(np.prod([len(set(self.table[f])) - 1 for f in term]))

    def _fit(self, terms: frozenset[tuple[str, ...]]) -> tuple[float, int]:
        """Residual sum of squares and rank of the model with these terms."""
        if terms in self._fitted:
            return self._fitted[terms]
        blocks = [(np.zeros(len(self.means), np.intp), 1), *(self._indicator(term) for term in sorted(terms))]
        design = sparse.hstack([_one_hot(codes, n) for codes, n in blocks], format="csr")
        # The products of columns of zeros and ones are counts, which are exact. Many columns are sums of others: what
        # rounding leaves of those (1e-16) must count as nothing, or the rank, and with it degrees of freedom, comes out
        # too large.
        values, vectors = linalg.eigh((design.T @ design).toarray(), driver="evd")
        there = values > ZERO * values[-1]
        values, vectors = values[there], vectors[:, there]
        solution = vectors @ (vectors.T @ (design.T @ self.means) / values)
        residual = self.means - design @ solution
        self._fitted[terms] = float(residual @ residual), int(there.sum())
        return self._fitted[terms]

    def rest(self, terms: Sequence[tuple[str, ...]]) -> tuple[float, int]:
        """What all terms together leave of the cell means: sum of squares and degrees of freedom."""
        if self.complete:
            parts = [self._orthogonal(t) for t in terms]
            total = float(((self.means - self.means.mean()) ** 2).sum())
            return max(total - sum(s for s, _ in parts), 0.0), len(self.means) - 1 - sum(df for _, df in parts)
        squares, rank = self._fit(frozenset(terms))
        return squares, len(self.means) - rank

    def term(self, term: tuple[str, ...], others: Sequence[tuple[str, ...]]) -> tuple[float, int]:
        """Sum of squares and degrees of freedom of `term`, given the other terms of the model."""
        if self.complete:
            return self._orthogonal(term)
        without = [t for t in others if not set(term) <= set(t)]
        (before, low), (after, high) = self._fit(frozenset(without)), self._fit(frozenset([*without, term]))
        return max(before - after, 0.0), high - low


def _label(term: Sequence[str]) -> str:
    names = {DATASET: "data set"}
    return " × ".join(names.get(f, f) for f in term)


def variance_terms(
    table: Table, scores: Floats, terms: Sequence[tuple[str, ...]], block: str | None = None
) -> tuple[Term, ...]:
    """The variance table. scores: (C, S), cells by seeds. block: a factor whose own effect is not part of the total."""
    cells, seeds = scores.shape
    split = Decomposition(table, scores.mean(1))
    within = float(((scores - scores.mean(1, keepdims=True)) ** 2).sum())
    total = float(((scores - scores.mean()) ** 2).sum())
    if block is not None and block in split.factors:
        total -= seeds * split.term((block,), [])[0]
    df_within = cells * (seeds - 1)
    noise = within / df_within if df_within else None
    # With holes in the grid the highest interaction has no level that is free of them: it is not estimated.
    terms = [t for t in terms if all(f in split.factors for f in t) and (split.complete or len(t) <= 2)]
    made = []
    sums = [(term, *split.term(term, terms)) for term in terms if term != (block,)]
    for term, squares, df in [*sums, (REST, *split.rest(terms))]:
        squares *= seeds
        if df == 0:
            continue
        omega = p = None
        if noise is not None and total + noise > 0:
            omega = max((squares - df * noise) / (total + noise), 0.0)
            p = float(scipy_stats.f.sf(squares / df / noise, df, df_within)) if noise > 0 else float(squares == 0)
        share = squares / total if total > 0 else 0.0
        label = "higher interactions" if term == REST else _label(term)
        made.append(Term(factors=term, label=label, df=df, share=share, omega2=omega, p=p))
    if noise is not None:
        share = within / total if total > 0 else 0.0
        made.append(Term(factors=NOISE, label="seed noise", df=df_within, share=share, omega2=None, p=None))
    return tuple(made)
