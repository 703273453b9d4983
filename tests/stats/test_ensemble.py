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
    """Each of three errs on another quarter of the samples, so that the other two outvote it; a fourth, which errs
    where any of them does, is left out."""
    labels = np.random.default_rng(1).integers(0, 2, 400)

    def model(wrong: slice) -> np.ndarray:
        says = labels.copy()
        says[wrong] = 1 - says[wrong]
        return np.where(np.eye(2)[says] == 1, 0.6, 0.4)

    predictions = [model(slice(0, 100)), model(slice(100, 200)), model(slice(200, 300)), model(slice(0, 300))]

    def accuracy(p: np.ndarray) -> float:
        return float((p.argmax(1) == labels).mean())

    def likelihood(p: np.ndarray) -> float:
        return float(np.log(p[np.arange(400), labels]).mean())

    counts = select(predictions, likelihood)
    assert max(map(accuracy, predictions)) == 0.75
    assert accuracy(mean_of(predictions, counts)) == 1.0 and counts == [1, 1, 1, 0]


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
