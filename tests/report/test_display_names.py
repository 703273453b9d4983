"""Tables and the Markdown report name methods as people read them; CSV has the names of settings and titles."""

from __future__ import annotations

import re

import pandas as pd
import pytest

from mmbench.report.build import analyse
from mmbench.report.pages import markdown
from mmbench.report.pages.report import Report
from mmbench.report.values import titles
from mmbench.schema.result import State
from tests.support.cost_curves import example
from tests.support.factory import TRUTHS, make

SETTING = re.compile(
    r"scaled_dot_product|early_concat|cross_attention|mean \+|mean ·|(linear|majority|kernel_svm) baseline\b"
)


@pytest.fixture(scope="module")
def report() -> Report:
    truths = {n: TRUTHS[n] for n in ("redundant", "unique")}
    made = make(truths=truths, seeds=4, noise=0.006, faults={0: State.FAILED})
    return analyse(**made.arguments(), profiles=(example(),))


def test_no_table_prints_the_name_of_a_setting(report: Report) -> None:
    assert {"cells_unique", "overall", "questions", "effects", "pareto", "samples_unique", "length_cpu"} <= {
        t.name for t in report.tables
    } | {"samples_unique"}
    for table in report.tables:
        said = [*map(str, table.shown.columns), table.caption, *(str(v) for v in table.shown.to_numpy().ravel())]
        assert not [s for s in said if SETTING.search(s)], table.name


def test_no_level_stands_in_a_table_by_its_name(report: Report) -> None:
    """`concat` and `mean` are words, too: in these columns they would be names."""
    columns = {"level", "better", "other", "subject", "reference", "minus", "attention"}
    names = {level for f in report.context.factors for level in f.levels if titles.level(f.name, level) != level}
    assert {"concat", "mean", "shared"} <= names
    for table in report.tables:
        for column in columns & set(table.shown.columns):
            assert not names & set(table.shown[column]), (table.name, column)


def test_the_markdown_report_does_not_either(report: Report) -> None:
    assert not SETTING.findall(markdown.render(report))


def test_csv_has_both(report: Report) -> None:
    tables = {t.name: t.raw for t in report.tables}
    for name in ("cells_unique", "overall", "pareto", "picks", "metrics_unique"):
        raw = tables[name]
        assert list(raw["title"]) == [titles.titled(key) for key in raw["method"]], name
        assert any("_" in key for key in raw["method"]) and not any("_" in t for t in raw["title"])
    means: pd.DataFrame = tables["marginal_means"]
    assert [titles.level(f, lv) for f, lv in zip(means["factor"], means["level"], strict=True)] == list(means["title"])
    choices = tables["choices"]
    assert "scaled dot-product" in {*choices["subject_title"], *choices["reference_title"]}
    assert "scaled_dot_product" in {*choices["subject"], *choices["reference"]}
