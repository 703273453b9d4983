"""Comparisons with the best: exact where there is a reference, and as sure as they say on planted truths."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from mmbench.stats import best, paired

ALL = np.arange(12)


def scores(means: np.ndarray, noise: np.ndarray, seeds: int, draw: np.random.Generator) -> np.ndarray:
    """Every method has noise of its own; a seed moves all of them alike."""
    shared = 0.003 * draw.standard_normal(seeds)
    return means[:, None] + noise[:, None] * draw.standard_normal((len(means), seeds)) + shared


def group_of_all_pairs(means: paired.Means) -> np.ndarray:
    """What Holm's method over all pairs, any of which could have been the two best, leaves with the observed best."""
    others = np.delete(np.arange(len(means.mean)), means.mean.argmax())
    p = means.pairs(np.full(len(others), means.mean.argmax()), others).p
    return np.append(np.minimum(paired.holm(p) * (len(others) + 1) / 2, 1) >= 1 - means.confidence, True)


def test_p_is_dunnetts_where_all_are_equally_noisy() -> None:
    """scipy's Dunnett test compares groups with a control, one-sided, as here the others with one method."""
    draw = np.random.default_rng(0)
    groups = draw.standard_normal((5, 7)) + np.array([0.0, 0.4, 0.9, -0.2, 0.6])[:, None]
    control, *others = groups
    expected = stats.dunnett(*others, control=control, alternative="greater", random_state=draw).pvalue.min()
    variance, df = groups.var(1, ddof=1).mean(), 5 * 6.0
    means = paired.Means(
        mean=groups.mean(1),
        error=np.full(5, variance / 7),
        df=np.full(5, df),
        limit=df,
        seeds=np.full(5, 7.0),
        confidence=0.95,
        rope=0.0,
    )
    found = best.with_best(means, np.arange(5))
    assert found.p[0] == pytest.approx(expected, abs=0.003)


def test_p_is_that_of_a_simulation_where_each_method_has_its_own_noise_and_seeds() -> None:
    draw = np.random.default_rng(5)
    seeds = np.array([3.0, 12, 3, 5, 8, 3])
    error = np.array([1.0, 0.2, 3.0, 0.5, 1.5, 0.05]) / seeds
    mean = np.array([0.0, 0.3, 1.6, 0.2, 0.9, 0.1])
    df = np.full(6, 9.0)
    means = paired.Means(mean=mean, error=error, df=df, limit=9.0, seeds=seeds, confidence=0.95, rope=0.0)
    found = best.with_best(means, np.arange(6))
    z = draw.standard_normal((400_000, 6)) * np.sqrt(error)
    noise = np.sqrt(draw.chisquare(9, 400_000) / 9)
    for i in range(6):
        others = np.delete(np.arange(6), i)
        scale = np.sqrt(error[i] + error[others])
        freedom = (scale**4 / (error[i] ** 2 / 9 + error[others] ** 2 / 9)).clip(1, 9).min()
        assert freedom == 9, "one estimate of all noise, as simulated"
        t = ((mean[others] - mean[i]) / scale).max()
        drawn = ((z[:, others] - z[:, [i]]) / scale / noise[:, None]).max(1)
        assert found.p[i] == pytest.approx((drawn >= t).mean(), abs=0.005)


def test_two_methods_are_one_comparison() -> None:
    means = paired.compare(np.random.default_rng(1).standard_normal((2, 6)) + np.array([[0.0], [1.0]]), 0.95, 0.0)
    delta, _, _, p = means.pairs(np.array([1]), np.array([0]))
    found = best.with_best(means, np.arange(2))
    expected = p[0] / 2 if delta[0] > 0 else 1 - p[0] / 2
    assert found.p == pytest.approx([expected, 1 - expected], abs=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("noise", ["equal", "log-normal"])
@pytest.mark.parametrize("truth", ["null", "one ahead", "spread"])
def test_the_best_is_in_the_subset_and_limits_hold(noise: str, truth: str) -> None:
    draw = np.random.default_rng(2)
    means = {"null": np.zeros(12), "one ahead": np.eye(12)[3] * 0.004, "spread": np.linspace(0, 0.05, 12)}[truth]
    apart = np.array([m - np.delete(means, i).max() for i, m in enumerate(means)])
    kept = covered = 0
    rounds = 120
    for _ in range(rounds):
        own = 0.008 * (np.exp(0.5 * draw.standard_normal(12)) if noise == "log-normal" else np.ones(12))
        compared = paired.compare(scores(means, own, 4, draw), 0.95, 0.0)
        found = best.with_best(compared, ALL)
        kept += bool(found.may_be_best()[means.argmax()])
        covered += bool(((found.low <= apart + 1e-12) & (apart <= found.high + 1e-12)).all())
    # Three standard errors below 0.95, at most.
    assert min(kept, covered) / rounds >= 0.95 - 3 * (0.05 * 0.95 / rounds) ** 0.5


@pytest.mark.slow
def test_the_subset_is_smaller_than_the_group_that_corrects_for_all_pairs() -> None:
    draw = np.random.default_rng(3)
    means, own = np.linspace(0, 0.05, 27), np.full(27, 0.008)
    everything = np.arange(27)
    sizes = []
    for _ in range(20):
        compared = paired.compare(scores(means, own, 3, draw), 0.95, 0.0)
        subset = best.with_best(compared, everything).may_be_best()
        group = group_of_all_pairs(compared)
        assert subset[26]
        sizes.append((subset.sum(), group.sum()))
    subset, group = np.mean(sizes, axis=0)
    assert subset < 0.8 * group


def test_with_one_seed_or_one_method_nothing_is_known_and_without_noise_all_is() -> None:
    one = paired.compare(np.array([[0.1], [0.2]]), 0.95, 0.0)
    assert np.isnan(best.with_best(one, np.arange(2)).p).all()
    assert best.with_best(one, np.arange(2)).may_be_best().all(), "nobody is excluded"
    exact = paired.compare(np.array([[0.1, 0.1, 0.1], [0.2, 0.2, 0.2], [0.2, 0.2, 0.2]]), 0.95, 0.0)
    assert best.with_best(exact, np.arange(3)).may_be_best().tolist() == [False, True, True]


def planted(*means: float, noise: float = 0.002, rope: float = 0.01, equal: bool = True) -> best.WithBest:
    """Five seeds of methods whose means and standard deviations are these exactly."""
    spread = np.array([-1.0, -0.5, 0.0, 0.5, 1.0]) / np.sqrt(0.625) * noise
    rows = [m + np.roll(spread, i) for i, m in enumerate(means)]
    return best.with_best(paired.compare(np.array(rows), 0.95, rope), np.arange(len(means)), equal=equal)


def test_each_verdict_where_it_is_due() -> None:
    assert planted(0.90, 0.80, 0.70).verdicts() == ["better", "worse", "worse"]
    assert planted(0.90, 0.899, 0.70).verdicts() == ["equal", "equal", "worse"]
    assert planted(0.90, 0.895, 0.70).verdicts() == ["equal", "equal", "worse"], "behind, but within the margin"
    assert planted(0.90, 0.891, 0.70, noise=0.008).verdicts() == ["open", "open", "worse"]
    assert planted(0.90, 0.899, 0.70, rope=0.0).verdicts() == ["open", "open", "worse"], "no margin, nothing is equal"
    assert planted(0.90, 0.80, 0.70).first.tolist() == planted(0.90, 0.80, 0.70).last.tolist() == [1, 2, 3]
    wide = planted(0.90, 0.899, 0.70)
    assert (wide.first.tolist(), wide.last.tolist()) == ([1, 1, 3], [2, 2, 3])


def test_where_nothing_counts_as_equal_what_is_within_the_margin_is_open_not_worse() -> None:
    """The margin still says what is a difference worth telling."""
    assert planted(0.90, 0.895, 0.70, noise=0.0005, equal=False).verdicts() == ["open", "open", "worse"]
    assert planted(0.90, 0.88, 0.70, equal=False).verdicts() == ["better", "worse", "worse"]
    within = planted(0.90, 0.8995, 0.70, noise=0.02).decided_at[1]
    assert planted(0.90, 0.8995, 0.70, noise=0.02, equal=False).decided_at[1] > 50 * within > 0


def test_how_many_seeds_would_decide() -> None:
    """Where the noise is twice as large, four times as many; where there is nothing to be found, none."""
    once, twice = (planted(0.90, 0.887, 0.70, noise=x).decided_at[1] for x in (0.016, 0.032))
    assert 5 < once < twice and twice == pytest.approx(4 * once, abs=4)
    assert planted(0.90, 0.90, 0.70, rope=0.0, noise=0.01).decided_at[:2].tolist() == [0, 0]


@pytest.mark.parametrize("tail", [0.02, 1e-3, 1e-5, 1e-9])
def test_quantiles_of_many_degrees_of_freedom_are_those_of_each(tail: float) -> None:
    dfs = np.geomspace(1, 3000, 2000)
    assert np.abs(best.quantiles(tail, dfs) / -stats.t.ppf(tail, dfs) - 1).max() < 5e-4
    assert best.quantiles(tail, dfs[:50]) == pytest.approx(-stats.t.ppf(tail, dfs[:50]))


@pytest.mark.slow
@pytest.mark.parametrize("spread", [0.0, 0.01])
@pytest.mark.parametrize("seeds", [3, 8])
def test_intervals_to_the_best_allow_for_its_having_been_chosen(seeds: int, spread: float) -> None:
    """The best of 27 is flattered; the interval of one pair, which does not know that, covers too seldom."""
    draw = np.random.default_rng(5)
    covered, alone = [], []
    for _ in range(200):
        truth = draw.normal(0, spread, 27)
        means = paired.compare(truth[:, None] + draw.normal(0, 0.006, (27, seeds)), 0.95, 0.01)
        found = best.with_best(means, np.arange(27))
        others = np.flatnonzero(np.arange(27) != found.best)
        pairs = means.pairs(others, np.full(26, found.best))
        off = np.abs(pairs.delta - (truth[others] - truth[found.best]))
        covered.append(off <= found.reach[others])
        alone.append(off <= pairs.half)
        assert np.isnan(found.reach[found.best])
    assert np.mean(covered) > 0.92
    assert np.mean(alone) < 0.9 or spread
    assert np.mean(alone) < np.mean(covered)
