"""Seeds where a verdict is open: planned looks, who gets more, and how often a race is wrong."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.race import play
from mmbench.schema.params import Race
from mmbench.sweep.rounds.race import Finding, errors, look

LEAST, MOST = 3, 12
RACE = Race(least=LEAST, most=MOST)
Scores = dict[str, dict[int, float]]


def test_looks_are_planned_and_spend_what_is_allowed() -> None:
    assert RACE.looks == (3, 5, 8, 12)
    assert Race(least=2, most=2).looks == (2,)
    assert Race(least=3, most=6).looks == (3, 6), "a look at 5 would leave one seed"
    assert Race(least=3, most=20).looks == (3, 5, 8, 12, 20)
    for race in (RACE, Race(least=3, most=20), Race(least=2, most=7)):
        spent = errors(race, 0.05)
        assert len(spent) == len(race.looks) and sum(spent) == pytest.approx(0.05)


def test_what_is_decided_gets_no_more_seeds() -> None:
    draw = np.random.default_rng(0)
    means = np.array([0.9, 0.899, 0.892, *[0.8] * 24])
    finding, trials = play(means[:, None] + 0.006 * draw.standard_normal((27, MOST)), RACE)
    assert [finding.verdicts[str(i)] for i in range(3, 27)] == ["worse"] * 24
    assert finding.looks[0].decided >= 24, "those far behind are decided at the first look"
    assert sum(trials.values()) <= 27 * LEAST + 3 * (MOST - LEAST)
    assert finding.verdicts["0"] in ("equal", "better")


def _rows(*means: float, noise: float = 0.002, seeds: int = 4) -> Scores:
    """Scores around these means, by the number of the combination."""
    draw = np.random.default_rng(3)
    return {str(i): dict(enumerate((m + noise * draw.standard_normal(seeds)).tolist())) for i, m in enumerate(means)}


def test_what_is_equal_is_looked_at_again_and_what_is_worse_is_not() -> None:
    """One is equal to the best until another one turns out to be better by more than the margin."""
    finding = Finding()
    others = [0.7] * 8
    look(finding, _rows(0.90, 0.898, *others, noise=0.001), seeds=4, error=0.02, rope=0.01)
    assert [finding.verdicts[k] for k in ("0", "1", "2")] == ["equal", "equal", "worse"]
    look(finding, _rows(0.93, 0.898, *[0.93] * 8), seeds=8, error=0.02, rope=0.01)
    assert finding.verdicts["1"] == "worse" and {finding.verdicts[str(i)] for i in range(2, 10)} == {"worse"}


def test_the_best_is_decided_when_all_others_are() -> None:
    """Or a race would stop while nobody knows whether another one is better."""
    finding = Finding()
    look(finding, _rows(0.90, 0.892, 0.7, 0.7, noise=0.006), seeds=4, error=0.02, rope=0.01)
    assert [finding.verdicts[k] for k in "0123"] == ["open", "open", "worse", "worse"]
    look(finding, _rows(0.90, 0.8995, 0.7, 0.7, noise=0.002), seeds=8, error=0.02, rope=0.01)
    assert [finding.verdicts[k] for k in "0123"] == ["equal", "equal", "worse", "worse"]


def test_the_best_has_as_many_seeds_as_the_last_look() -> None:
    """The highest of many means over three seeds is luck, and then all others are open against it."""
    draw = np.random.default_rng(6)
    for _ in range(20):
        values = 0.9 + 0.002 * draw.standard_normal((12, 1)) + 0.005 * draw.standard_normal((12, MOST))
        finding, seeds = play(values, RACE)
        best = max(seeds, key=lambda k: float(values[int(k), : seeds[k]].mean()))
        assert seeds[best] == finding.looks[-1].seeds


def test_where_the_time_is_spent_a_leader_gets_no_more_seeds() -> None:
    draw = np.random.default_rng(6)
    values = 0.9 + 0.002 * draw.standard_normal((12, 1)) + 0.005 * draw.standard_normal((12, MOST))
    whole, seeds = play(values, RACE)
    for paid in range(12 * LEAST, sum(seeds.values())):
        finding, given = play(values, RACE, paid=paid)
        assert finding.over and finding.unpaid and sum(given.values()) <= paid
    assert not whole.unpaid


def test_one_without_any_score_takes_no_part() -> None:
    finding = Finding()
    scores: Scores = {"a": {0: 0.9, 1: 0.91}, "b": {0: 0.5, 1: 0.51}, "broken": {}}
    look(finding, scores, seeds=2, error=0.05, rope=0.01)
    assert finding.verdicts.keys() == {"a", "b"}


@pytest.mark.slow
@pytest.mark.parametrize("noise", ["equal", pytest.param("log-normal", marks=pytest.mark.exhaustive)])
def test_under_the_null_the_whole_race_is_wrong_as_rarely_as_it_says(noise: str) -> None:
    """All are the best, so nobody is worse. 40 races of 27; at 5 % more than 6 would be a chance of 1 %."""
    draw = np.random.default_rng(1)
    wrong = 0
    for _ in range(40):
        own = 0.007 * (np.exp(0.5 * draw.standard_normal(27)) if noise == "log-normal" else np.ones(27))
        finding, _ = play(own[:, None] * draw.standard_normal((27, MOST)), RACE, rope=0.0)
        wrong += "worse" in finding.verdicts.values()
    assert wrong <= 6


@pytest.mark.slow
def test_with_many_methods_apart_it_costs_half_of_a_full_grid() -> None:
    draw = np.random.default_rng(2)
    means = np.linspace(0.84, 0.9, 27)
    kept = trials = 0
    for _ in range(10):
        finding, ran = play(means[:, None] + 0.006 * draw.standard_normal((27, MOST)), RACE)
        trials += sum(ran.values())
        kept += finding.verdicts["26"] != "worse"
    assert kept >= 9
    assert trials / 10 <= 27 * MOST / 2
