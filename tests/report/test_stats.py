"""The statistics against truth: simulated ledgers whose means are known, and other libraries as oracles."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats
from statsmodels.stats.multitest import multipletests

from mmbench.report.stats import paired


@pytest.mark.slow
@settings(max_examples=20)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=40))
def test_holm_agrees_with_statsmodels(p: list[float]) -> None:
    np.testing.assert_allclose(paired.holm(p), multipletests(p, method="holm")[1])


def test_the_interval_of_a_mean_is_students() -> None:
    found = paired.estimate([0.7, 0.8, 0.9], 0.95)
    assert found is not None and found.half is not None
    low, high = scipy_stats.ttest_1samp([0.7, 0.8, 0.9], 0).confidence_interval(0.95)
    assert (found.low, found.high) == (pytest.approx(low), pytest.approx(high))
    assert paired.estimate([0.7], 0.95).half is None  # type: ignore[union-attr]
    assert paired.estimate([], 0.95) is None


def test_two_methods_give_the_paired_t_test() -> None:
    scores = np.random.default_rng(0).normal(size=(2, 5))
    delta, half, p = paired.compare(scores, 0.95, 0.0).pairs(np.array([0]), np.array([1]))
    oracle = scipy_stats.ttest_rel(scores[0], scores[1])
    assert p[0] == pytest.approx(oracle.pvalue)
    assert (delta[0] - half[0], delta[0] + half[0]) == pytest.approx(tuple(oracle.confidence_interval(0.95)))


def test_what_a_seed_does_to_all_methods_cancels() -> None:
    rng = np.random.default_rng(1)
    scores = rng.normal(size=(6, 4))
    shifted = scores + 50 * rng.normal(size=(1, 4))
    one, other = (paired.compare(s, 0.95, 0.0) for s in (scores, shifted))
    np.testing.assert_allclose(one.error, other.error, rtol=1e-6)


def _methods(kind: str, rng: np.random.Generator, count: int) -> np.ndarray:
    """Standard deviations: all equal, or each its own, a few of them large."""
    return np.full(count, 0.01) if kind == "equal" else 0.01 * np.exp(0.7 * rng.normal(size=count))


@pytest.mark.parametrize("seeds", [3, 5])
@pytest.mark.parametrize("kind", ["equal", "unequal"])
def test_intervals_cover_and_the_best_is_in_the_tie_group(seeds: int, kind: str) -> None:
    """400 ledgers of 27 methods. The bounds lie three standard errors of the simulation below 95 %."""
    rng = np.random.default_rng(2)
    runs, count = 400, 27
    held = covered = grouped = 0.0
    for _ in range(runs):
        truth = 0.8 + 0.01 * rng.normal(size=count)
        noise = _methods(kind, rng, count)[:, None] * rng.normal(size=(count, seeds))
        means = paired.compare(truth[:, None] + 0.02 * rng.normal(size=(1, seeds)) + noise, 0.95, 0.0)
        held += bool(means.tied(int(means.mean.argmax()), np.arange(count))[truth.argmax()])
        delta, half, _ = means.pairs(np.arange(count - 1), np.arange(1, count))
        covered += float((np.abs(delta - (truth[:-1] - truth[1:])) <= half).mean())
        mean, half_width, _ = means.groups(range(9), range(9, 18))
        grouped += abs(mean - (truth[:9].mean() - truth[9:18].mean())) <= half_width
    assert held / runs >= 0.95 - 0.033
    assert covered / runs >= 0.94
    assert grouped / runs >= 0.95 - 0.033


def test_pooling_the_noise_finds_what_single_tests_cannot() -> None:
    """Ten points apart, noise of one point, three seeds, 27 methods: a t-test on each pair, corrected, is blind."""
    rng = np.random.default_rng(3)
    truth = np.array([0.9] + [0.8] * 26)
    scores = truth[:, None] + 0.01 * rng.normal(size=(27, 3))
    means = paired.compare(scores, 0.95, 0.0)
    assert means.tiers(np.arange(27))[0].tolist() == [0]
    alone = [scipy_stats.ttest_rel(scores[0], s).pvalue for s in scores[1:]]
    assert (paired.holm(alone) < 0.05).sum() < 26


def test_an_unstable_method_keeps_its_own_noise() -> None:
    variance = np.array([1.0] * 20 + [400.0])
    moderated, df = paired.moderate(variance * np.random.default_rng(4).chisquare(2, 21) / 2, 2)
    assert moderated[-1] > 10 * np.median(moderated[:-1])
    assert df < np.inf


def test_differences_within_the_rope_are_ties() -> None:
    scores = np.array([[0.900, 0.901, 0.902], [0.896, 0.897, 0.898], [0.500, 0.501, 0.502]])
    scores += 1e-5 * np.random.default_rng(5).normal(size=scores.shape)
    assert paired.compare(scores, 0.95, 0.0).tiers(np.arange(3))[0].tolist() == [0]
    assert paired.compare(scores, 0.95, 0.01).tiers(np.arange(3))[0].tolist() == [0, 1]
    assert paired.verdict(0.004, 0.001, 0.001, 0.95, 0.01) == "equal"
    assert paired.verdict(0.02, 0.005, 0.001, 0.95, 0.01) == "better"
    assert paired.verdict(-0.02, 0.005, 0.001, 0.95, 0.01) == "worse"
    assert paired.verdict(0.02, 0.05, 0.3, 0.95, 0.01) == "unclear"


def test_one_seed_separates_nothing() -> None:
    means = paired.compare(np.array([[0.9], [0.1]]), 0.95, 0.01)
    assert means.tiers(np.arange(2)) == []
    assert np.isnan(means.pairs(np.array([0]), np.array([1]))[2]).all()


@pytest.mark.parametrize(
    ("done", "rows", "seeds"),
    [
        ([[1, 1, 1], [1, 1, 1]], [0, 1], [0, 1, 2]),
        ([[1, 1, 1], [1, 1, 1], [1, 1, 0]], [0, 1], [0, 1, 2]),  # one failure: that row is out, not the seed
        ([[1, 1, 0], [1, 0, 0], [1, 0, 0]], [0, 1, 2], [0]),  # mid-run: the finished round
        ([[0, 0], [0, 0]], [], []),
    ],
)
def test_rows_are_compared_on_the_seeds_that_they_share(
    done: list[list[int]], rows: list[int], seeds: list[int]
) -> None:
    found = paired.common_block(np.array(done, bool))
    assert [x.tolist() for x in found] == [rows, seeds]


@pytest.mark.parametrize("spread", [0.0, 0.01])
def test_ranks_over_data_sets_keep_the_best_in_the_tie_group(spread: float) -> None:
    """100 ledgers of 27 methods on two data sets; the bound lies three standard errors of the simulation below 95 %."""
    rng = np.random.default_rng(6)
    runs, count, held, covered = 100, 27, 0.0, 0.0
    for _ in range(runs):
        truths = spread * rng.normal(size=(2, count))
        drawn = truths[:, :, None] + 0.01 * rng.normal(size=(2, count, 300))
        expected = scipy_stats.rankdata(-drawn, axis=1).mean((0, 2))
        scores = truths[:, :, None] + 0.01 * rng.normal(size=(2, count, 3)) + 0.02 * rng.normal(size=(2, 1, 3))
        means = paired.macro([paired.compare(-scipy_stats.rankdata(-part, axis=0), 0.95, 0.0) for part in scores])
        held += bool(means.tied(int(means.mean.argmax()), np.arange(count))[expected.argmin()])
        delta, half, _ = means.pairs(np.arange(count - 1), np.arange(1, count))
        covered += float((np.abs(delta + (expected[:-1] - expected[1:])) <= half).mean())
    assert held / runs >= 0.95 - 0.066
    assert covered / runs >= 0.92
