"""Alignment, retrieval, gap and rank of vectors: what must hold of them, and what wrong versions break."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmbench.probe.shared.likeness import cka, effective_rank, gap, hsic, normalised, paired_distance, retrieval, spread

Cka = Callable[[np.ndarray, np.ndarray], float]


def normal(n: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, width))


def rotation(width: int, seed: int = 0) -> np.ndarray:
    return np.asarray(np.linalg.qr(normal(width, width, seed))[0])


def by_matrices(x: np.ndarray, y: np.ndarray) -> float:
    """HSIC_1 of Song et al. 2012, as it stands there, in O(n^2)."""
    n, one = len(x), np.ones(len(x))
    K, L = x @ x.T, y @ y.T
    np.fill_diagonal(K, 0)
    np.fill_diagonal(L, 0)
    middle = (one @ K @ one) * (one @ L @ one) / ((n - 1) * (n - 2))
    return float((np.trace(K @ L) + middle - 2 / (n - 2) * (one @ K @ L @ one)) / (n * (n - 3)))


def by_definition(x: np.ndarray, y: np.ndarray) -> float:
    """The mean over all four different samples i, j, q, r of k_ij l_ij + k_ij l_qr - 2 k_ij l_iq."""
    K, L = x @ x.T, y @ y.T
    terms = [
        K[i, j] * L[i, j] + K[i, j] * L[q, r] - 2 * K[i, j] * L[i, q] for i, j, q, r in permutations(range(len(x)), 4)
    ]
    return float(np.mean(terms))


@settings(deadline=None, max_examples=30)
@given(
    n=st.integers(4, 9),
    widths=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    seed=st.integers(0, 99),
    far=st.sampled_from([0.0, 30.0]),
)
def test_the_estimator_is_that_of_the_paper(n: int, widths: tuple[int, int], seed: int, far: float) -> None:
    x, y = normal(n, widths[0], seed) + far, normal(n, widths[1], seed + 1000)
    size = abs(by_matrices(x, x)) ** 0.5 * abs(by_matrices(y, y)) ** 0.5
    tolerance = 1e-8 * max(1.0, far**2) * max(1.0, size)
    assert hsic(x, y) == pytest.approx(by_matrices(x, y), abs=tolerance)
    if n < 8:
        assert hsic(x, y) == pytest.approx(by_definition(x, y), abs=tolerance)


def test_large_matrices_too() -> None:
    x = normal(300, 24)
    y = x[:, :10] @ normal(10, 40, 1) + normal(300, 40, 2) + 5
    assert hsic(x, y) == pytest.approx(by_matrices(x, y), rel=1e-9)


# What published code got wrong, and what is asked of an alignment.


def biased(x: np.ndarray, y: np.ndarray) -> float:
    """Broken: the estimator of Gretton et al. 2005, whose diagonals do not vanish."""
    x, y = x - x.mean(0), y - y.mean(0)
    return float(((x.T @ y) ** 2).sum() / np.sqrt(((x.T @ x) ** 2).sum() * ((y.T @ y) ** 2).sum()))


def uncentred(x: np.ndarray, y: np.ndarray) -> float:
    """Broken: without centring."""
    return float(((x.T @ y) ** 2).sum() / np.sqrt(((x.T @ x) ** 2).sum() * ((y.T @ y) ** 2).sum()))


def diagonal_kept(x: np.ndarray, y: np.ndarray) -> float:
    """Broken: the unbiased formula on kernels whose diagonals were not set to zero."""

    def one(x: np.ndarray, y: np.ndarray) -> float:
        n, K, L = len(x), x @ x.T, y @ y.T
        rest = K.sum() * L.sum() / ((n - 1) * (n - 2)) - 2 / (n - 2) * (K.sum(0) @ L.sum(0))
        return float(((K * L).sum() + rest) / (n * (n - 3)))

    return one(x, y) / math.sqrt(abs(one(x, x) * one(y, y)))


def columnwise(x: np.ndarray, y: np.ndarray) -> float:
    """Broken: the mean correlation of columns, which a rotation changes."""
    width = min(x.shape[1], y.shape[1])
    return float(np.mean([np.corrcoef(x[:, i], y[:, i])[0, 1] for i in range(width)]))


def unnormalised(x: np.ndarray, y: np.ndarray) -> float:
    """Broken: HSIC itself, which grows with the scale."""
    return hsic(x, y)


def faults(measure: Cka) -> set[str]:
    """Which of the properties of an alignment do not hold."""
    x, other = normal(256, 32, 3) + 1, normal(256, 32, 4) + 1
    mixed = x @ normal(32, 32, 5) + 0.5 * other
    shuffled = mixed[np.random.default_rng(6).permutation(256)]
    small = [measure(normal(32, 16, 10 + i), normal(32, 16, 90 + i)) for i in range(60)]
    found = {
        "identity": abs(measure(x, x) - 1) < 1e-9,
        "rotation": abs(measure(x, mixed) - measure(x @ rotation(32), mixed @ rotation(32, 1))) < 1e-9,
        "scale": abs(measure(x, mixed) - measure(3 * x, 0.2 * mixed)) < 1e-9,
        "shift": abs(measure(x, mixed) - measure(x + 2, mixed - 7)) < 1e-9,
        "independence": abs(measure(x, other)) < 0.03,
        "shuffled rows": abs(measure(x, shuffled)) < 0.03,
        "independence of few": abs(np.mean(small)) < 0.02,
        "dependence": measure(x, mixed) > 0.3,
    }
    return {name for name, holds in found.items() if not holds}


def test_an_alignment_has_its_properties() -> None:
    assert faults(cka) == set()


@pytest.mark.parametrize(
    ("broken", "found"),
    [
        (biased, {"independence", "shuffled rows", "independence of few"}),
        (uncentred, {"shift", "independence", "independence of few"}),
        (diagonal_kept, {"shift", "independence of few"}),
        (columnwise, {"rotation", "dependence"}),
        (unnormalised, {"identity", "scale"}),
        (lambda x, y: cka(x, y[::-1]), {"identity", "dependence"}),
    ],
)
def test_broken_alignments_are_found(broken: Cka, found: set[str]) -> None:
    assert found <= faults(broken)


def test_biased_alignment_of_independent_data_is_large_where_samples_are_few() -> None:
    values = [biased(normal(32, 8, i), normal(32, 8, 100 + i)) for i in range(40)]
    assert np.mean(values) == pytest.approx(0.2, abs=0.03)
    assert np.mean([cka(normal(32, 8, i), normal(32, 8, 100 + i)) for i in range(40)]) == pytest.approx(0, abs=0.02)


def test_vectors_that_are_all_the_same_have_no_alignment() -> None:
    assert math.isnan(cka(np.full((300, 4), 0.3), normal(300, 4))) and math.isnan(cka(normal(3, 2), normal(3, 2)))


def pairs(n: int = 200, width: int = 16, noise: float = 0.0, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    x = normal(n, width, seed)
    return x, 5 * x + noise * normal(n, width, seed + 1)


def test_the_right_one_is_retrieved_by_direction_alone() -> None:
    x, y = pairs()
    assert retrieval(x, y, 1) == retrieval(x, y, 5) == 1
    # Everyone's neighbour on a circle of ten directions is first, the right one second.
    angle = 2 * np.pi * np.arange(10) / 10
    circle = np.stack([np.cos(angle), np.sin(angle)], 1)
    turned = np.stack([np.cos(angle + 0.6 * np.pi / 5), np.sin(angle + 0.6 * np.pi / 5)], 1)
    assert retrieval(circle, turned, 1) == 0 and retrieval(circle, turned, 2) == 1


def test_both_directions_count() -> None:
    """All of y point to the first of x: each x finds its own, and each y finds the first."""
    x = np.eye(4)
    y = np.eye(4) * 0.1 + np.eye(4)[[0]]
    forward, backward = 1.0, 0.25
    assert retrieval(x, y, 1) == pytest.approx((forward + backward) / 2)
    assert retrieval(y, x, 1) == retrieval(x, y, 1)


@pytest.mark.parametrize("first", [1, 5])
def test_strangers_are_retrieved_by_chance(first: int) -> None:
    values = [retrieval(normal(100, 8, i), normal(100, 8, 50 + i), first) for i in range(50)]
    assert np.mean(values) == pytest.approx(first / 100, rel=0.15)


def optimistic(x: np.ndarray, y: np.ndarray, first: int) -> float:
    """Broken: only who is strictly nearer counts, so that vectors that are all the same find everything."""
    cosines = normalised(x) @ normalised(y).T
    before = (cosines > np.diag(cosines)[:, None] + 1e-9).sum(1)
    return float((before < first).mean())


@pytest.mark.parametrize("first", [1, 5])
def test_equal_vectors_find_no_more_than_chance(first: int) -> None:
    x, y = np.ones((50, 3)), np.full((50, 3), 0.7)
    assert retrieval(x, y, first) == pytest.approx(first / 50)
    assert optimistic(x, y, first) == 1


def test_the_gap_is_beside_distances_and_spread() -> None:
    """Two clouds of known size at a known distance on the sphere."""
    n = 4000
    x = np.tile([1.0, 0, 0], (n, 1))
    y = np.tile([0, 9.0, 0], (n, 1))
    assert gap(x, y) == pytest.approx(2**0.5) and paired_distance(x, y) == pytest.approx(2**0.5)
    assert spread(x) == 0
    same = normal(n, 3)
    assert gap(same, 2 * same) == pytest.approx(0, abs=1e-12) == paired_distance(same, 2 * same)
    # No gap, and yet every pair is apart: the gap alone does not tell that.
    other = normal(n, 3, 1)
    assert gap(same, other) < 0.06 and paired_distance(same, other) == pytest.approx(4 / 3, abs=0.03)
    assert spread(same) == pytest.approx(1, abs=0.03)


@pytest.mark.parametrize("rank", [1, 3, 8])
def test_the_effective_rank_counts_directions(rank: int) -> None:
    """Of as many equal ones; where one is larger it counts for more. A shift is no direction."""
    x = np.linalg.qr(normal(500, rank) - normal(500, rank).mean(0))[0] @ rotation(12)[:rank]
    centred = x - x.mean(0)
    exact = np.linalg.qr(centred @ rotation(12)[:rank].T)[0] @ rotation(12)[:rank]
    assert effective_rank(exact - exact.mean(0) + 40) == pytest.approx(rank, rel=0.01)
    assert effective_rank(7 * exact) == pytest.approx(effective_rank(exact))


def test_the_effective_rank_by_hand() -> None:
    """Singular values in the ratio 3 to 1: exp of the entropy of (3/4, 1/4)."""
    x = np.array([[3.0, 0], [-3, 0], [0, 1], [0, -1]])
    assert effective_rank(x) == pytest.approx(math.exp(-(0.75 * math.log(0.75) + 0.25 * math.log(0.25))))
    squared = np.linalg.svdvals(x) ** 2 / (np.linalg.svdvals(x) ** 2).sum()
    assert math.exp(-(squared * np.log(squared)).sum()) != pytest.approx(effective_rank(x), rel=0.05), "variances"
    assert effective_rank(np.full((9, 3), 0.1)) == 0


def test_nothing_gives_nothing() -> None:
    none = np.zeros((0, 3))
    assert all(math.isnan(f(none, none)) for f in (gap, paired_distance, cka))
    assert math.isnan(retrieval(none, none, 1)) and math.isnan(spread(none)) and math.isnan(effective_rank(none))
    assert np.isfinite(normalised(np.zeros((2, 3)))).all()
