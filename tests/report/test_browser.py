"""The page in a real browser, with the network cut off."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from mmbench.report.build import analyse
from mmbench.report.pages.html import render
from mmbench.report.values.titles import titled
from tests.support.factory import TRUTHS, make

pytestmark = [pytest.mark.slow, pytest.mark.browser]


@dataclass
class Opened:
    page: Page
    address: str
    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


@pytest.fixture
def opened(browser: Browser, report: Path, request: pytest.FixtureRequest) -> Iterator[Opened]:
    """The report in a fresh context; parametrize indirectly with the context's options."""
    options = {"viewport": {"width": 1280, "height": 900}, **getattr(request, "param", {})}
    context = browser.new_context(offline=True, **options)
    page = context.new_page()
    result = Opened(page=page, address=report.as_uri())
    page.on("request", lambda r: result.requests.append(r.url))
    page.on("console", lambda m: result.errors.append(m.text) if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda e: result.errors.append(str(e)))
    page.goto(result.address)
    yield result
    assert result.errors == []
    assert {url.split("#")[0] for url in result.requests} == {result.address}
    context.close()


def keys(page: Page) -> list[str]:
    return page.eval_on_selector_all("#table .view:not([hidden]) tbody tr", "rows => rows.map(r => r.dataset.k)")


def scores(page: Page) -> list[float]:
    values = page.eval_on_selector_all(
        "#table .view:not([hidden]) tbody tr", "rows => rows.map(r => r.cells[4].dataset.v)"
    )
    return [float(v) for v in values if v]


def choose(page: Page, view: str) -> None:
    page.click(f'[data-set="view"][data-value="{view}"]')


def test_sorting_reorders_the_rows(opened):
    page = opened.page
    choose(page, "synergy")
    header = page.locator('#table .view:not([hidden]) th[data-name="score"]')
    before = keys(page)
    header.locator("button").click()
    assert header.get_attribute("aria-sort") == "descending"
    assert scores(page) == sorted(scores(page), reverse=True)
    header.locator("button").click()
    assert header.get_attribute("aria-sort") == "ascending"
    assert scores(page) == sorted(scores(page))
    assert keys(page) != before
    assert sorted(keys(page)) == sorted(before)
    header.locator("button").click()
    assert header.get_attribute("aria-sort") == "none"
    assert keys(page) == before


def test_rows_without_a_value_stay_last(opened):
    page = opened.page
    choose(page, "redundant")
    missing = page.eval_on_selector_all(
        "#table .view:not([hidden]) tbody tr.none", "rows => rows.map(r => r.dataset.k)"
    )
    assert missing
    for _ in range(2):
        page.click('#table .view:not([hidden]) th[data-name="score"] button')
        assert keys(page)[-len(missing) :] == missing


def test_filters_hide_rows(opened):
    page = opened.page
    choose(page, "unique")
    everything = len(keys(page))
    page.click('[data-toggle="attention"][data-value="additive"]')
    page.click('[data-toggle="show"][data-value="cell"]')
    assert 0 < len(keys(page)) < everything
    assert all(key.startswith("additive + ") for key in keys(page))
    page.fill("#find", "cross_attention hybrid")
    assert keys(page) == ["additive + cross_attention · hybrid"]
    assert "1 of 1 rows that match" in page.inner_text("#table .view:not([hidden]) .count")
    page.click("#clear")
    assert len(keys(page)) == everything


def test_the_address_restores_the_view(opened):
    page = opened.page
    choose(page, "synergy")
    page.click('#table .view:not([hidden]) th[data-name="parameters"] button')
    page.click('[data-toggle="fusion"][data-value="concat"]')
    page.click('[data-set="cost"][data-value="train_seconds"]')
    page.click("#heatmaps .view:not([hidden]) .cell >> nth=4")
    title = page.inner_text("#detail-title")
    before = keys(page)
    page.reload()
    assert page.get_attribute('[data-set="view"][data-value="synergy"]', "aria-pressed") == "true"
    assert page.get_attribute('[data-set="cost"][data-value="train_seconds"]', "aria-pressed") == "true"
    assert page.get_attribute('#table .view:not([hidden]) th[data-name="parameters"]', "aria-sort") == "descending"
    assert page.inner_text("#detail-title") == title
    assert keys(page) == before
    assert all("+ concat ·" in key for key in before)


def test_a_cell_opens_its_drill_down_by_keyboard(opened):
    page = opened.page
    choose(page, "redundant")
    stops = page.locator("#heatmaps .view:not([hidden]) .heat").first.locator('.cell[tabindex="0"]')
    assert stops.count() == 1
    stops.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    key = page.evaluate("document.activeElement.dataset.k")
    page.keyboard.press("Enter")
    assert page.inner_text("#detail-title") == titled(key)
    assert page.evaluate("document.activeElement.id") == "detail-title"
    assert page.locator("#detail .parts > div").count() == 3
    assert page.locator("#detail .seed").count() >= 6
    assert page.locator("#detail code").first.inner_text()
    marked = page.eval_on_selector_all(".selected", "all => all.map(e => e.dataset.k)")
    assert len(marked) > 3
    assert set(marked) == {key}
    page.keyboard.press("Escape")
    assert not page.is_visible("#detail")
    assert page.evaluate("document.activeElement.dataset.k") == key


def row_with(rows, verdict):
    """The first row with this verdict."""
    return rows.locator("tr.cell", has=rows.page.locator("td", has_text=re.compile(f"^{verdict}"))).first


def test_verdicts_are_seen_in_the_table_and_told_in_the_drill_down(opened):
    page = opened.page
    choose(page, "redundant")
    rows = page.locator("#table .view:not([hidden]) tbody")
    fill = "e => getComputedStyle(e.querySelector('.strip b')).backgroundColor"
    tint = "e => getComputedStyle(e.cells[1]).backgroundColor"
    undecided, worse = rows.locator("tr.open:not(.first)").first, row_with(rows, "worse")
    assert undecided.evaluate(fill) == "rgb(255, 255, 255)" != worse.evaluate(fill)
    assert undecided.evaluate(tint) == rows.locator("tr.first").evaluate(tint) != worse.evaluate(tint)
    for row, verdict in ((undecided, " · open · "), (worse, " · worse than the best · ")):
        row.locator("a.pick").click()
        assert verdict in page.inner_text("#detail .parts > div >> nth=0").replace("\u00a0", " ")


def test_the_drill_down_tells_why_a_trial_failed(opened):
    page = opened.page
    page.click("#coverage tbody tr[data-k] a >> nth=0")
    assert "RuntimeError: shapes do not match" in page.inner_text("#detail")


def test_the_switch_shows_one_data_set_everywhere(opened):
    page = opened.page
    choose(page, "unique")
    shown = page.eval_on_selector_all(
        ".view", "all => all.filter(e => !e.hidden && e.offsetParent).map(e => e.dataset.view)"
    )
    assert len(shown) > 5
    assert set(shown) == {"unique"}


def test_hovering_tells_interval_and_seeds(opened):
    page = opened.page
    choose(page, "unique")
    page.hover("#heatmaps .view:not([hidden]) .cell.best")
    text = page.inner_text("#tip")
    assert "±" in text
    assert "3 of 3 seeds" in text
    assert "highest mean" in text


def test_a_dot_of_the_cost_plot_can_be_picked(opened):
    page = opened.page
    choose(page, "unique")
    page.click("#cost .view:not([hidden]) .pin >> nth=0")
    assert page.is_visible("#detail")
    assert page.locator("#cost .view:not([hidden]) .here").count() == 1


@pytest.mark.parametrize(
    "opened", [{"viewport": {"width": w, "height": 800}} for w in (320, 400, 768)], indirect=True, ids=str
)
def test_no_sideways_scroll(opened):
    page = opened.page
    for view in ("all", "redundant"):
        choose(page, view)
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    page.click("#heatmaps .view:not([hidden]) .cell >> nth=0")
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


@pytest.mark.parametrize("opened", [{"java_script_enabled": False}], indirect=True)
def test_readable_without_javascript(opened):
    page = opened.page
    for name in ("all", "redundant", "unique", "synergy"):
        for section in ("heatmaps", "table"):
            assert page.locator(f'#{section} .view[data-view="{name}"]').is_visible()
    assert page.locator("#cost figure").count() == page.locator("#cost figure:visible").count() > 3
    assert not page.is_visible(".bar")
    assert not page.is_visible("#filters")
    assert "✕" in page.inner_text("#coverage")


@pytest.mark.parametrize(
    ("sound", "broken"),
    [('id="data">{', 'id="data">'), ("listeners.push(linkTrials);", "unknown();")],
    ids=["before anything is hidden", "after"],
)
def test_a_script_that_fails_leaves_the_page_readable(browser, report, tmp_path, sound, broken):
    failing = tmp_path / "failing.html"
    text = report.read_text(encoding="utf-8")
    assert text.count(sound) == 1
    failing.write_text(text.replace(sound, broken), encoding="utf-8")
    page = browser.new_page()
    page.goto(failing.as_uri())
    assert not page.is_visible(".bar")
    for name in ("all", "redundant", "unique", "synergy"):
        for section in ("heatmaps", "table"):
            assert page.locator(f'#{section} .view[data-view="{name}"]').is_visible()
    assert page.locator("#cost figure").count() == page.locator("#cost figure:visible").count() > 3
    page.close()


@pytest.mark.parametrize(
    ("opened", "paper", "ink"),
    [
        ({"color_scheme": "light"}, "rgb(255, 255, 255)", "rgb(21, 24, 29)"),
        ({"color_scheme": "dark"}, "rgb(18, 21, 26)", "rgb(232, 234, 237)"),
    ],
    indirect=["opened"],
    ids=["light", "dark"],
)
def test_colours_follow_the_reader(opened, paper, ink):
    style = "getComputedStyle(document.body)"
    assert opened.page.evaluate(f"[{style}.backgroundColor, {style}.color]") == [paper, ink]


@pytest.mark.parametrize("opened", [{"color_scheme": "dark"}], indirect=True)
def test_paper_is_light_and_whole(opened):
    page = opened.page
    page.goto(f"{opened.address}#print=all")
    page.reload()
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.locator("#heatmaps .view:visible").count() == 4
    assert not page.is_visible(".bar")


def test_failed_and_missing_cells_are_marked(opened):
    page = opened.page
    choose(page, "redundant")
    failed = page.locator("#heatmaps .view:not([hidden]) .missing-failed[data-k]")
    assert failed.count() == 1
    assert failed.inner_text().split() == ["✕", "failed"]
    assert "gradient" in failed.evaluate("e => getComputedStyle(e).backgroundImage")
    partial = page.locator("#heatmaps .view:not([hidden]) .cell.partial").first
    assert "n = 2" in partial.inner_text().replace("\u202f", " ")
    assert partial.evaluate("e => getComputedStyle(e, '::after').borderLeftWidth") == "5px"


def test_works_in_a_sandboxed_frame(browser, report, tmp_path):
    frame = tmp_path / "frame.html"
    source = report.read_text(encoding="utf-8").replace("&", "&amp;").replace('"', "&quot;")
    frame.write_text(
        f'<!doctype html><iframe sandbox="allow-scripts" width=1200 height=800 srcdoc="{source}"></iframe>'
    )
    page = browser.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda e: errors.append(str(e)))
    page.goto(frame.as_uri())
    inside = page.frames[1]
    inside.click('[data-set="view"][data-value="unique"]')
    inside.click("#heatmaps .view:not([hidden]) .cell >> nth=0")
    assert inside.is_visible("#detail")
    assert errors == []
    page.close()


@pytest.mark.parametrize("opened", [{"color_scheme": "light"}, {"color_scheme": "dark"}], indirect=True)
def test_errors_sort_upwards_and_keep_their_units_in_the_details(opened, mixed_report):
    opened.address = mixed_report.as_uri()
    opened.requests.clear()
    page = opened.page
    page.goto(opened.address)
    choose(page, "rating")
    header = page.locator('#table .view:not([hidden]) th[data-name="score"]')
    assert header.inner_text().startswith("MAE ↓")
    header.locator("button").click()
    assert header.get_attribute("aria-sort") == "ascending", "the best first"
    assert scores(page) == sorted(scores(page))
    page.locator("#table .view:not([hidden]) tbody tr a.pick").first.click()
    shown = page.inner_text("#detail")
    assert "(MAE ↓)" in shown and "(accuracy ↑)" in shown
    assert "validation MAE ↓ by epoch" in shown and "validation accuracy ↑ by epoch" in shown
    axes = page.locator("#detail .dots").evaluate_all("all => all.map(each => each.innerText)")
    assert len(set(axes)) == 3, "each data set on an axis of its own"
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280


def test_where_no_row_matches_it_says_what_was_asked_for(opened):
    page = opened.page
    choose(page, "redundant")
    page.fill("#find", "zzz")
    page.click('[data-toggle="architecture"][data-value="hybrid"]')
    said = page.inner_text("#table .view:not([hidden]) .count")
    assert said == "No row matches “zzz” with hybrid. Clear filters"
    page.click("#table .view:not([hidden]) .count button")
    assert "rows" in page.inner_text("#table .view:not([hidden]) .count")


def test_curves_say_their_values_under_the_pointer(opened):
    """At the epoch next to the pointer, of every named curve, as the analysis has them."""
    page = opened.page
    choose(page, "synergy")
    plot = page.locator('#curves figure:not([hidden]) .xy[data-read="epoch"] .plot')
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    page.mouse.move(box["x"] + box["width"] - 2, box["y"] + box["height"] / 2)
    assert page.locator(".xy .cross").count() == 1
    lines = page.inner_text("#tip").splitlines()
    assert lines[0].startswith("epoch ")
    label = page.locator("#curves figure:not([hidden]) svg").get_attribute("aria-label")
    ends = [float(x.rstrip(",")) for x in label.split() if x.rstrip(",").replace(".", "").isdigit()]
    assert [float(x.split()[0]) for x in lines[1:]] == sorted(ends, reverse=True)
    page.mouse.move(2, 2)
    assert page.locator(".xy .cross").count() == 0


def test_the_tabs_say_what_they_govern(opened):
    """The headline changes with them, and each part that obeys says what it shows."""
    page = opened.page
    before = page.inner_text("h1")
    choose(page, "unique")
    assert page.inner_text("h1") != before
    chips = page.locator(".sections .shows").all_inner_texts()
    assert set(chips) == {"unique"} and len(chips) >= 6
    obeying = page.eval_on_selector_all(
        ".sections > section",
        "all => all.map(s => [s.querySelector('.view') !== null, s.querySelector('.shows') !== null])",
    )
    assert all(obeys == says for obeys, says in obeying)
    choose(page, "all")
    assert page.inner_text("h1") == before


@pytest.mark.parametrize(
    "opened", [{"viewport": {"width": w, "height": 900}} for w in (1280, 2000)], indirect=True, ids=str
)
def test_no_column_is_cut_without_a_sign(opened):
    page = opened.page
    for view in ("redundant", "all"):
        choose(page, view)
        page.wait_for_timeout(50)
        box = page.locator("#table .view:not([hidden]) .tall")
        cut = box.evaluate("e => e.scrollWidth > e.clientWidth + 2")
        assert box.evaluate("e => e.classList.contains('cut')") == cut
        assert not cut, "all columns that are shown at first have room"
    # With every column there may be too many: then they fade out to the right.
    choose(page, "redundant")
    page.click("#columns summary")
    while (hidden := page.locator("#columns input:not(:checked)")).count():
        hidden.first.click()
    page.set_viewport_size({"width": 760, "height": 900})
    page.wait_for_timeout(100)
    assert page.locator("#table .view:not([hidden]) .tall").evaluate("e => e.classList.contains('cut')")


def test_columns_are_chosen_and_kept_in_the_address(opened):
    page = opened.page
    choose(page, "redundant")
    flops = page.locator('#table .view:not([hidden]) th[data-name="flops"]')
    assert not flops.is_visible()
    page.click("#columns summary")
    page.locator("#columns label", has_text="FLOPs").locator("input").check()
    assert flops.is_visible() and "column=flops" in page.url
    page.locator("#columns label", has_text="Train").locator("input").uncheck()
    assert not page.locator('#table .view:not([hidden]) th[data-name="train"]').is_visible()
    page.reload()
    assert flops.is_visible()
    assert not page.locator('#table .view:not([hidden]) th[data-name="train"]').is_visible()


@pytest.mark.parametrize("opened", [{"viewport": {"width": 400, "height": 800}}], indirect=True)
def test_on_a_phone_a_row_has_a_second_line(opened):
    page = opened.page
    choose(page, "redundant")
    row = page.locator("#table .view:not([hidden]) tbody tr").nth(1)
    assert row.locator("td:visible").count() == 1
    second = row.locator("th").evaluate("e => getComputedStyle(e, '::after').content")
    cells = row.locator("td").evaluate_all("all => all.map(e => e.textContent.trim())")
    heads = page.locator("#table .view:not([hidden]) thead th").evaluate_all("all => all.map(e => e.dataset.name)")
    for name in ("half", "to_best", "parameters", "train"):
        assert cells[heads.index(name) - 1] in second, name


@pytest.mark.parametrize("opened", [{"permissions": ["clipboard-read", "clipboard-write"]}], indirect=True)
def test_a_table_is_copied_as_it_is_shown(opened):
    page = opened.page
    choose(page, "redundant")
    page.fill("#find", "additive hybrid")
    page.click('#table .view:not([hidden]) th[data-name="parameters"] button')
    page.click("#table .view:not([hidden]) .as-text button >> nth=0")
    lines = page.evaluate("navigator.clipboard.readText()").splitlines()
    assert lines[0].startswith("Attention,Fusion,Architecture,Rank,") and "FLOPs" not in lines[0]
    assert len(lines) == len(keys(page)) + 1 and all("additive" in line and "hybrid" in line for line in lines[1:])
    at = lines[0].split(",").index("Params ↓")
    sizes = [float(line.split(",")[at]) for line in lines[1:]]
    assert sizes == sorted(sizes, reverse=True), "numbers, not words such as 87 k"
    page.click("#table .view:not([hidden]) .as-text button >> nth=1")
    latex = page.evaluate("navigator.clipboard.readText()")
    assert latex.startswith("\\begin{tabular}{lllrr") and latex.count("\\\\") == len(lines)
    assert "$\\pm$" in latex and "±" not in latex and "$\\downarrow$" in latex


def test_a_file_in_the_page_is_saved_as_it_is(browser, tmp_path):
    made = analyse(**make(truths={"unique": TRUTHS["unique"]}).arguments())
    file = tmp_path / "alone.html"
    file.write_text(render(made, downloads=["tables/cells_unique.csv", "results.parquet"]), encoding="utf-8")
    page = browser.new_context(offline=True, accept_downloads=True).new_page()
    page.goto(file.as_uri())
    with page.expect_download() as waiting:
        page.click('[data-file="tables/cells_unique.csv"]')
    assert waiting.value.suggested_filename == "cells_unique.csv"
    texts = {path: text for part in made.parts for path, text in part.texts.items()}
    assert Path(waiting.value.path()).read_bytes().decode() == texts["tables/cells_unique.csv"]
    page.context.close()
