"""A mean over methods is one of the same methods under every seed."""

from __future__ import annotations

import pytest

from mmbench.report.scores.seed_means import seed_means


def values(*told: tuple[str, int, float | None]) -> list[tuple[dict[str, object], float | None]]:
    return [({"method": method, "seed": seed}, x) for method, seed, x in told]


def test_seeds_that_a_race_gave_to_some_methods_are_left_out() -> None:
    """Methods a and b are as far apart as can be; b alone went on."""
    both = [(m, seed, x) for seed in range(3) for m, x in (("a", 0.0), ("b", 1.0))]
    found = seed_means(values(*both, *(("b", seed, 1.0) for seed in range(3, 12))))
    assert found.means == (0.5, 0.5, 0.5) and found.methods == 2 and found.trials == 6


def test_a_seed_under_which_a_method_failed_is_left_out() -> None:
    told = values(("a", 0, 0.2), ("b", 0, None), ("a", 1, 0.4), ("b", 1, 0.6), ("b", 2, 0.8), ("a", 2, 0.6))
    assert seed_means(told).means == pytest.approx((0.5, 0.7))


def test_nothing_of_nothing() -> None:
    assert seed_means(values(("a", 0, None))).means == () == seed_means([]).means
