"""The smallest difference that seeds find, against a case whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.power import TTestIndPower

from benchmarks.power import POWER, share, smallest


@pytest.mark.parametrize("seeds", [5, 10])
def test_it_finds_the_difference_that_a_t_test_does(seeds: int) -> None:
    def found(values: np.ndarray) -> bool:
        return bool(stats.ttest_ind(values[0], values[1]).pvalue < 0.05 and values[0].mean() > values[1].mean())

    shift, sd = np.array([1.0, 0.0]), np.full(2, 0.02)
    expected = TTestIndPower().solve_power(nobs1=seeds, alpha=0.05, power=POWER) * 0.02
    assert smallest(shift, sd, seeds, found, draws=600) == pytest.approx(expected, rel=0.08)
    assert share(0 * shift, sd, seeds, found, draws=600) == pytest.approx(0.025, abs=0.015), "half of 5 %: one side"
