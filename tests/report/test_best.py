"""Comparisons with the best: exact where there is a reference, and as sure as they say on planted truths."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from mmbench.report.stats import best, paired

ALL = np.arange(12)


def scores(means: np.ndarray, noise: np.ndarray, seeds: int, draw: np.random.Generator) -> np.ndarray:
    """Every method has noise of its own; a seed moves all of them alike."""
    shared = 0.003 * draw.standard_normal(seeds)
    return means[:, None] + noise[:, None] * draw.standard_normal((len(means), seeds)) + shared


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
        replicates=7,
        confidence=0.95,
        rope=0.0,
    )
    found = best.with_best(means, np.arange(5))
    assert found.p[0] == pytest.approx(expected, abs=0.003)


def test_two_methods_are_one_comparison() -> None:
    means = paired.compare(np.random.default_rng(1).standard_normal((2, 6)) + np.array([[0.0], [1.0]]), 0.95, 0.0)
    delta, _, p = means.pairs(np.array([1]), np.array([0]))
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
        kept += bool(found.may_be_best(0.95)[means.argmax()])
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
        subset = best.with_best(compared, everything).may_be_best(0.95)
        group = compared.tied(int(compared.mean.argmax()), everything)
        assert subset[26]
        sizes.append((subset.sum(), group.sum()))
    subset, group = np.mean(sizes, axis=0)
    assert subset < 0.8 * group


def test_with_one_seed_or_one_method_nothing_is_known_and_without_noise_all_is() -> None:
    one = paired.compare(np.array([[0.1], [0.2]]), 0.95, 0.0)
    assert np.isnan(best.with_best(one, np.arange(2)).p).all()
    assert best.with_best(one, np.arange(2)).may_be_best(0.95).all(), "nobody is excluded"
    exact = paired.compare(np.array([[0.1, 0.1, 0.1], [0.2, 0.2, 0.2], [0.2, 0.2, 0.2]]), 0.95, 0.0)
    assert best.with_best(exact, np.arange(3)).may_be_best(0.95).tolist() == [False, True, True]
