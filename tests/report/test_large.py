"""The full space of 17 x 17 x 6 cells on one seed: the report stays readable, and claims nothing."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from mmbench.registry import variants
from mmbench.report.build import analyse
from mmbench.report.draw.lines import HUES
from mmbench.report.pages.html import render
from mmbench.report.pages.report import Report
from mmbench.schema.result import State
from tests.support.factory import TRUTHS, make
from tests.support.reports import answer

AXES = ("attention", "fusion", "architecture")
FAULTS = {5: State.FAILED, 250: State.DIVERGED, 700: State.TIMEOUT, 1000: State.PENDING, 1500: State.SKIPPED}

pytestmark = pytest.mark.exhaustive


@pytest.fixture(scope="module")
def analysis() -> Report:
    levels = {axis: list(variants(axis)) for axis in AXES}
    families = {name: info.cls.family for name, info in variants("fusion").items()}
    made = make(truths={"synergy": TRUTHS["synergy"]}, seeds=1, levels=levels, families=families, faults=FAULTS)
    return analyse(**made.arguments())


@pytest.fixture(scope="module")
def report(analysis: Report, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("large") / "report.html"
    path.write_text(render(analysis), encoding="utf-8")
    return path


@pytest.fixture
def page(browser: Browser, report: Path, request: pytest.FixtureRequest) -> Iterator[Page]:
    context = browser.new_context(offline=True, viewport={"width": request.param, "height": 900})
    opened = context.new_page()
    opened.goto(report.as_uri())
    yield opened
    context.close()


def test_one_seed_claims_nothing(analysis: Report) -> None:
    (dataset,) = analysis.context.datasets
    ranked = [r for r in dataset.cells if r.ranked]
    assert len(ranked) == 17 * 17 * 6 - len(FAULTS)
    assert [r.rank for r in ranked] == list(range(1, len(ranked) + 1))
    assert {(r.rank_low, r.rank_high) for r in ranked} == {(1, len(ranked))}
    assert {r.verdict for r in ranked} == {None}
    assert "one seed decides nothing" in analysis.headline
    headings = [q.finding for q in analysis["questions"].found] + [
        e.finding for e in analysis.context.effects.per_dataset
    ]
    assert all(text.startswith("One seed does not decide") for text in headings), headings
    assert {d.verdict for q in analysis["questions"].found for ds in q.per_dataset.values() for d in ds} == {"open"}
    assert any(text.startswith("One seed:") for text in analysis.caveats)


def test_comparisons_stand_best_first(analysis: Report) -> None:
    asked = {q.name: q.per_dataset["synergy"] for q in analysis["questions"].found}
    assert len(asked["attention"]) == 16
    assert len(asked["fusion"]) == 4 * 3 / 2, "families, not fusions"
    assert len(asked["architecture"]) == 6 * 5 / 2
    assert len(asked["multimodal"]) == 2 + 17
    for ladder in (asked["attention"], asked["multimodal"][2:]):
        assert [d.mean for d in ladder] == sorted((d.mean for d in ladder), reverse=True)


@pytest.mark.browser
@pytest.mark.parametrize("page", [400, 1200, 2000], indirect=True, ids=str)
def test_wide_heatmaps_scroll_by_themselves_under_their_names(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    assert page.locator("#heatmaps .heat").count() == 6
    cut = page.eval_on_selector_all("#heatmaps td.cell", "all => all.filter(e => e.scrollWidth > e.clientWidth).length")
    assert cut == 0, "numbers that their cells cut"
    box = page.locator("#heatmaps .scroll").first
    box.evaluate("e => e.scrollLeft = 10000")
    scrolled = box.evaluate("e => e.scrollLeft")
    assert (scrolled > 0) is (page.viewport_size["width"] == 400)
    left = "e => e.getBoundingClientRect().left"
    assert box.locator("tbody th").first.evaluate(left) == pytest.approx(box.evaluate(left), abs=3), (
        "names stay in sight"
    )


@pytest.mark.browser
@pytest.mark.parametrize("page", [1200], indirect=True, ids=str)
def test_no_more_curves_are_coloured_than_can_be_told_apart(page: Page) -> None:
    figure = page.locator('#curves figure[data-value="attention"]')
    assert figure.locator("path.line").count() == HUES
    assert f"the {HUES} highest levels are named" in figure.inner_text()
    ends = figure.locator(".ends .t").evaluate_all(
        "all => all.map(e => e.getBoundingClientRect()).map(b => [b.top, b.bottom])"
    )
    ends.sort()
    assert all(below[0] >= above[1] - 1 for above, below in pairwise(ends)), "labels collide"


@pytest.mark.browser
@pytest.mark.parametrize("page", [1200], indirect=True, ids=str)
def test_rows_kept_back_are_shown_sorted_and_found(page: Page) -> None:
    """1,734 cells and more, of which the page itself holds 200 rows."""
    rows, count = page.locator("#table tbody tr"), page.locator("#table .count")
    total = int(count.get_attribute("data-rows") or 0)
    assert total > 17 * 17 * 6
    assert (rows.count(), count.inner_text()) == (200, f"200 of {total} rows.")
    page.click("#table .more")
    assert (rows.count(), count.inner_text()) == (1200, f"1200 of {total} rows.")
    keys = rows.evaluate_all("rows => rows.map(row => row.dataset.k)")
    assert len(set(keys)) == 1200
    # Upwards, the worst scores come first, and they were kept back.
    heading = page.locator('#table th[data-name="score"] button')
    heading.click()
    heading.click()
    scores = rows.evaluate_all("rows => rows.map(row => Number(row.cells[4].dataset.v))")
    assert scores == sorted(scores) and len(scores) == 1200
    last = rows.first.get_attribute("data-k") or ""
    assert last not in keys[:200]
    page.fill("#find", "linformer tensor hybrid")
    assert rows.count() > 0
    assert all("linformer" in text.lower() for text in rows.evaluate_all("rows => rows.map(row => row.textContent)"))
    assert f"that match, {total} in all" in count.inner_text()
    page.click("#clear")
    heading.click()
    assert rows.first.get_attribute("data-k") == keys[0]
    assert (rows.count(), count.inner_text()) == (1200, f"1200 of {total} rows.")


def test_a_wide_gap_is_not_called_open_for_the_number_of_cells() -> None:
    """Gains over a fixed baseline draw on the noise of all 867 cells: on three seeds of a cell alone none of so many
    tests could pass, however wide the gap."""
    levels = {axis: list(variants(axis)) for axis in AXES} | {"architecture": ["hybrid", "independent", "shared"]}
    families = {name: info.cls.family for name, info in variants("fusion").items()}
    made = make(truths={"synergy": TRUTHS["synergy"]}, levels=levels, families=families)
    report = analyse(**made.arguments())
    (dataset,) = report.context.datasets
    assert dataset.best is not None
    gain = dataset.row(dataset.best).gain_linear
    assert gain is not None and gain.half is not None and gain.mean > 10 * gain.half
    assert gain.verdict == "better" and gain.p_holm is not None and gain.p_holm < 0.05
    (said,) = (text for text in answer(report, "synergy").sentences if "linear baseline" in text)
    assert said.startswith("It gains ")
