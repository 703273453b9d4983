"""Summaries over data sets: against plain loops, refused and flagged where the ledger is too small or has holes."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats as scipy_stats

from mmbench.report.pages.html import render
from mmbench.report.pages.report import Report
from mmbench.schema.result import State
from mmbench.stats.bootstrap import bootstrap, improvement, iqm, profile, thresholds_of, wins
from mmbench.stats.hypervolume import hypervolume
from tests.support.factory import OTHERS, TRUTHS, make

from .test_build import analysed


@pytest.fixture(scope="module")
def whole() -> Report:
    return analysed(make())


def _iqm(runs: list[float]) -> float:
    """The mean without the lowest and the highest quarter."""
    ordered = sorted(runs)
    cut = len(ordered) // 4
    return math.fsum(ordered[cut : len(ordered) - cut]) / (len(ordered) - 2 * cut)


def _improvement(first: np.ndarray, second: np.ndarray) -> float:
    """Every run of the first against every run of the second, setting by setting, data set by data set."""
    by_dataset = []
    for one, other in zip(first.tolist(), second.tolist(), strict=True):
        by_setting = []
        for x, y in zip(one, other, strict=True):
            won = 0.0
            for a in x:
                for b in y:
                    won += 1.0 if a > b else 0.5 if a == b else 0.0
            by_setting.append(won / (len(x) * len(y)))
        by_dataset.append(math.fsum(by_setting) / len(by_setting))
    return math.fsum(by_dataset) / len(by_dataset)


def _profile(runs: np.ndarray, threshold: float) -> float:
    shares = []
    for part in runs.tolist():
        values = [v for row in part for v in row]
        shares.append(sum(v > threshold for v in values) / len(values))
    return math.fsum(shares) / len(shares)


@pytest.mark.parametrize("shape", [(1, 1, 3), (2, 4, 3), (3, 9, 5), (4, 1, 2), (2, 7, 2)])
@pytest.mark.parametrize("ties", [False, True])
def test_the_numbers_agree_with_plain_loops(shape: tuple[int, int, int], ties: bool) -> None:
    rng = np.random.default_rng(sum(shape))
    first, second = rng.normal(0.8, 0.05, size=(2, *shape)).round(2 if ties else 12)
    assert abs(float(iqm(first.ravel())) - _iqm(first.ravel().tolist())) <= 1e-12
    assert abs(improvement(first, second) - _improvement(first, second)) <= 1e-12
    assert improvement(first, second) + improvement(second, first) == pytest.approx(1, abs=1e-12)
    thresholds = np.array([0.7, 0.78, 0.8, 0.81, 0.9])
    expected = [_profile(first, float(t)) for t in thresholds]
    np.testing.assert_allclose(profile(first, thresholds), expected, atol=1e-12)


def test_the_probability_is_mann_whitneys() -> None:
    first, second = np.random.default_rng(0).normal(size=(2, 1, 1, 6))
    u = scipy_stats.mannwhitneyu(first.ravel(), second.ravel()).statistic
    assert improvement(first, second) == pytest.approx(u / 36)


@pytest.mark.slow
def test_the_whole_analysis_agrees_with_the_frame(whole: Report) -> None:
    """From the ledger's rows alone, with plain loops."""
    frame = whole.context.frame[whole.context.frame["role"] == "cell"]
    seen = 0
    for table in whole["aggregates"].found.tables:
        column = "method" if table.factor == "cell" else table.factor
        others = [] if table.factor == "cell" else [f for f in ("attention", "fusion", "architecture") if f != column]

        def runs(name: str, column: str = column, others: list[str] = others) -> np.ndarray:
            part = frame[frame[column] == name].sort_values(["dataset", *others, "seed"])
            return part["test_accuracy"].to_numpy(float).reshape(3, -1, 3)

        for m in table.members:
            assert m.iqm.value == pytest.approx(_iqm(runs(m.name).ravel().tolist()), abs=1e-12)
            if m.improvement is not None:
                expected = _improvement(runs(table.first), runs(m.name))
                assert m.improvement.value == pytest.approx(expected, abs=1e-12)
                seen += 1
            for t, share in zip(table.thresholds, m.profile, strict=True):
                assert share == pytest.approx(_profile(runs(m.name), t), abs=1e-12)
    assert seen == 2 + 2 + 2 + 5


def test_the_bootstrap_draws_the_same_seeds_for_all_methods_within_each_data_set() -> None:
    one, again = bootstrap(3, 4, 0.95), bootstrap(3, 4, 0.95)
    assert (one.drawn == again.drawn).all() and one.drawn.shape == (1000, 3, 3)
    assert one.weights.shape == (1000, 3, 4) and np.allclose(one.weights.sum(2), 1)
    # What a seed does to all alike cancels in the comparison: shifting seeds changes nothing within a pair of one seed.
    rng = np.random.default_rng(1)
    first = rng.normal(size=(3, 5, 4))
    found = wins(first, first - 10)
    assert (found == 1).all()


def test_the_spread_of_resampled_means_is_the_standard_error() -> None:
    """With as many draws as seeds it would be too small by (S - 1) / S; three settings, so that nothing is trimmed."""
    rng = np.random.default_rng(2)
    runs = rng.normal(size=(2, 1, 3))[:, :, :]
    boot = bootstrap(2, 3, 0.95, resamples=40_000)
    means = np.stack([boot.weights[:, d] @ runs[d, 0] for d in range(2)]).mean(0)
    expected = np.sqrt(sum(runs[d, 0].var(ddof=1) / 3 for d in range(2))) / 2
    assert means.std() == pytest.approx(expected, rel=0.02)


def test_no_interval_where_no_resample_differs() -> None:
    """All runs of one above all of the other: the seeds at hand cannot tell how sure that is."""
    first = np.random.default_rng(3).normal(size=(2, 3, 3))
    found = bootstrap(2, 3, 0.95).improvement(first + 100, first)
    assert (found.value, found.low, found.high) == (1.0, None, None)


def test_planted_levels_lead(whole: Report) -> None:
    table = whole["aggregates"].found.tables[0]
    assert (table.factor, table.first) == ("attention", "additive")
    mean = next(m for m in table.members if m.name == "mean")
    assert mean.improvement is not None and mean.improvement.value > 0.95
    best = whole["aggregates"].found.tables[-1]
    assert whole.context.overall is not None
    assert best.factor == "cell" and {m.name for m in best.members} == {r.key for r in whole.context.overall.rows[:6]}
    for m in (m for t in whole["aggregates"].found.tables for m in t.members):
        assert all(a <= b <= c for a, b, c in zip(m.profile_low, m.profile, m.profile_high, strict=True))
        assert list(m.profile) == sorted(m.profile, reverse=True)


def test_errors_are_turned_and_other_metrics_become_places() -> None:
    errors = {"one": OTHERS["rating"], "two": OTHERS["rating"]}
    found = analysed(make(truths=errors))["aggregates"].found
    assert found.scale.is_ranks and found.tables[0].first == "additive"
    for table in found.tables:
        middles = [m.iqm.value for m in table.members]
        assert middles == sorted(middles), "a lower rank is better"
        assert all(m.iqm.low is None or m.iqm.low <= m.iqm.value <= m.iqm.high for m in table.members)  # type: ignore[operator]
        assert list(table.thresholds) == sorted(table.thresholds, reverse=True)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"seeds": 1}, "With one seed"),
        ({"truths": {"synergy": TRUTHS["synergy"]}}, "at least two data sets"),
        ({"faults": dict.fromkeys(range(330), State.FAILED)}, "at least two data sets"),
    ],
)
def test_what_cannot_be_summarised_is_refused_in_words(change: dict[str, object], reason: str) -> None:
    found = analysed(make(**change))  # type: ignore[arg-type]
    assert found["aggregates"].found.tables == ()
    assert found["aggregates"].found.refused is not None and reason in found["aggregates"].found.refused
    assert found["aggregates"].found.refused in render(found)
    assert "aggregates" not in [t.name for t in found.tables]


def test_holes_are_left_out_for_all_and_named() -> None:
    """A failed cell takes its setting from every level, so that no level is judged on easier settings."""
    found = analysed(make(faults={0: State.FAILED}))["aggregates"].found
    by_factor = {t.factor: t for t in found.tables}
    assert by_factor["attention"].contexts == 8 and {m.runs for m in by_factor["attention"].members} == {8 * 9}
    assert found.dropped and found.dropped[0].startswith("1 of 27 combinations not complete on every data set")
    assert found.finding.endswith("(incomplete grid)")


def test_rounds_of_seeds_that_are_not_done_yet_are_named() -> None:
    truths = {n: TRUTHS[n] for n in ("unique", "synergy")}
    late = [i for i, job in enumerate(make(truths=truths).plan.jobs) if job.config.seed == 2]
    found = analysed(make(truths=truths, faults=dict.fromkeys(late, State.PENDING)))
    assert found["aggregates"].found.seeds == (0, 1)
    assert found["aggregates"].found.dropped == ("2 of 3 seeds done by all that is compared",)
    assert found["ranks"].dropped == found["aggregates"].found.dropped


def test_thresholds_are_not_stretched_by_a_run_that_never_learned() -> None:
    runs = np.append(np.linspace(0.8, 0.9, 99), 0.1)
    found = thresholds_of(runs)
    assert found[0] > 0.79 and found[-1] == 0.9 and (np.diff(found) > 0).all()


def test_the_hypervolume_is_a_share_of_the_box() -> None:
    """Scores 0, 0.5 and 1 at costs of 1, 10 and 100: the middle one dominates a half by a half."""
    assert hypervolume([0.0, 0.5, 1.0], [1, 10, 100]) == pytest.approx(0.25)
    assert hypervolume([0.0, 1.0, 1.0], [1, 1, 100]) == pytest.approx(1)
    assert hypervolume([0.5, 0.5], [1, 10]) is None and hypervolume([0.5], [1]) is None
    # Neither the unit of cost nor that of the score matters.
    rng = np.random.default_rng(4)
    scores, costs = rng.normal(size=20), rng.lognormal(size=20)
    assert hypervolume(7 * scores + 3, 1000 * costs) == pytest.approx(hypervolume(scores, costs))


def test_fronts_have_a_hypervolume(whole: Report) -> None:
    shares = [f.hypervolume for d in whole.context.datasets for f in d.fronts]
    assert len(shares) == 12 and all(s is not None and 0 < s <= 1 for s in shares)
