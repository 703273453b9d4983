"""The page of one combination in a real browser: what stands behind its score, and how to repeat it."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from urllib.parse import urlencode

import numpy as np
import pytest
from click.testing import CliRunner
from playwright.sync_api import Browser, Page

from mmbench.cli.run import run
from mmbench.report.build import analyse
from mmbench.report.pages.cell_page import DETAILED, detailed
from mmbench.report.pages.html import render
from mmbench.report.pages.report import Report
from mmbench.report.scores.commands import command
from mmbench.stats.breakdown import Breakdown, breakdown
from tests.support.factory import OTHERS, TRUTHS, make

KEY = "additive + concat · shared"
CLASSES = ("low", "mid & dle", "high")


@pytest.fixture(scope="module")
def analysis() -> Report:
    truths = {"redundant": TRUTHS["redundant"], "mood": OTHERS["mood"]}
    return analyse(**make(truths=truths, seeds=3).arguments())


def found() -> Breakdown:
    draw = np.random.default_rng(0)
    truth = draw.integers(0, 3, 600)
    answers = np.where(draw.random(600) < 0.8, truth, (truth + 1) % 3)
    return breakdown("classes", CLASSES, [(np.eye(3)[answers], truth)] * 2)


@pytest.fixture(scope="module")
def address(analysis: Report, tmp_path_factory: pytest.TempPathFactory) -> str:
    numbers = breakdown("numbers", ("x",), [(np.array([[1.0], [2.5]]), np.array([[1.0], [2.0]]))])
    file = tmp_path_factory.mktemp("detail") / "report.html"
    text = render(analysis, breakdowns={"redundant": {KEY: found()}, "mood": {KEY: numbers}})
    file.write_text(text, encoding="utf-8")
    return file.as_uri()


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    context = browser.new_context(
        offline=True, viewport={"width": 1280, "height": 900}, permissions=["clipboard-read", "clipboard-write"]
    )
    opened = context.new_page()
    opened.goto(f"{address}#{urlencode({'cell': KEY, 'page': '1'})}")
    yield opened
    context.close()


def test_only_the_best_and_the_controls_are_detailed(analysis: Report) -> None:
    asked = detailed(analysis.context)
    for d in analysis.context.datasets:
        assert set(asked[d.name]) == {r.key for r in (*d.cells[:DETAILED], *d.controls)}
        assert asked[d.name][KEY] == [s.trial_id for s in d.row(KEY).seeds]


@pytest.mark.slow
@pytest.mark.browser
def test_the_matrix_and_each_class(page: Page) -> None:
    made = found()
    assert made.matrix is not None
    shown = page.locator("#detail .confusion tbody td").evaluate_all("all => all.map(e => e.dataset.tip)")
    assert shown[1] == f"low taken for mid & dle: {made.matrix[0][1]} of {sum(made.matrix[0])}"
    assert shown[0] == f"low found as low: {made.matrix[0][0]} of {sum(made.matrix[0])}"
    rows = page.locator("#detail table:not(.confusion)").filter(has_text="Precision").locator("tbody tr")
    for row, target in zip(rows.all_inner_texts(), made.targets, strict=True):
        precision, recall, f1, samples = target.values
        assert row.split("\t") == [target.name, f"{precision:.3f}", f"{recall:.3f}", f"{f1:.3f}", f"{samples:.0f}"]
    assert "Mean absolute error" in page.inner_text("#detail"), "and of numbers their errors"


@pytest.mark.slow
@pytest.mark.browser
def test_validation_stands_beside_test(page: Page, analysis: Report) -> None:
    d = analysis.context.dataset("redundant")
    row = d.row(KEY)
    assert row.validation is not None
    assert f"{d.scale.number(row.validation.mean)} {d.scale.plus_minus(row.validation.half)} on validation" in (
        page.inner_text("#detail")
    )
    table = page.locator("#detail table").filter(has_text="Validation").first
    assert table.locator("thead").inner_text().split() == ["Seed", "Test", "Validation", "Epoch", "Trial", "id"]
    for seed, text in zip(row.seeds, table.locator("tbody tr").all_inner_texts(), strict=True):
        assert text.split()[:3] == [str(seed.seed), d.scale.number(seed.value), d.scale.number(seed.validation)]


@pytest.mark.slow
@pytest.mark.browser
def test_commands_are_those_that_the_program_takes(page: Page, analysis: Report) -> None:
    """For every method; the text of the page is that of the report's own table, and the options exist."""
    context = analysis.context
    shown = page.locator("#detail .again code").all_inner_texts()
    assert shown == [command(context, d.name, context.methods[KEY]) for d in context.datasets]
    page.locator("#detail .again button").first.click()
    assert page.evaluate("navigator.clipboard.readText()") == shown[0]
    for key, method in context.methods.items():
        page.evaluate("hash => (location.hash = hash)", urlencode({"cell": key}))
        names = [d.name for d in context.datasets if any(r.key == key for r in d.rows)]
        wanted = [command(context, name, method) for name in names]
        page.wait_for_function(
            "text => [...document.querySelectorAll('.again code')].map(e => e.textContent).join() === text",
            arg=",".join(wanted),
        )
    known = set(re.findall(r"--[a-z-]+", CliRunner().invoke(run, ["--help"]).output))
    assert {word for word in shlex.split(shown[0]) if word.startswith("--")} <= known


@pytest.mark.slow
@pytest.mark.browser
def test_the_configuration_stands_once(page: Page) -> None:
    terms = page.locator("#detail dl dt").all_inner_texts()
    assert len(terms) == len(set(terms)) and "learning_rate" in terms
    assert page.locator("#detail dl").count() == 1


@pytest.mark.slow
@pytest.mark.browser
def test_seeds_and_costs_are_told_in_words(page: Page, analysis: Report) -> None:
    d = analysis.context.dataset("redundant")
    first = d.row(KEY).seeds[0]
    tip = page.locator("#detail .seed").first.get_attribute("data-tip")
    assert tip == f"Seed 0: accuracy {d.scale.number(first.value)}"
    assert "× the best’s)" in page.inner_text("#detail")
    assert "memory" not in page.inner_text("#detail"), "the same for every model on a CPU"
    page.evaluate(
        "hash => (location.hash = hash)", urlencode({"cell": KEY, "runs": "http://127.0.0.1:5000/#/experiments/1"})
    )
    link = page.locator("#detail a", has_text="in MLflow")
    assert link.get_attribute("href") == "http://127.0.0.1:5000/#/experiments/1/runs?workflowType=machine_learning"


def test_what_is_told_stays_small(analysis: Report) -> None:
    """A hundred methods with the largest matrix there is take less than 150 kB."""
    draw = np.random.default_rng(1)
    truth = draw.integers(0, 12, 5000)
    one = breakdown("classes", [f"class {i}" for i in range(12)], [(draw.random((5000, 12)), truth)])
    plain = len(render(analysis))
    d = analysis.context.datasets[0]
    told = {r.key: one for r in d.cells}
    assert (len(render(analysis, breakdowns={d.name: told})) - plain) / len(told) * DETAILED < 150_000
    assert json.dumps(detailed(analysis.context))
