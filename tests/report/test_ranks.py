"""Ranks over data sets: against published numbers and other libraries, withheld where nothing could be found, flagged
where the grid is incomplete."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from mmbench.report.pages.html import render
from mmbench.report.pages.markdown import render as as_markdown
from mmbench.report.pages.report import Report
from mmbench.report.sections.ranks.compute import rank_table
from mmbench.report.sections.ranks.ladder import ladder
from mmbench.schema.result import State, TrialResult
from mmbench.stats.ranks import friedman, groups, least_wilcoxon, needed, wilcoxon
from pipeline.report import report
from tests.support import small_project
from tests.support.factory import OTHERS, TRUTHS, Truth, make

from .test_build import analysed

HOLLANDER = np.array(
    [5.40, 5.50, 5.55, 5.85, 5.70, 5.75, 5.20, 5.60, 5.50, 5.55, 5.50, 5.40, 5.90, 5.85, 5.70, 5.45, 5.55, 5.60, 5.40,
     5.40, 5.35, 5.45, 5.50, 5.35, 5.25, 5.15, 5.00, 5.85, 5.80, 5.70, 5.25, 5.20, 5.10, 5.65, 5.55, 5.45, 5.60, 5.35,
     5.45, 5.05, 5.00, 4.95, 5.50, 5.50, 5.40, 5.45, 5.55, 5.50, 5.55, 5.55, 5.35, 5.45, 5.50, 5.55, 5.50, 5.45, 5.25,
     5.65, 5.60, 5.40, 5.70, 5.65, 5.55, 6.30, 6.30, 6.25]
).reshape(22, 3)  # fmt: skip
"""Rounding first base, seconds: 22 players, three methods (Hollander and Wolfe 1973, p. 140ff)."""
DEPRESSION = (
    np.array([1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30]),
    np.array([0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29]),
)
"""Hamilton depression scale of nine patients at two visits (Hollander and Wolfe 1973, p. 29f)."""


def test_friedman_of_the_published_example() -> None:
    """R's friedman.test: chi-squared = 11.1429, df = 2, p-value = 0.003805."""
    assert friedman(HOLLANDER) == pytest.approx(0.003805, abs=5e-7)
    assert friedman(HOLLANDER[:, :2]) is None
    assert friedman(np.ones((8, 3))) == 1.0


def test_wilcoxon_of_the_published_example() -> None:
    """R's wilcox.test: V = 40, p-value = 0.03906 (two-sided, twice the 0.01953 of the book)."""
    assert wilcoxon(DEPRESSION[0] - DEPRESSION[1]) == pytest.approx(0.0390625)


def _every_sign(differences: np.ndarray) -> float:
    """Two-sided exact p by enumeration of all signs, zeros left out, ties at mean ranks."""
    kept = differences[differences != 0]
    if len(kept) == 0:
        return 1.0
    ranks = scipy_stats.rankdata(np.abs(kept))
    observed = abs(float((ranks * np.sign(kept)).sum()))
    hits = 0
    for code in range(2 ** len(kept)):
        signed = sum(r if code >> i & 1 else -r for i, r in enumerate(ranks))
        hits += abs(signed) >= observed - 1e-9
    return float(hits) / 2 ** len(kept)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(-4, 4), min_size=1, max_size=9))
def test_wilcoxon_is_exact_also_with_ties_and_zeros(differences: list[int]) -> None:
    x = np.array(differences, float)
    assert wilcoxon(x) == pytest.approx(_every_sign(x))


def test_pairs_agree_with_scikit_posthocs() -> None:
    posthocs = pytest.importorskip("scikit_posthocs", reason="development dependency")
    values = np.random.default_rng(0).normal(size=(9, 4)) + np.array([0, 0.5, 1, 3])
    names = list("abcd")
    table = rank_table("fusion", names, [f"data {i}" for i in range(9)], values, 0.95, 1)
    long = pd.DataFrame(values, columns=names).melt(var_name="level", value_name="score")
    oracle = posthocs.posthoc_wilcoxon(long, val_col="score", group_col="level", p_adjust="holm")
    assert len(table.pairs) == 6
    for p in table.pairs:
        assert p.p_holm == pytest.approx(oracle.loc[p.first, p.second])
    assert {x.level: x.mean_rank for x in table.levels} == pytest.approx(
        dict(zip(names, scipy_stats.rankdata(-values, axis=1).mean(0), strict=True))
    )


def test_the_smallest_p_is_what_perfect_agreement_reaches() -> None:
    for datasets in range(3, 14):
        best = np.arange(1.0, datasets + 1)
        assert least_wilcoxon(datasets) == pytest.approx(wilcoxon(best))
    assert [needed(n, 0.95) for n in (1, 3, 66)] == [6, 7, 12]
    assert least_wilcoxon(3, 66) == 1


@pytest.mark.parametrize(("levels", "datasets"), [(2, 5), (3, 6), (12, 11)])
def test_a_p_value_that_cannot_be_attained_is_withheld(levels: int, datasets: int) -> None:
    names = [f"level {i}" for i in range(levels)]
    values = np.arange(float(levels)) + np.arange(float(datasets))[:, None]
    table = rank_table("fusion", names, [str(i) for i in range(datasets)], values, 0.95, 1)
    assert table.withheld is not None and (table.friedman, table.pairs, table.groups) == (None, (), ())
    assert f"{least_wilcoxon(datasets):.2g}" in table.withheld and str(table.needed) in table.withheld
    assert table.needed == datasets + 1
    # One data set more, and the same agreement is found.
    more = np.arange(float(levels)) * np.arange(1.0, datasets + 2)[:, None]
    found = rank_table("fusion", names, [str(i) for i in range(datasets + 1)], more, 0.95, 1)
    assert found.withheld is None and found.pairs and any(p.apart for p in found.pairs)


def test_groups_join_only_what_is_not_apart() -> None:
    def apart(*pairs: str) -> dict[frozenset[str], bool]:
        every = [frozenset((a, b)) for a in "abcd" for b in "abcd" if a < b]
        return {p: p in {frozenset(x) for x in pairs} for p in every}

    assert groups("abcd", apart()) == (("a", "b", "c", "d"),)
    assert groups("abcd", apart("ad")) == (("a", "b", "c"), ("b", "c", "d"))
    assert groups("abcd", apart("ab", "ac", "ad", "bc", "bd", "cd")) == ()
    assert groups("abcd", apart("ab", "bc", "bd")) == (("a", "c", "d"),)
    many = [str(i) for i in range(40)]
    none = {frozenset((a, b)): False for a in many for b in many if a != b}
    assert groups(many, none) == (tuple(many),)


def test_a_level_beside_the_bracket_is_not_joined() -> None:
    values = np.random.default_rng(1).normal(size=(12, 3)) + np.array([3, 0, 0.1])
    drawn = ladder(rank_table("fusion", list("abc"), [str(i) for i in range(12)], values, 0.95, 1))
    marks = dict(zip([r.name for r in drawn.figure.rows], drawn.brackets, strict=True))
    assert marks["a"] == ("",) and {marks["b"], marks["c"]} == {("start",), ("end",)}
    assert drawn.figure.rows[0].name == "a" and drawn.figure.rows[0].kind == "best"


@pytest.mark.exhaustive
def test_three_data_sets_are_ranked_without_a_test() -> None:
    found = analysed(make())
    assert [t.factor for t in found["ranks"].tables] == ["attention", "fusion", "architecture"]
    assert found["ranks"].finding == (
        "Mean ranks over 3 data sets, which are too few to test; they agree with the means"
    )
    for table in found["ranks"].tables:
        assert table.withheld is not None and "0.25" in table.withheld and "7 data sets" in table.withheld
        assert table.friedman is None and not table.pairs and not table.groups
        assert sum(x.mean_rank for x in table.levels) == pytest.approx(1 + 2 + 3)
    attention = {x.level: x for x in found["ranks"].tables[0].levels}
    assert attention["mean"].mean_rank == 3 and set(attention["mean"].per_dataset) == set(TRUTHS)
    page = render(found)
    assert page.count("No p-value is shown") == 1 and "Friedman’s test that" not in page
    names = [t.name for t in found.tables]
    assert "ranks" in names and "rank_tests" not in names
    assert "No p-value is shown" in as_markdown(found)


def test_eight_data_sets_tell_a_planted_level_apart() -> None:
    truths = {f"data{i}": replace(TRUTHS["synergy"], base=0.6 + 0.02 * i, extra={}) for i in range(8)}
    found = analysed(make(truths=truths, controls=False))
    attention = next(t for t in found["ranks"].tables if t.factor == "attention")
    assert attention.withheld is None and attention.friedman is not None and attention.friedman < 0.01
    apart = {frozenset((p.first, p.second)): p.apart for p in attention.pairs}
    assert apart[frozenset(("additive", "mean"))] and apart[frozenset(("scaled_dot_product", "mean"))]
    page = render(found)
    assert "Friedman’s test that all rank alike" in page and "No p-value is shown" not in page
    assert '<i class="start"' in page
    assert "rank_tests" in [t.name for t in found.tables]


def test_data_sets_with_other_metrics_are_ranked_by_places() -> None:
    """An error and an accuracy: the same levels lead on both, whatever the units."""
    found = analysed(make(truths={"rating": OTHERS["rating"], "synergy": TRUTHS["synergy"]}))
    assert found["ranks"].by == "mean rank"
    attention = {x.level: x.per_dataset for x in found["ranks"].tables[0].levels}
    assert attention["mean"] == {"rating": 3, "synergy": 3}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"truths": {"synergy": TRUTHS["synergy"]}}, "at least two data sets"),
        ({"faults": dict.fromkeys(range(330), State.PENDING)}, "at least two data sets"),
        ({"truths": {n: TRUTHS[n] for n in ("unique", "synergy")},
          "levels": {"attention": ["mean"], "fusion": ["concat"], "architecture": ["shared"]}}, "no two levels"),
    ],
)  # fmt: skip
def test_what_cannot_be_ranked_is_refused_in_words(change: dict[str, object], reason: str) -> None:
    found = analysed(make(**change))  # type: ignore[arg-type]
    assert found["ranks"].tables == () and found["ranks"].refused is not None and reason in found["ranks"].refused
    assert found["ranks"].refused in render(found)
    assert "ranks" not in [t.name for t in found.tables]


def _project(root: Path) -> Path:
    """Two data sets, two attentions, all else as in params.yaml, two seeds; every trial has a score of its own."""
    small_project.make(root)
    small_project.small_data(root / "data" / "prepared" / "other")
    raw = yaml.safe_load((root / "params.yaml").read_text(encoding="utf-8"))
    raw["grid"] |= {
        "datasets": ["small", "other"],
        "seeds": 2,
        "fusion": ["concat"],
        "architecture": ["shared", "hybrid"],
    }
    (root / "params.yaml").write_text(yaml.safe_dump(raw), encoding="utf-8")
    loaded = small_project.read(root)
    rng = np.random.default_rng(0)
    for job in loaded.plan.jobs:
        attention = job.config.attention
        score = round(0.6 + 0.2 * (attention is not None and attention.name == "additive") + 0.01 * rng.normal(), 6)
        result = small_project.result(job)
        scores = {split: {**values, "accuracy": score} for split, values in result.metrics.items()}
        loaded.ledger.write(TrialResult.model_validate({**result.model_dump(), "metrics": scores}))
    return root


def _lose(root: Path, dataset: str, attention: str, architecture: str | None = None, seed: int | None = None) -> int:
    """Delete the ledger files of these cells."""
    lost = 0
    loaded = small_project.read(root)
    for job in loaded.plan.jobs:
        c = job.config
        if c.role != "cell" or c.dataset != dataset or c.attention is None or c.architecture is None:
            continue
        if c.attention.name == attention and architecture in (None, c.architecture.name) and seed in (None, c.seed):
            file = root / "data" / "ledger" / f"{job.trial_id}.json"
            lost += file.exists()
            file.unlink(missing_ok=True)
    return lost


def _flagged(analysis: Report, folder: Path) -> None:
    """Wherever an order of levels or cells is shown, it says that something is missing."""
    assert analysis.context.partial and analysis.headline.startswith("So far: ")
    page = (folder / "report.html").read_text(encoding="utf-8")
    text = (folder / "report.md").read_text(encoding="utf-8")
    assert "This report is partial." in page
    for part, name in ((analysis["ranks"], "ranks"), (analysis["aggregates"].found, "aggregates")):
        if part.refused is not None:
            assert not part.tables and part.refused in page and not (folder / "tables" / f"{name}.csv").exists()
            continue
        assert part.dropped and part.finding.endswith("(incomplete grid)")
        assert pd.read_csv(folder / "tables" / f"{name}.csv")["incomplete"].notna().all()
        assert "incomplete" in (folder / "tables" / f"{name}.tex").read_text(encoding="utf-8")
    shown = sum(part.refused is None for part in (analysis["ranks"], analysis["aggregates"].found))
    assert page.count("<b>The grid is incomplete.</b>") == text.count("**The grid is incomplete:**") == shown


@pytest.mark.exhaustive
def test_deleted_ledger_files_are_flagged_wherever_something_is_ranked(tmp_path: Path) -> None:
    root = _project(tmp_path)
    _, whole, page = report(root)
    assert not whole.context.partial and whole["ranks"].dropped == whole["aggregates"].found.dropped == ()
    assert "The grid is incomplete" not in page.read_text(encoding="utf-8")
    assert [x.level for x in whole["ranks"].tables[0].levels] == ["additive", "mean"]
    assert whole["ranks"].tables[0].contexts == 2

    # One run of one cell: the cell leaves every comparison, and only the setting that is left whole is ranked.
    assert _lose(root, "other", "additive", "shared", seed=1) == 1
    _, found, page = report(root)
    _flagged(found, page.parent)
    assert found["ranks"].tables[0].contexts == 1 and "1 of 4 combinations" in found["ranks"].dropped[0]
    row = found.context.dataset("other").row("additive + concat · shared")
    assert row.rank is None and row.in_top is None and row.state == "partial"
    assert found.context.overall is not None
    assert [r.rank for r in found.context.overall.rows if r.key == row.key] == [None]

    # Every cell of one attention on one data set: there is nothing left to compare it by.
    assert _lose(root, "other", "additive") == 3
    _, found, page = report(root)
    _flagged(found, page.parent)
    assert "attention" not in {t.factor for t in found["ranks"].tables}

    # A whole data set.
    assert _lose(root, "other", "mean") == 4
    _, found, page = report(root)
    _flagged(found, page.parent)
    assert found["ranks"].refused and found["aggregates"].found.refused


def test_a_data_set_without_a_complete_cell_is_named() -> None:
    third = 3 * 39
    faults = dict.fromkeys(range(third), State.PENDING)
    found = analysed(make(faults=faults))
    assert found["ranks"].datasets == ("unique", "synergy")
    assert found["ranks"].dropped[0] == "no combination is complete on redundant, which is left out"
    assert found["ranks"].finding.endswith("(incomplete grid)")


def test_equal_levels_share_a_rank() -> None:
    flat = Truth(base=0.7, single={"image": 0.5, "audio": 0.5})
    found = analysed(make(truths={"one": flat, "two": flat}, noise=0.0))
    assert {x.mean_rank for t in found["ranks"].tables for x in t.levels} == {2.0}
