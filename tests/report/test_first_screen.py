"""The first screen in a real browser: everything to act on without scrolling, cards on a phone, buttons that copy."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page

from mmbench.report.build import analyse
from mmbench.report.pages.html import render
from tests.support.factory import TRUTHS, Truth, make

pytestmark = [pytest.mark.slow, pytest.mark.browser]

SEEN = ["h1", ".lead", ".choices", ".limits", ".payoff", ".picks table", ".picks .acts"]
"""What has to be on the first screen: headline, its numbers, contrasts, limits, what modalities gain, picks."""


def two(folder: Path) -> Path:
    """A report like the default's: two data sets, three seeds."""
    truths = {"redundant": TRUTHS["redundant"], "unique": TRUTHS["unique"]}
    path = folder / "two.html"
    path.write_text(render(analyse(**make(truths=truths, seeds=3, noise=0.004).arguments())), encoding="utf-8")
    return path


def one(folder: Path) -> Path:
    """A report of one data set that is scored by an error."""
    mood = Truth(kind="regression", targets=("x",), base=8.0, attention={"additive": -1.0}, unit=10.0, majority=12.0,
                 single={"image": 9.9, "text": 9.5}, linear=9.9)  # fmt: skip
    path = folder / "one.html"
    path.write_text(render(analyse(**make(truths={"mood": mood}, seeds=3, noise=0.004).arguments())), encoding="utf-8")
    return path


BROKEN_WORDS = r"""() => {
  const found = [];
  const texts = document.createTreeWalker(document.querySelector("main") ?? document.body, NodeFilter.SHOW_TEXT);
  for (let text = texts.nextNode(); text; text = texts.nextNode()) {
    if (!text.parentElement?.checkVisibility() || text.parentElement.closest("script, style, svg, pre, code")) continue;
    for (const word of text.data.matchAll(/[\p{L}\p{N}]+/gu)) {
      const range = document.createRange();
      range.setStart(text, word.index);
      range.setEnd(text, word.index + word[0].length);
      const lines = new Set([...range.getClientRects()].filter((r) => r.width > 0).map((r) => Math.round(r.top)));
      if (lines.size > 1) found.push(word[0]);
    }
  }
  return found;
}"""
"""Words that go on in another line, of what is printed."""


def bottom(page: Page, selector: str) -> float:
    box = page.locator(f"{selector} >> visible=true").first.bounding_box()
    assert box is not None
    return box["y"] + box["height"]


@pytest.mark.parametrize("made", [two, one])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everything_to_act_on_is_on_the_first_screen(
    browser: Browser, tmp_path: Path, made: object, scheme: str
) -> None:
    assert callable(made)
    page = browser.new_page(viewport={"width": 1280, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
    page.goto(made(tmp_path).as_uri())
    tabs = page.locator('[data-set="view"]').all()
    for tab in tabs or [None]:
        if tab is not None:
            tab.click()
        below = {selector: bottom(page, selector) for selector in SEEN if bottom(page, selector) > 900}
        assert not below, tab and tab.inner_text()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.close()


@pytest.mark.parametrize("width", [400, 700, 900, 1280, 2000])
def test_nothing_sticks_out_and_no_words_overlap(browser: Browser, tmp_path: Path, width: int) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.goto(two(tmp_path).as_uri())
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    overlapping = page.evaluate(
        """() => {
          const cells = [...document.querySelectorAll('.view:not([hidden]) :is(.choices, .picks) :is(th, td)')]
            .filter((e) => e.offsetParent && e.textContent.trim());
          const inner = (e) => { const r = document.createRange(); r.selectNodeContents(e); return r; };
          const boxes = cells.map((e) => inner(e).getBoundingClientRect());
          const found = [];
          for (let i = 0; i < boxes.length; i++) for (let j = i + 1; j < boxes.length; j++) {
            const [a, b] = [boxes[i], boxes[j]];
            if (a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1)
              found.push(cells[i].textContent + ' | ' + cells[j].textContent);
          }
          return found;
        }"""
    )
    assert overlapping == []
    page.close()


def test_long_names_and_long_numbers_stay_within_the_page(browser: Browser, tmp_path: Path) -> None:
    levels = {
        "attention": ["mean", "adaptive_span_with_learned_window_v2"],
        "fusion": ["concat", "early_concat"],
        "architecture": ["shared", "independent"],
    }
    rating = Truth(kind="regression", targets=("x",), base=84e4, attention={levels["attention"][1]: -6e4},
                   single={"image": 99e4, "text": 95e4}, linear=90e4, majority=124e4, unit=1e6)  # fmt: skip
    examples = {
        "names": {"hospital_admissions_2019_2024_imaging_and_notes_v3": TRUTHS["synergy"], "short": TRUTHS["unique"]},
        "numbers": {"rating": rating},
    }
    for name, truths in examples.items():
        file = tmp_path / f"{name}.html"
        file.write_text(render(analyse(**make(truths=truths, levels=levels, seeds=2).arguments())), encoding="utf-8")
        for width in (400, 950, 1280):
            page = browser.new_page(viewport={"width": width, "height": 900})
            page.goto(file.as_uri())
            assert page.evaluate("document.documentElement.scrollWidth") == width, name
            page.close()


def test_one_trial_is_neither_charted_nor_recommended() -> None:
    levels = {"attention": ["mean"], "fusion": ["concat"], "architecture": ["shared"]}
    made = make(truths={"synergy": TRUTHS["synergy"]}, levels=levels, seeds=1, controls=False)
    report = analyse(**made.arguments())
    page = render(report)
    assert "on no axis are two levels complete" in page and '<table class="choices">' not in page
    assert "<em>recommended" not in page and "The one trial finished." in page


def test_a_button_copies_the_command_and_the_tables(browser: Browser, tmp_path: Path) -> None:
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.goto(two(tmp_path).as_uri())
    first = page.locator(".view:not([hidden]) .picks tbody tr").first
    first.locator("button").click()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("mmbench run --dataset redundant --attention ") and copied.endswith(" --save")
    page.locator(".view:not([hidden]) .acts button", has_text="LaTeX").click()
    latex = page.evaluate("navigator.clipboard.readText()")
    assert latex.count(r"\begin{tabular}") == 2 and r"\toprule" in latex and "longtable" not in latex
    page.locator(".view:not([hidden]) .acts button", has_text="CSV").click()
    assert page.evaluate("navigator.clipboard.readText()").startswith("dataset,axis,")
    context.close()


CROWDED = """() => {
  const axes = [...document.querySelectorAll('.view:not([hidden]) .choices .axis')].filter((e) => e.checkVisibility());
  return axes.flatMap((axis) => {
    const boxes = [...axis.children].map((e) => e.getBoundingClientRect()).filter((b) => b.width > 0);
    return boxes.slice(1).filter((b, i) => b.left < boxes[i].right + 2).map((b) => b.left);
  });
}"""
"""Labels of ticks that touch the one before."""


@pytest.mark.parametrize(("width", "media"), [(1000, "screen"), (1280, "screen"), (2000, "screen"), (690, "print")])
def test_labels_of_ticks_have_room(
    browser: Browser, tmp_path: Path, width: int, media: Literal["screen", "print"]
) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.goto(two(tmp_path).as_uri())
    page.emulate_media(media=media)
    assert page.locator(".choices .axis span:visible").count() >= 2
    assert page.evaluate(CROWDED) == []
    page.add_style_tag(content=".choices .axis span { padding: 0 40px !important; display: block !important; }")
    assert page.evaluate(CROWDED)
    page.close()


def test_the_figure_is_saved_as_a_pdf_from_the_one_file(browser: Browser, tmp_path: Path) -> None:
    """Also where the page was mailed alone: the figure is in it, the very one of the figures folder."""
    analysis = analyse(**make(truths={"redundant": TRUTHS["redundant"]}, seeds=3, noise=0.004).arguments())
    drawn = next(f for f in analysis.figures if f.name == "choices")
    file = tmp_path / "alone.html"
    file.write_text(render(analysis, downloads=["figures/choices.pdf"]), encoding="utf-8")
    page = browser.new_context(offline=True, accept_downloads=True).new_page()
    page.goto(file.as_uri())
    with page.expect_download() as waiting:
        page.click('.picks .acts button:has-text("Figure as PDF")')
    assert waiting.value.suggested_filename == "choices.pdf"
    saved = Path(waiting.value.path()).read_bytes()
    assert saved == drawn.pdf and saved.startswith(b"%PDF-")
    page.context.close()


def test_the_tabs_govern_the_contrasts(browser: Browser, tmp_path: Path) -> None:
    page = browser.new_page()
    page.goto(two(tmp_path).as_uri())
    before = page.locator(".view:not([hidden]) .choices").first.inner_text()
    page.click('[data-set="view"][data-value="unique"]')
    after = page.locator(".view:not([hidden]) .choices").first.inner_text()
    assert before != after
    page.close()


def test_on_paper_it_is_a_summary_of_few_pages(browser: Browser, tmp_path: Path) -> None:
    page = browser.new_page()
    page.goto(two(tmp_path).as_uri())
    summary = page.pdf(format="A4")
    page.goto(two(tmp_path).as_uri() + "#print=all")
    page.reload()
    whole = page.pdf(format="A4")
    pages = [len(re.findall(rb"/Type\s*/Page\b", pdf)) for pdf in (summary, whole)]
    assert 1 < pages[0] <= 4 < pages[1], pages
    page.goto(two(tmp_path).as_uri())
    page.reload()
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 690, "height": 1000})
    broken = "all => all.filter(e => e.offsetParent && e.scrollWidth > e.clientWidth + 1).map(e => e.textContent)"
    assert page.eval_on_selector_all(".first :is(th, td), .limits li", broken) == []
    assert page.evaluate(BROKEN_WORDS) == []
    # Where there is no room for a word, the check sees it.
    page.add_style_tag(content=".limits li { width: 9px !important; overflow-wrap: anywhere !important; }")
    assert page.evaluate(BROKEN_WORDS)
    page.close()


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="needs pdftotext (Debian: poppler-utils)")
def test_no_heading_ends_a_printed_page(browser: Browser, tmp_path: Path) -> None:
    page = browser.new_page()
    page.goto(two(tmp_path).as_uri() + "#print=all")
    headings = {" ".join(h.split()) for h in page.locator("main :is(h2, h3)").all_inner_texts()}
    page.reload()

    def last_lines(rule: str) -> list[str]:
        page.add_style_tag(content=rule)
        (tmp_path / "all.pdf").write_bytes(page.pdf(format="A4"))
        run = ["pdftotext", "-layout", str(tmp_path / "all.pdf"), "-"]
        pages = subprocess.run(run, capture_output=True, text=True, check=True).stdout.split("\f")
        return [" ".join(lines[-1].split()) for p in pages if (lines := p.strip().splitlines())]

    ends = last_lines("h2 {}")
    assert len(ends) > 8 and not headings.intersection(ends[:-1])
    # Where headings may end a page, some does, and the check sees it.
    forced = "h2, h3 { break-after: page !important; }"
    assert headings.intersection(last_lines(forced)[:-1])
    page.close()


def test_contrasts_and_the_margin_stand_where_the_ticks_say(browser: Browser, tmp_path: Path) -> None:
    """By the two outermost ticks: the grey band is from -1 to +1 point, each dot at the number beside it."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(two(tmp_path).as_uri())
    shown = page.locator(".first .view:not([hidden])").first
    ticks = shown.locator(".choices thead .axis span").evaluate_all(
        "spans => spans.map(s => [parseFloat(s.style.left), parseFloat(s.textContent.replace('−', '-'))])"
    )
    (left, low), *_, (right, high) = ticks
    assert len(ticks) >= 2 and low < high

    def place(value: float) -> float:
        return left + (value - low) / (high - low) * (right - left)

    rows = shown.locator(".choices tbody tr").evaluate_all(
        """rows => rows.map(r => ({
             band: [r.querySelector('.band').style.left, r.querySelector('.band').style.width].map(parseFloat),
             dot: parseFloat(r.querySelector('[class^=dot-]').style.left),
             value: parseFloat(r.querySelector('.v b').textContent.replace('−', '-'))}))"""
    )
    assert len(rows) == 6
    for row in rows:
        assert row["band"][0] == pytest.approx(place(-1), abs=0.3)
        assert row["band"][0] + row["band"][1] == pytest.approx(place(1), abs=0.3)
        # Numbers are rounded to a tenth of a point.
        assert abs(row["dot"] - place(row["value"])) <= place(0.06) - place(0) + 0.05


def test_costs_of_the_picks_are_shares_of_the_best_combinations(tmp_path: Path) -> None:
    truths = {"unique": TRUTHS["unique"]}
    context = analyse(**make(truths=truths, seeds=3, noise=0.004).arguments())["first"].context
    (screen, *_) = (s for s in analyse(**make(truths=truths, seeds=3, noise=0.004).arguments())["first"].screens)
    d = context.dataset("unique")
    best = d.row(str(d.best)).cost
    assert best is not None and len(screen.picks) >= 3
    for pick in screen.picks:
        cost = d.row(pick.method.key).cost
        assert cost is not None
        for name in ("parameters", "train_seconds", "inference_us"):
            own, its = getattr(cost, name), getattr(best, name)
            if own and its:
                assert pick.costs[name] == pytest.approx(own / its)
                told = pick.share(name).removesuffix(" %")
                assert float(told) == pytest.approx(100 * own / its, rel=0.06)
