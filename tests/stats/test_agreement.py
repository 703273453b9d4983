"""Agreement of errors, and McNemar's test: against scikit-learn, statsmodels and what was planted."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import cohen_kappa_score
from statsmodels.stats.contingency_tables import mcnemar as oracle

from mmbench.stats.agreement import (
    between_methods,
    error_consistency,
    mcnemar,
    over_seeds,
    residual_correlation,
)


def test_kappa_is_scikit_learns_and_the_ratio_that_of_common_errors() -> None:
    draw = np.random.default_rng(0)
    hard = draw.random(500)
    wrong = np.stack([hard + 0.3 * draw.random(500) > t for t in (0.9, 0.8, 1.0)])[:, :, None]
    kappa, ratio = error_consistency(wrong)
    for i in range(3):
        for j in range(3):
            a, b = wrong[i, :, 0], wrong[j, :, 0]
            assert kappa[i, j] == pytest.approx(cohen_kappa_score(a, b))
            assert ratio[i, j] == pytest.approx((a & b).mean() / (a.mean() * b.mean()))


def test_independent_models_share_no_more_errors_than_chance() -> None:
    wrong = np.random.default_rng(1).random((4, 20_000, 1)) < np.array([0.1, 0.2, 0.3, 0.4])[:, None, None]
    kappa, ratio = error_consistency(wrong)
    off = ~np.eye(4, dtype=bool)
    assert np.abs(kappa[off]).max() < 0.03 and ratio[off] == pytest.approx(np.ones(12), abs=0.08)
    assert np.diag(kappa) == pytest.approx(np.ones(4)) and np.diag(ratio) == pytest.approx([10, 5, 10 / 3, 2.5], 0.05)


def plain_agreement(wrong: np.ndarray) -> np.ndarray:
    """Wrong as a measure of likeness: how often both are right or both are wrong."""
    x = wrong[:, :, 0]
    return (x[:, None] == x[None]).mean(2)


def test_two_good_models_do_not_look_alike_for_being_good() -> None:
    wrong = np.random.default_rng(2).random((2, 20_000, 1)) < 0.02
    assert abs(error_consistency(wrong)[0][0, 1]) < 0.05
    assert plain_agreement(wrong)[0, 1] > 0.9, "what the kappa corrects for"


def test_labels_count_each_for_itself() -> None:
    """Rare and common labels mixed would make independent models look alike."""
    draw = np.random.default_rng(3)
    wrong = draw.random((2, 10_000, 2)) < np.array([0.02, 0.5])
    assert abs(error_consistency(wrong)[0][0, 1]) < 0.04
    together = wrong.reshape(2, -1, 1)
    assert error_consistency(together)[0][0, 1] > 0.2, "the check would find labels that are thrown together"
    assert error_consistency(wrong)[1][0, 1] == pytest.approx(1, abs=0.05)


def test_who_never_errs_is_like_nobody() -> None:
    wrong = np.zeros((3, 50, 1), bool)
    wrong[2, :5] = True
    kappa, ratio = error_consistency(wrong)
    assert np.isnan(kappa[0, 1]) and kappa[0, 2] == pytest.approx(0) and np.isnan(ratio[0, 2])


def test_residuals_are_correlated_as_numpy_says() -> None:
    draw = np.random.default_rng(4)
    shared = draw.normal(size=(1, 400, 2))
    off = shared + draw.normal(size=(3, 400, 2)) + 5.0
    expected = np.mean([np.corrcoef(off[:, :, k]) for k in range(2)], axis=0)
    assert residual_correlation(off) == pytest.approx(expected)
    assert np.isnan(residual_correlation(np.zeros((2, 9, 1)))).all()


def test_methods_are_compared_between_trainings_that_share_nothing() -> None:
    """Trials of one seed are alike here: were they compared, two methods would look as alike as one trained twice."""
    method, seed = [0, 0, 1, 1], [0, 1, 0, 1]
    values = np.full((4, 4), 0.3)
    values[0, 2] = values[2, 0] = values[1, 3] = values[3, 1] = 0.9
    values[0, 1] = values[1, 0] = 0.5
    np.fill_diagonal(values, 1.0)
    found = between_methods(values, method, seed)
    assert found == pytest.approx(np.array([[0.5, 0.3], [0.3, 0.3]]))
    one = between_methods(values[np.ix_([0, 2], [0, 2])], [0, 1], [0, 0])
    assert one[0, 1] == 0.9 and np.isnan(one[0, 0])


@pytest.mark.parametrize(("wins", "losses"), [(0, 0), (1, 0), (9, 3), (3, 9), (40, 40), (120, 80)])
def test_mcnemar_of_one_seed_is_statsmodels_and_scipys(wins: int, losses: int) -> None:
    found = mcnemar([(wins, losses)])
    assert found == pytest.approx(oracle([[50, wins], [losses, 7]], exact=True).pvalue)
    if wins + losses:
        assert found == pytest.approx(stats.binomtest(wins, wins + losses).pvalue)


def pooled(counts: list[tuple[int, int]]) -> float:
    """Wrong: the same test samples under several seeds are taken for so many more samples."""
    wins, losses = np.sum(counts, axis=0)
    return mcnemar([(int(wins), int(losses))])


def false_alarms(test: object, draws: int = 600) -> float:
    """Two methods that are equally good, each trained with three seeds that hardly differ."""
    draw, alarms = np.random.default_rng(5), 0
    for _ in range(draws):
        first, second = draw.random((2, 300)) < 0.8
        counts = []
        for _ in range(3):
            a, b = (x ^ (draw.random(300) < 0.01) for x in (first, second))
            counts.append((int((a & ~b).sum()), int((b & ~a).sum())))
        alarms += test(counts) < 0.05  # type: ignore[operator]
    return alarms / draws


def test_several_seeds_are_not_several_times_the_samples() -> None:
    assert false_alarms(mcnemar) <= 0.05
    assert false_alarms(pooled) > 0.1, "the check finds seeds that are counted as samples"


def test_seeds_that_point_in_opposite_ways_decide_nothing() -> None:
    assert mcnemar([(60, 10), (10, 60)]) == 1
    assert mcnemar([(60, 10), (10, 60), (30, 30)]) == 1
    assert mcnemar([(60, 10)] * 3) < 1e-8


def test_p_values_of_seeds_together() -> None:
    assert over_seeds([0.03]) == 0.03
    assert over_seeds([0.03, 0.2]) == 0.2
    assert over_seeds([0.9, 0.03, 0.001]) == pytest.approx(1.5 * 0.03)
    assert over_seeds([0.9, 0.8, 0.7]) == 1
