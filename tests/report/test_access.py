"""Who reads it without a mouse, with other eyes, on another screen: axe-core, the keyboard, and every width."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

HERE = Path(__file__).parent / "axe"
SCRIPT = HERE / "node_modules" / "axe-core" / "axe.min.js"
DETAIL = "cell=additive+%2B+cross_attention+%C2%B7+hybrid"
STATES = ("", "#view=synergy", f"#view=redundant&{DETAIL}", f"#{DETAIL}&page=1", "#attention=additive&fusion=concat")

LIKE: dict[str, Any] = {"offline": True, "reduced_motion": "reduce"}
"""Without smooth scrolling, places are right at once."""

pytestmark = [pytest.mark.slow, pytest.mark.browser]


@pytest.fixture(scope="session")
def axe() -> str:
    """The source of axe-core, in the version that package-lock.json pins."""
    wanted = json.loads((HERE / "package-lock.json").read_text())["packages"]["node_modules/axe-core"]["version"]
    manifest = SCRIPT.parent / "package.json"
    if not manifest.exists() or json.loads(manifest.read_text())["version"] != wanted:
        npm = shutil.which("npm")
        if npm is None:
            pytest.skip("no npm on this machine: axe-core does not check the report")
        command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        done = subprocess.run(command, cwd=HERE, capture_output=True, text=True, timeout=120, check=False)
        if done.returncode:
            reason = (done.stderr.strip().splitlines() or ["no message"])[0]
            pytest.skip(f"npm could not fetch axe-core, which therefore does not check the report: {reason}")
    return SCRIPT.read_text(encoding="utf-8")


@pytest.fixture
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A fresh page; parametrize indirectly with (width, colour scheme)."""
    width, scheme = getattr(request, "param", (1200, "light"))
    context = browser.new_context(**LIKE, viewport={"width": width, "height": 900}, color_scheme=scheme)
    yield context.new_page()
    context.close()


def violations(page: Page, axe: str) -> list[str]:
    """What axe-core calls serious or critical, each with the first elements."""
    page.evaluate(axe)
    found: list[dict[str, Any]] = page.evaluate("async () => (await axe.run(document)).violations")
    return [
        f"{v['id']}: {v['help']}: {[(n['target'], n['any'][0]['message'] if n['any'] else '') for n in v['nodes'][:3]]}"
        for v in found
        if v["impact"] in ("serious", "critical")
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    "page",
    [
        (1200, "light"),
        *(pytest.param(case, marks=pytest.mark.exhaustive) for case in ((400, "light"), (400, "dark"), (1200, "dark"))),
    ],
    indirect=True,
    ids=str,
)
def test_axe_finds_nothing_serious(page: Page, report: Path, axe: str) -> None:
    for state in STATES:
        page.goto("about:blank")
        page.goto(report.as_uri() + state)
        assert violations(page, axe) == [], state


def test_axe_would_tell(page: Page, report: Path, axe: str) -> None:
    """A check that finds nothing in a broken page would check nothing."""
    page.goto(report.as_uri())
    page.evaluate("document.getElementById('find').parentElement.replaceWith(document.createElement('input'))")
    page.evaluate("document.querySelector('.lead').style.color = '#ccc'")
    assert {text.split(":")[0] for text in violations(page, axe)} >= {"label", "color-contrast"}


OVERFLOWING = """() => {
  const wide = document.documentElement.clientWidth + 0.5;
  const inside = (e) => e.closest('.scroll, .tall, .heats > div, .sr, [hidden], .tip');
  return [...document.querySelectorAll('body *')]
    .filter((e) => e.getClientRects().length && !inside(e) && !e.closest('svg'))
    .filter((e) => e.getBoundingClientRect().right > wide || e.getBoundingClientRect().left < -0.5)
    .map((e) => `${e.tagName}.${e.className} ${e.textContent.trim().slice(0, 40)}`);
}"""
CUT = """() => [...document.querySelectorAll('.t, .tag, .value, .name, .btn, th, td, h1, h2, h3')]
  .filter((e) => e.getClientRects().length && !e.closest('.sr') && getComputedStyle(e).overflow !== 'visible')
  .filter((e) => e.scrollWidth > e.clientWidth + 1).map((e) => e.textContent.trim())"""


@pytest.mark.slow
@pytest.mark.parametrize("page", [(w, "light") for w in (400, 1200, 2000)], indirect=True, ids=str)
@pytest.mark.parametrize("which", ["report", "mixed_report"])
def test_nothing_leaves_the_screen(page: Page, which: str, request: pytest.FixtureRequest) -> None:
    path: Path = request.getfixturevalue(which)
    for state in STATES:
        page.goto("about:blank")
        page.goto(path.as_uri() + state)
        assert page.evaluate(OVERFLOWING) == [], state
        assert page.evaluate(CUT) == [], state


@pytest.mark.parametrize("page", [(794, "dark")], indirect=True, ids=["A4"])
@pytest.mark.parametrize("which", ["report", "mixed_report"])
def test_paper_holds_every_column(page: Page, which: str, request: pytest.FixtureRequest) -> None:
    """On paper nothing scrolls: what is wider than the sheet within its margins of 14 mm is lost."""
    page.goto(request.getfixturevalue(which).as_uri() + "#print=all")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    assert page.locator(".sections details:not([open]):visible").count() == 0, "what is folded is printed too"
    page.evaluate("document.body.style.width = '688px'")
    lost = (
        """all => all.map(e => [e.getBoundingClientRect().right, e.innerText.slice(0, 60)]).filter(([x]) => x > 689)"""
    )
    assert page.locator(".tab:visible").count() > 8
    assert page.eval_on_selector_all(".tab, .heat, .dots, .xy, .answer", lost) == []


FOCUS = """() => {
  const e = document.activeElement;
  const style = getComputedStyle(e);
  const box = e.getBoundingClientRect();
  const section = e.closest('section, nav, .bar, aside');
  return {
    at: e === document.body ? null : (section?.id || section?.className || section?.tagName.toLowerCase() || ''),
    ring: parseFloat(style.outlineWidth) > 0 && style.outlineStyle !== 'none',
    seen: box.width > 0 && box.height > 0 && box.bottom > 0 && box.top < innerHeight,
    name: (e.getAttribute('aria-label') || e.textContent || e.placeholder || '').trim().slice(0, 60),
    order: [...document.querySelectorAll('*')].indexOf(e),
  };
}"""


def test_tab_reaches_every_part_in_order_and_shows_where_it_is(page: Page, report: Path) -> None:
    page.goto(report.as_uri())
    stops = []
    while True:
        page.keyboard.press("Tab")
        stop = page.evaluate(FOCUS)
        if stop["at"] is None or len(stops) > 400:
            break
        stops.append(stop)
    assert len(stops) < 400, "a trap"
    assert [s["order"] for s in stops] == sorted(s["order"] for s in stops)
    assert [s for s in stops if not s["ring"]] == []
    assert [s for s in stops if not s["seen"]] == []
    assert [s for s in stops if not s["name"]] == []
    parts = list(dict.fromkeys(s["at"] for s in stops))
    wanted = ["bar", "limits", "first", "contents", "top", "coverage", "heatmaps", "questions", "effects", "cost"]
    wanted += ["curves", "table"]
    assert [p for p in parts if p in wanted] == wanted


def test_a_level_is_selected_everywhere_by_keyboard(page: Page, report: Path) -> None:
    page.goto(report.as_uri() + "#view=synergy")
    heat = page.locator("#heatmaps .view:not([hidden]) .heat").first
    heat.locator('[tabindex="0"]').focus()
    page.keyboard.press("ArrowLeft")
    level = page.evaluate("document.activeElement.dataset.l")
    page.keyboard.press("Enter")
    assert f"attention={level}" in page.url
    assert page.get_attribute("#heatmaps .view:not([hidden]) th.lit", "aria-selected") == "true"
    off = page.eval_on_selector_all("#heatmaps .view:not([hidden]) .cell.off", "all => all.map(e => e.dataset.k)")
    assert len(off) == 18
    assert not any(key.startswith(f"{level} ") for key in off)
    for part in ("#effects .levels .row", "#effects .interaction g", "#curves path.line"):
        lit = page.locator(f"{part}.lit:visible")
        assert lit.count() >= 1, part
        assert set(lit.evaluate_all("all => all.map(e => e.dataset.l)")) == {level}, part
    assert page.locator("#cost .matching:visible").count() == 1
    rows = page.eval_on_selector_all("#table .view:not([hidden]) tbody tr", "all => all.map(e => e.dataset.k)")
    assert rows and all(key.startswith(f"{level} ") for key in rows)
    assert page.get_attribute(f'[data-toggle="attention"][data-value="{level}"]', "aria-pressed") == "true"
    page.reload()
    assert page.locator("#heatmaps .view:not([hidden]) .cell.off").count() == 18
    page.click("#chosen button")
    assert page.locator(".lit, .off, .matching").count() == 0
    assert "attention=" not in page.url


def test_a_cell_has_a_page_of_its_own(page: Page, report: Path) -> None:
    page.goto(report.as_uri() + "#view=synergy")
    page.click("#heatmaps .view:not([hidden]) .cell.best")
    before = page.evaluate("scrollY")
    page.click("#detail-page")
    assert "page=1" in page.url
    assert not page.is_visible("main")
    text = page.inner_text("#detail")
    assert "Configuration" in text and "learning_rate" in text and "macro-F1" in text
    assert page.locator("#detail svg").count() == 2, "a curve a data set, but not of the one where it failed"
    title = page.inner_text("#detail-title")
    page.click("#detail-after")
    assert page.inner_text("#detail-title") != title
    page.click("#detail-before")
    assert page.inner_text("#detail-title") == title
    assert page.is_disabled("#detail-before"), "the best is the first row"
    page.reload()
    assert page.inner_text("#detail-title") == title
    assert not page.is_visible("main")
    page.emulate_media(media="print")
    assert page.is_visible("#detail-title"), "a page that is open is what is printed"
    page.emulate_media(media="screen")
    page.keyboard.press("Escape")
    assert page.is_visible("main")
    assert "page=1" not in page.url
    assert before > 0
