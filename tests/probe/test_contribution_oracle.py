"""Shapley values and interactions as shapiq has them."""

from __future__ import annotations

import numpy as np
import pytest

from mmbench.probe.contribution import interactions, shapley
from mmbench.schema.quantity import subsets

shapiq = pytest.importorskip("shapiq", reason="shapiq is not installed")


@pytest.mark.parametrize("count", [2, 3, 4, 5])
def test_values_and_interactions_are_those_of_shapiq(count: int) -> None:
    names = tuple("abcde"[:count])
    g = np.random.default_rng(count)
    v = {frozenset(s): float(g.normal()) for s in ((), *subsets(names))}

    def game(coalitions: np.ndarray) -> np.ndarray:
        return np.array([v[frozenset(n for n, there in zip(names, row, strict=True) if there)] for row in coalitions])

    exact = shapiq.ExactComputer(n_players=count, game=game)
    ours = shapley(names, v.__getitem__)
    theirs = exact(index="SV", order=1)
    for i, name in enumerate(names):
        assert ours[name] == pytest.approx(float(theirs[(i,)]), abs=1e-6)
    pairs = exact(index="SII", order=2)
    for (i, j), found in interactions(names, v.__getitem__).items():
        assert found == pytest.approx(float(pairs[(names.index(i), names.index(j))]), abs=1e-6)
