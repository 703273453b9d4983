"""The statistics against truth: simulated ledgers whose means are known, and other libraries as oracles."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats
from statsmodels.stats.multitest import multipletests

from mmbench.stats import best, moderation, paired


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
    delta, half, near, p = paired.compare(scores, 0.95, 0.0).pairs(np.array([0]), np.array([1]))
    oracle = scipy_stats.ttest_rel(scores[0], scores[1])
    assert p[0] == pytest.approx(oracle.pvalue)
    assert (delta[0] - half[0], delta[0] + half[0]) == pytest.approx(tuple(oracle.confidence_interval(0.95)))
    assert (delta[0] - near[0], delta[0] + near[0]) == pytest.approx(tuple(oracle.confidence_interval(0.90)))


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
def test_intervals_cover(seeds: int, kind: str) -> None:
    """400 ledgers of 27 methods. The bounds lie three standard errors of the simulation below 95 %."""
    rng = np.random.default_rng(2)
    runs, count = 400, 27
    covered = grouped = 0.0
    for _ in range(runs):
        truth = 0.8 + 0.01 * rng.normal(size=count)
        noise = _methods(kind, rng, count)[:, None] * rng.normal(size=(count, seeds))
        means = paired.compare(truth[:, None] + 0.02 * rng.normal(size=(1, seeds)) + noise, 0.95, 0.0)
        delta, half, _, _ = means.pairs(np.arange(count - 1), np.arange(1, count))
        covered += float((np.abs(delta - (truth[:-1] - truth[1:])) <= half).mean())
        group = means.groups(range(9), range(9, 18))
        grouped += abs(group.delta[0] - (truth[:9].mean() - truth[9:18].mean())) <= group.half[0]
    assert covered / runs >= 0.94
    assert grouped / runs >= 0.95 - 0.033


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "seeds", "runs"),
    [
        ("equal", 3, 400),
        ("unequal", 3, 100),
        pytest.param("equal", 5, 400, marks=pytest.mark.exhaustive),
        pytest.param("unequal", 5, 400, marks=pytest.mark.exhaustive),
    ],
)
def test_the_best_may_be_best_and_ranges_of_ranks_hold_the_true_ranks(kind: str, seeds: int, runs: int) -> None:
    """Ledgers of 27 methods. The bounds lie three standard errors of the simulation below 95 %, of whole ledgers also
    for the ranks: an interval for each would allow more."""
    rng = np.random.default_rng(2)
    count, held, ranked = 27, 0, 0
    for _ in range(runs):
        truth = 0.8 + 0.01 * rng.normal(size=count)
        noise = _methods(kind, rng, count)[:, None] * rng.normal(size=(count, seeds))
        means = paired.compare(truth[:, None] + 0.02 * rng.normal(size=(1, seeds)) + noise, 0.95, 0.0)
        found = best.with_best(means, np.arange(count))
        held += bool(found.may_be_best()[truth.argmax()])
        rank = scipy_stats.rankdata(-truth)
        ranked += bool(((found.first <= rank) & (rank <= found.last)).all())
    assert min(held, ranked) / runs >= 0.95 - 3 * (0.05 * 0.95 / runs) ** 0.5


def test_pooling_the_noise_finds_what_single_tests_cannot() -> None:
    """Ten points apart, noise of one point, three seeds, 27 methods: a t-test on each pair, corrected, is blind."""
    rng = np.random.default_rng(3)
    truth = np.array([0.9] + [0.8] * 26)
    scores = truth[:, None] + 0.01 * rng.normal(size=(27, 3))
    means = paired.compare(scores, 0.95, 0.0)
    assert best.with_best(means, np.arange(27)).verdicts() == ["better", *["worse"] * 26]
    alone = [scipy_stats.ttest_rel(scores[0], s).pvalue for s in scores[1:]]
    assert (paired.holm(alone) < 0.05).sum() < 26


def test_an_unstable_method_keeps_its_own_noise() -> None:
    variance = np.array([1.0] * 20 + [400.0])
    moderated, df = moderation.moderate(variance * np.random.default_rng(4).chisquare(2, 21) / 2, np.full(21, 2.0))
    assert moderated[-1] > 10 * np.median(moderated[:-1])
    assert df[-1] == 2 and (df[:-1] == np.inf).all(), "and takes nothing from what is known of the others"


def test_a_variance_known_from_more_seeds_is_drawn_less() -> None:
    """Of two methods that were equally steady by chance, the one on three seeds is drawn up further."""
    draw = np.random.default_rng(4)
    seeds = np.array([3.0, 30.0, *[5.0] * 40])
    variance = np.exp(draw.normal(size=42)) * draw.chisquare(seeds - 1) / (seeds - 1)
    variance[:2] = 0.02
    moderated, df = moderation.moderate(variance, seeds - 1)
    assert moderated[0] > 1.5 * moderated[1] > 1.5 * 0.02
    assert df[1] - df[0] == pytest.approx(27)


def test_a_difference_within_the_margin_is_equal_also_where_it_is_real() -> None:
    scores = np.array([[0.900, 0.901, 0.902], [0.896, 0.897, 0.898], [0.500, 0.501, 0.502]])
    scores += 1e-5 * np.random.default_rng(5).normal(size=scores.shape)
    everything = np.arange(3)
    assert best.with_best(paired.compare(scores, 0.95, 0.0), everything).verdicts() == ["better", "worse", "worse"]
    assert best.with_best(paired.compare(scores, 0.95, 0.01), everything).verdicts() == ["equal", "equal", "worse"]
    assert paired.verdict(0.004, 0.001, 0.001, 0.95, 0.01) == "equal"
    assert paired.verdict(0.02, 0.005, 0.001, 0.95, 0.01) == "better"
    assert paired.verdict(-0.02, 0.005, 0.001, 0.95, 0.01) == "worse"
    assert paired.verdict(0.02, 0.05, 0.3, 0.95, 0.01) == "open"


@pytest.mark.parametrize(
    ("mean", "near", "p", "expected"),
    [
        (0.004, 0.006, 0.2, "equal"),  # up to the margin
        (0.004, 0.0061, 0.2, "open"),  # past it
        (-0.004, 0.0061, 0.2, "open"),
        (0.004, 0.0061, 0.01, "better"),  # past it, and real
        (-0.004, 0.0061, 0.01, "worse"),
        (0.0, 0.0, 0.0, "equal"),
        (0.0, None, 0.0, "open"),  # no sign to speak of
        (0.02, None, None, "open"),  # one seed
    ],
)
def test_verdicts_at_the_margin(mean: float, near: float | None, p: float | None, expected: str) -> None:
    assert paired.verdict(mean, near, p, 0.95, 0.01) == expected


def test_equality_is_decided_by_two_one_sided_tests() -> None:
    """Equal exactly where each of scipy's one-sided tests rejects at 5 %: that the difference is as low as the lower
    end of the margin, and that it is as high as the upper one."""
    draw = np.random.default_rng(7)
    decided = 0
    for _ in range(200):
        scores = 0.003 * draw.normal(size=(2, 5)) + np.array([[0.004 * draw.normal()], [0.0]])
        delta, _, near, p = paired.compare(scores, 0.95, 0.01).pairs(np.array([0]), np.array([1]))
        differences = scores[0] - scores[1]
        above = scipy_stats.ttest_1samp(differences, -0.01, alternative="greater").pvalue
        below = scipy_stats.ttest_1samp(differences, 0.01, alternative="less").pvalue
        equal = paired.verdict(delta[0], near[0], p[0], 0.95, 0.01) == "equal"
        assert equal == (max(above, below) < 0.05)
        decided += equal
    assert 20 < decided < 180, "both happen"


@pytest.mark.parametrize("seeds", [3, 5])
def test_what_lies_at_the_margin_is_seldom_called_equal(seeds: int) -> None:
    """A true difference as large as the margin is called equal in 5 % of the ledgers: the level of one test."""
    draw = np.random.default_rng(8)
    runs, called = 1500, 0
    for _ in range(runs):
        scores = 0.004 * draw.normal(size=(6, seeds)) + np.array([[0.01], *[[0.0]] * 5])
        found = paired.compare(scores, 0.95, 0.01).pairs(np.array([0]), np.array([1]))
        called += paired.verdict(found.delta[0], found.near[0], 1.0, 0.95, 0.01) == "equal"
    assert called / runs == pytest.approx(0.05, abs=3 * (0.05 * 0.95 / runs) ** 0.5)


def test_one_seed_decides_nothing() -> None:
    means = paired.compare(np.array([[0.9], [0.1]]), 0.95, 0.01)
    found = best.with_best(means, np.arange(2))
    assert found.verdicts() == ["open", "open"] and found.may_be_best().all()
    assert (found.first.tolist(), found.last.tolist()) == ([1, 1], [2, 2])
    assert np.isnan(means.pairs(np.array([0]), np.array([1])).p).all()


def _uneven(scores: np.ndarray, seeds: list[int]) -> np.ndarray:
    """Each method on its own first seeds alone."""
    return np.where(np.arange(scores.shape[1]) < np.array(seeds)[:, None], scores, np.nan)


def test_with_unequal_numbers_of_seeds_each_method_has_its_own() -> None:
    """Two methods: each mean and variance is of its own seeds, and the variance is the pooled one (scipy's t-test)."""
    scores = _uneven(np.random.default_rng(9).normal(size=(2, 7)), [3, 7])
    means = paired.compare(scores, 0.95, 0.0)
    assert means.seeds.tolist() == [3, 7] and means.replicates == 3
    assert means.mean == pytest.approx([scores[0, :3].mean(), scores[1].mean()])
    assert means.error[0] / means.error[1] == pytest.approx(7 / 3)
    delta, half, near, p = means.pairs(np.array([0]), np.array([1]))
    oracle = scipy_stats.ttest_ind(scores[0, :3], scores[1])
    assert p[0] == pytest.approx(oracle.pvalue)
    assert (delta[0] - half[0], delta[0] + half[0]) == pytest.approx(tuple(oracle.confidence_interval(0.95)))
    assert (delta[0] - near[0], delta[0] + near[0]) == pytest.approx(tuple(oracle.confidence_interval(0.90)))


def test_equal_numbers_of_seeds_are_paired_and_unequal_ones_are_not() -> None:
    """One seed more of one method, and what a seed does to all methods alike is noise."""
    draw = np.random.default_rng(10)
    scores = draw.normal(size=(5, 4)) + 10 * draw.normal(size=(1, 4))
    paired_by_seed = paired.compare(scores, 0.95, 0.0)
    uneven = paired.compare(_uneven(scores, [4, 4, 4, 4, 3]), 0.95, 0.0)
    assert (uneven.error > 10 * paired_by_seed.error).all()
    assert uneven.limit == 3 * 4 + 2 and paired_by_seed.limit == 4 * 3
    assert paired.compare(_uneven(scores, [4, 4, 4, 4, 1]), 0.95, 0.0).replicates == 1
    assert np.isnan(paired.compare(_uneven(scores, [4, 4, 4, 4, 1]), 0.95, 0.0).error).all()


@pytest.mark.parametrize("shared", [0.0, 0.01])
def test_intervals_cover_with_unequal_numbers_of_seeds(shared: float) -> None:
    """27 methods, a third of them on ten seeds. What a seed does to all is in the noise: too much, never too little."""
    rng = np.random.default_rng(11)
    runs, seeds, covered = 300, [3] * 18 + [10] * 9, 0.0
    truth = 0.8 + 0.01 * rng.normal(size=27)
    for _ in range(runs):
        scores = truth[:, None] + shared * rng.normal(size=(1, 10)) + 0.01 * rng.normal(size=(27, 10))
        means = paired.compare(_uneven(scores, seeds), 0.95, 0.0)
        delta, half, _, _ = means.pairs(np.arange(26), np.arange(1, 27))
        covered += float((np.abs(delta - (truth[:-1] - truth[1:])) <= half).mean())
    assert 0.94 <= covered / runs <= (0.96 if shared == 0 else 1)


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


@pytest.mark.slow
@pytest.mark.parametrize("spread", [0.0, 0.01])
def test_ranks_over_data_sets_keep_the_best_among_those_that_may_be_best(spread: float) -> None:
    """100 ledgers of 27 methods on two data sets; the bound lies three standard errors of the simulation below 95 %."""
    rng = np.random.default_rng(6)
    runs, count, held, covered = 100, 27, 0.0, 0.0
    for _ in range(runs):
        truths = spread * rng.normal(size=(2, count))
        drawn = truths[:, :, None] + 0.01 * rng.normal(size=(2, count, 300))
        expected = scipy_stats.rankdata(-drawn, axis=1).mean((0, 2))
        scores = truths[:, :, None] + 0.01 * rng.normal(size=(2, count, 3)) + 0.02 * rng.normal(size=(2, 1, 3))
        ranks = [paired.compare(-scipy_stats.rankdata(-part, axis=0), 0.95, 0.0) for part in scores]
        means = paired.macro(ranks, 0.0)
        held += bool(best.with_best(means, np.arange(count)).may_be_best()[expected.argmin()])
        delta, half, _, _ = means.pairs(np.arange(count - 1), np.arange(1, count))
        covered += float((np.abs(delta + (expected[:-1] - expected[1:])) <= half).mean())
    assert held / runs >= 0.95 - 0.066
    assert covered / runs >= 0.92


@pytest.mark.parametrize("size", [1.0, 1e6, 1e-6])
def test_equal_scores_are_not_told_apart_by_rounding(size: float) -> None:
    """Means of three and of five equal numbers differ in their last digit; without noise that must not decide."""
    for k in range(1, 60):
        scores = size * np.array([[k / 60] * 3 + [np.nan] * 2, [k / 60] * 5, [k / 60] * 5, [k / 60] * 4 + [np.nan]])
        means = paired.compare(scores, 0.95, 0.0)
        assert set(best.with_best(means, np.arange(4)).verdicts()) == {"open"}, k
        found = means.pairs(np.array([0, 1]), np.array([1, 2]))
        assert (found.delta == 0).all() and (found.p == 1).all()
        groups = means.groups([0, 1], [2, 3])
        assert groups.delta[0] == 0 and groups.p[0] == 1


def test_a_difference_of_one_sample_without_noise_is_one() -> None:
    scores = np.array([[0.5] * 3, [0.5 + 1 / 60] * 3])
    found = paired.compare(scores, 0.95, 0.0).pairs(np.array([1]), np.array([0]))
    assert found.delta[0] == pytest.approx(1 / 60) and found.p[0] == 0
