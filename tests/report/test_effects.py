"""The variance table against statsmodels, on complete grids and on grids with holes."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations, product

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from statsmodels.stats.anova import anova_lm

from mmbench.report.pages.html import render
from mmbench.report.scores.effects import _finding as heading_of
from mmbench.stats.variance import NOISE, Term, variance_terms
from tests.support.factory import TRUTHS, Truth, make

from .test_build import analysed

FACTORS = ("attention", "fusion", "architecture")


def _grid(holes: tuple[int, ...] = ()) -> tuple[dict[str, tuple[str, ...]], np.ndarray]:
    cells = [c for i, c in enumerate(product("abc", "defg", "hi")) if i not in holes]
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(len(cells), 3)) + np.array([[ord(c[0]) + 2 * (c[1] == "d")] for c in cells])
    return {f: tuple(c[i] for c in cells) for i, f in enumerate(FACTORS)}, scores


def _oracle(table: dict[str, tuple[str, ...]], scores: np.ndarray, formula: str) -> pd.DataFrame:
    long = pd.DataFrame(table).loc[np.repeat(np.arange(len(scores)), scores.shape[1])]
    return anova_lm(smf.ols(formula, long.assign(y=scores.ravel())).fit(), typ=2)


def test_a_complete_grid_agrees_with_statsmodels_and_sums_to_one() -> None:
    table, scores = _grid()
    oracle = _oracle(table, scores, "y ~ attention * fusion * architecture")
    terms = [*((f,) for f in FACTORS), *combinations(FACTORS, 2), FACTORS]
    found = variance_terms(table, scores, terms)
    total = oracle["sum_sq"].sum()
    for term in found[:-1]:
        line = oracle.loc[":".join(term.factors)]
        assert term.share == pytest.approx(line["sum_sq"] / total)
        assert term.p == pytest.approx(line["PR(>F)"])
        noise = oracle.loc["Residual", "sum_sq"] / oracle.loc["Residual", "df"]
        assert term.omega2 == pytest.approx(max((line["sum_sq"] - line["df"] * noise) / (total + noise), 0))
    assert sum(t.share for t in found) == pytest.approx(1)
    assert found[-1].share == pytest.approx(oracle.loc["Residual", "sum_sq"] / total)


def test_a_grid_with_holes_agrees_with_statsmodels_type_ii() -> None:
    table, scores = _grid(holes=(3, 10))
    terms = [*((f,) for f in FACTORS), *combinations(FACTORS, 2)]
    oracle = _oracle(table, scores, "y ~ (attention + fusion + architecture)**2")
    total = ((scores - scores.mean()) ** 2).sum()
    *found, rest, noise = variance_terms(table, scores, terms)
    left = oracle.loc["Residual", "sum_sq"] / total
    assert (rest.label, rest.share + noise.share) == ("higher interactions", pytest.approx(left))
    for term in found:
        line = oracle.loc[":".join(term.factors)]
        assert (term.df, term.share) == (line["df"], pytest.approx(line["sum_sq"] / total))


@pytest.mark.parametrize("datasets", [2, 5, 8, 12])
def test_a_hole_over_many_data_sets_takes_no_effect_away(datasets: int) -> None:
    """Rounding in so many dependent columns must not be taken for rank: then whole effects lose theirs."""
    cells = [(*c, f"d{d}") for d in range(datasets) for c in product("abc", "def", "ghi") if c != ("a", "e", "i")]
    rng = np.random.default_rng(datasets)
    scores = rng.normal(size=(len(cells), 2)) + np.array([[3.0 * (c[0] == "a") + ord(c[3][1])] for c in cells])
    names = (*FACTORS, "dataset")
    table = {f: tuple(c[i] for c in cells) for i, f in enumerate(names)}
    terms = [("dataset",), *((f,) for f in FACTORS), *combinations(FACTORS, 2), *((f, "dataset") for f in FACTORS)]
    oracle = _oracle(
        table, scores, "y ~ (attention + fusion + architecture)**2 + (attention + fusion + architecture) * dataset"
    )
    found = {t.factors: t for t in variance_terms(table, scores, terms, "dataset")}
    total = ((scores - scores.mean()) ** 2).sum() - oracle.loc["dataset", "sum_sq"]
    for term in terms[1:]:
        line = oracle.loc[":".join(term)]
        assert (found[term].df, found[term].share) == (line["df"], pytest.approx(line["sum_sq"] / total))


def test_planted_effects_are_found_and_absent_ones_are_not() -> None:
    truth = Truth(base=0.7, attention={"additive": 0.05}, fusion={"concat": 0.02}, single={"image": 0.5, "audio": 0.5})
    (table,) = analysed(make(truths={"only": truth}, noise=0.005)).context.effects.per_dataset
    found = {t.factors: t for t in table.terms}
    assert table.finding.startswith("What explains the variance: which attention")
    assert found[("attention",)].omega2 > 0.7 > found[("fusion",)].omega2 > 0.05
    assert found[("architecture",)].p > 0.001 and found[FACTORS].p > 0.001
    means = {(m.factor, m.level): m.score for m in table.means}
    gap = means["attention", "additive"].mean - means["attention", "mean"].mean
    assert gap == pytest.approx(0.05, abs=0.005)
    assert means["architecture", "shared"].n == 3


def test_where_seed_noise_is_all_there_is_the_heading_says_so() -> None:
    terms = [
        Term(factors=("attention",), label="attention", df=2, share=0.14, omega2=0.0, p=0.4),
        Term(factors=("fusion",), label="fusion", df=2, share=0.1, omega2=0.0, p=0.6),
        Term(factors=NOISE, label="seed noise", df=9, share=0.76, omega2=None, p=None),
    ]
    said = "No axis stands out from seed noise: of the variance, attention (14 %), then fusion (10 %); seed noise 76 %"
    assert heading_of(terms, ()) == said
    terms[0] = replace(terms[0], p=0.01)
    assert heading_of(terms, ()).startswith("What explains the variance: attention (14 %)")


@pytest.mark.parametrize(("additive", "first"), [(0.05, "having attention"), (-0.05, "which attention")])
def test_having_attention_and_which_are_two_lines(additive: float, first: str) -> None:
    """Two mechanisms that are as good as each other and better than none; or one that is worse than the other."""
    effects = {"additive": additive, "scaled_dot_product": 0.05}
    truth = Truth(base=0.7, attention=effects, single={"image": 0.5, "audio": 0.5})
    report = analysed(make(truths={"only": truth}, noise=0.002))
    (table,) = report.context.effects.per_dataset
    split = dict(table.split)
    whole = next(t.share for t in table.terms if t.factors == ("attention",))
    assert sum(split.values()) == pytest.approx(whole) and max(split, key=lambda name: split[name]) == first
    assert split[first] > 0.7 * whole
    assert table.finding.startswith(f"What explains the variance: {first}")
    (shown,) = (t for t in report.tables if t.name == "effects")
    told = shown.raw.label.tolist()
    assert told[told.index("attention") + 1 :][:2] == ["having attention", "which attention"]
    assert '<tr class="part"><th scope="row">having attention' in render(report)


def test_the_winner_changes_only_where_it_does() -> None:
    assert analysed(make()).context.effects.winner_changes is True
    same = {"one": TRUTHS["synergy"], "two": TRUTHS["synergy"]}
    found = analysed(make(truths=same)).context.effects
    assert found.winner_changes is False
    best = "additive + cross_attention · independent"
    assert found.winner_sentence == f"The winner does not change with the data set: {best} is best on each of them."
    noisy = analysed(make(noise=0.02)).context
    assert noisy.effects.winner_changes is False
    shared = set.intersection(*(set(d.top) for d in noisy.datasets))
    assert shared and not all(len(d.top) == 1 for d in noisy.datasets)
    assert noisy.effects.winner_sentence.startswith("The winner may be the same on all ")
    assert noisy.effects.winner_sentence.endswith(" not worse than the best on any of them.")
    assert analysed(make(truths={"one": TRUTHS["synergy"]})).context.effects.winner_changes is None


def test_an_interaction_with_the_data_set_shows_in_the_blocked_table() -> None:
    blocked = analysed(make()).context.effects.blocked
    assert blocked is not None
    found = {t.factors: t for t in blocked.terms}
    assert found["fusion", "dataset"].share > found["architecture", "dataset"].share > 0
    assert ("dataset",) not in found
