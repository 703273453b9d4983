"""Greedy selection, and the expected best of k."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from mmbench.stats.ensemble import expected_best, mean_of, select


def test_the_expected_best_of_k_is_the_mean_over_all_subsets() -> None:
    rng = np.random.default_rng(0)
    choosing, reached = rng.normal(size=7).round(1).tolist(), rng.normal(size=7).tolist()
    for k, found in enumerate(expected_best(choosing, reached), 1):
        # Of equals the first: its index is the smaller one.
        best = [reached[max(subset, key=lambda i: (choosing[i], -i))] for subset in combinations(range(7), k)]
        assert found == pytest.approx(np.mean(best))
    assert expected_best([0.1], [0.7]) == [0.7]


def test_one_that_failed_is_chosen_only_where_all_did() -> None:
    found = expected_best([0.9, -np.inf, -np.inf], [0.8, 0.1, 0.1])
    assert found == pytest.approx([(0.8 + 0.1 + 0.1) / 3, (0.8 + 0.8 + 0.1) / 3, 0.8])


def test_selection_finds_models_that_are_good_together() -> None:
    """Two models that err on different samples beat the better one of them; a third, worse one is left out."""
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 2, 400)

    def model(wrong: slice, sure: float) -> np.ndarray:
        says = labels.copy()
        says[wrong] = 1 - says[wrong]
        return np.where(np.eye(2)[says] == 1, sure, 1 - sure)

    predictions = [model(slice(0, 100), 0.6), model(slice(100, 220), 0.7), model(slice(0, 300), 0.55)]

    def accuracy(p: np.ndarray) -> float:
        return float((p.argmax(1) == labels).mean())

    # Surer than the first on its samples, the second decides there; where it errs, the first must be weightier.
    counts = select(predictions, accuracy)
    together = accuracy(mean_of(predictions, counts))
    assert together >= max(accuracy(p) for p in predictions) and counts[2] == 0
    assert sum(counts) <= 40


def test_an_ensemble_on_validation_is_never_worse_than_its_best_member() -> None:
    rng = np.random.default_rng(2)
    labels = rng.integers(0, 3, 60)
    predictions = list(rng.dirichlet(np.ones(3), size=(5, 60)))

    def accuracy(p: np.ndarray) -> float:
        return float((p.argmax(1) == labels).mean())

    counts = select(predictions, accuracy)
    assert accuracy(mean_of(predictions, counts)) >= max(map(accuracy, predictions))


def test_a_score_that_is_not_defined_is_the_worst() -> None:
    predictions = [np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])]
    counts = select(predictions, lambda p: float("nan") if p[0, 0] > 0.5 else float(p[0, 1]))
    assert counts == [0, 1]
