"""What frames the sections: the list of contents, folds, widths, the labels of the details."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from mmbench.report.build import analyse
from mmbench.report.pages.html import render
from tests.support.factory import TRUTHS, make

pytestmark = [pytest.mark.slow, pytest.mark.browser]


@pytest.fixture(scope="module")
def complete(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two data sets of which every trial is done."""
    truths = {name: TRUTHS[name] for name in ("redundant", "unique")}
    path = tmp_path_factory.mktemp("layout") / "report.html"
    path.write_text(render(analyse(**make(truths=truths, seeds=3, noise=0.004).arguments())), encoding="utf-8")
    return path


def opened(browser: Browser, path: Path, width: int, scheme: str = "light") -> Page:
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
    page.goto(path.as_uri())
    return page


def test_the_list_of_sections_stays_beside_them(browser: Browser, complete: Path) -> None:
    page = opened(browser, complete, 1280)
    page.evaluate("window.scrollTo({top: 4000, behavior: 'instant'})")
    box = page.locator("nav.contents").bounding_box()
    assert box is not None and 0 <= box["y"] < 300 and box["x"] < 200
    narrow = opened(browser, complete, 1000)
    narrow.evaluate("window.scrollTo({top: 4000, behavior: 'instant'})")
    gone = narrow.locator("nav.contents").bounding_box()
    assert gone is None or gone["y"] < 0


def test_what_few_need_is_folded(browser: Browser, complete: Path) -> None:
    """Coverage where all is done, other averages with few data sets, provenance."""
    page = opened(browser, complete, 1280)
    for anchor in ("coverage", "ranks", "aggregates", "provenance"):
        fold = page.locator(f"#{anchor} > details.fold").first
        assert fold.get_attribute("open") is None, anchor
        assert fold.locator("summary h2").is_visible(), anchor


def test_a_wide_screen_is_used(browser: Browser, complete: Path) -> None:
    widths = {}
    for width in (1280, 2000):
        box = opened(browser, complete, width).locator("main").bounding_box()
        assert box is not None
        widths[width] = box["width"]
    assert widths[1280] <= 1280 and 1400 <= widths[2000] <= 1600


def test_details_say_what_their_buttons_do(browser: Browser, complete: Path) -> None:
    page = opened(browser, complete, 1280)
    page.locator("#table .view:not([hidden]) tbody tr a.pick").nth(1).click()
    shown = [page.locator(f"#detail-{name}").inner_text() for name in ("before", "after", "page")]
    assert shown == ["‹ Previous", "Next ›", "Full page"]
    first = page.locator("#detail h2").inner_text()
    page.click("#detail-after")
    assert page.locator("#detail h2").inner_text() != first
    page.click("#detail-before")
    assert page.locator("#detail h2").inner_text() == first


@pytest.mark.parametrize(("scheme", "said"), [("light", "(darker is better)"), ("dark", "(lighter is better)")])
def test_the_scale_of_a_heatmap_says_which_way_is_better(
    browser: Browser, complete: Path, scheme: str, said: str
) -> None:
    key = opened(browser, complete, 1280, scheme).locator(".ramp-key:visible").first
    assert key.inner_text().endswith(said)


def test_one_that_fails_does_not_squeeze_the_intervals_of_the_others(browser: Browser, tmp_path: Path) -> None:
    """The axis of the table ends ten margins below the best: what is further down has an arrow, all others an interval
    that can be seen."""
    path = tmp_path / "report.html"
    truth = replace(TRUTHS["unique"], fusion={"early_concat": -0.5})
    path.write_text(
        render(analyse(**make(truths={"unique": truth}, seeds=3, noise=0.01).arguments())), encoding="utf-8"
    )
    page = opened(browser, path, 1280)
    rows = page.locator("#table .view:not([hidden]) tbody tr.cell").evaluate_all(
        "rows => rows.map(r => [r.dataset.k, r.querySelector('.strip').textContent, "
        "r.querySelector('.strip i')?.getBoundingClientRect().width ?? 0])"
    )
    failed = [(text, width) for key, text, width in rows if "early_concat" in key]
    others = [(text, width) for key, text, width in rows if "early_concat" not in key]
    assert failed and all(found == ("◂", 0) for found in failed)
    assert others and all(text == "" and width >= 3 for text, width in others)
