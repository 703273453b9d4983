"""The page as text: what it says equals the analysis, what is foreign stays text, what is missing is said."""

from __future__ import annotations

import base64
import gzip
import html
import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from mmbench.report.build import analyse
from mmbench.report.draw.costs import cost_text
from mmbench.report.pages import files
from mmbench.report.pages.html import render
from mmbench.report.pages.report import Report
from mmbench.report.sections.all_cells import rows as table
from mmbench.report.sections.all_cells.rows import STATIC_ROWS
from mmbench.report.values import numbers
from mmbench.report.values.coverage import Problem
from mmbench.report.values.titles import titled
from mmbench.schema.result import State
from tests.support.factory import TRUTHS, make
from tests.support.reports import with_values

FAULTS = {
    4: State.FAILED,
    5: State.FAILED,
    7: State.DIVERGED,
    43: State.FAILED,
    82: State.FAILED,
    61: State.OUT_OF_MEMORY,
    150: State.TIMEOUT,
    200: State.SKIPPED,
    210: State.PENDING,
}
KEPT = '<script type="text/plain" class="kept">(.*?)</script>'
HOSTILE = "</script><script>alert('x')</script><img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def analysis() -> Report:
    return analyse(**make(faults=FAULTS).arguments())


@pytest.fixture(scope="module")
def page(analysis: Report) -> str:
    return render(analysis)


class Rows(HTMLParser):
    """Table rows by (section, view): row key -> texts of its cells, those kept back as text included."""

    VOID = ("br", "img", "input", "meta", "wbr", "path")

    def __init__(self, page: str) -> None:
        super().__init__()
        self.rows: dict[tuple[str, str], dict[str, list[str]]] = {}
        self.section = self.view = self.key = ""
        self.cells: list[str] | None = None
        self.reading = False
        self.feed(re.sub(KEPT, r"\1", page, flags=re.DOTALL))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag == "section":
            self.section, self.view = found["id"] or "", ""
        if "data-view" in found:
            self.view = found["data-view"] or ""
        if tag == "tr":
            self.key, self.cells = found.get("data-k") or "", []
        if tag in ("td", "th") and self.cells is not None:
            self.cells.append("")
            self.reading = True

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self.reading = False
        if tag == "tr" and self.cells is not None:
            self.rows.setdefault((self.section, self.view), {})[self.key or self.cells[0]] = self.cells
            self.cells = None

    def handle_data(self, data: str) -> None:
        if self.reading and self.cells:
            self.cells[-1] += data


def embedded(page: str) -> dict:
    text = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert text
    return json.loads(text[1])


def said_of(row, scale) -> str:
    """The verdict, with how far an open one may be behind the best."""
    if row.verdict is None:
        return "–"
    behind = f" to {scale.change(-row.may_be_behind)}" if row.verdict == "open" and not row.best else ""
    return "best" if row.best else f"{row.verdict}{behind}"


def test_every_number_of_the_tables_is_the_analysis(analysis, page):
    found = Rows(page).rows
    for d in analysis.context.datasets:
        shown = found["table", d.name]
        assert len(shown) == len(d.rows) + 1  # the header
        for row in d.rows:
            cells = shown[row.key]
            cost = row.cost
            scale = d.scale
            assert cells[3:5] == [f"{row.rank or '–'}", scale.number(row.score.mean if row.score else None)]
            assert cells[6] == scale.plus_minus(row.score.half if row.score else None)
            assert cells[7] == scale.change(row.to_best.mean if row.to_best else None)
            assert cells[8] == said_of(row, scale)
            assert cells[9] == scale.change(row.gain_single.mean if row.gain_single else None)
            others = [other.number(row.metrics[m].mean if m in row.metrics else None) for m, other in d.beside.items()]
            assert cells[10 : 10 + len(others)] == others
            costs = cells[10 + len(others) :]
            assert costs[0] == numbers.count(cost.parameters if cost else None)
            assert costs[1] == numbers.count(cost.flops if cost else None)
            assert costs[2] == numbers.seconds(cost.train_seconds if cost else None)
            assert costs[3] == cost_text("inference_us", cost.inference_us if cost else None)
            assert f"{row.done}/{row.declared}" in costs[-1]


def test_means_over_data_sets_are_the_analysis(analysis, page):
    assert analysis.context.overall
    shown = Rows(page).rows["table", "all"]
    for row in analysis.context.overall.rows:
        cells = shown[row.key]
        assert cells[4] == numbers.score(row.score.mean if row.score else None)
        assert cells[8] == said_of(row, analysis.context.overall.scale)
        values = [numbers.score(row.per_dataset.get(name)) for name in analysis.context.overall.datasets]
        assert cells[9 : 9 + len(values)] == values


def page_text(page: str) -> str:
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]*>", "", page.split('id="coverage"')[1])))


def test_coverage_is_the_analysis(analysis, page):
    shown = {name.split()[0]: cells for name, cells in Rows(page).rows["coverage", ""].items() if name}
    assert all(f"{d.name} {d.subtitle}".strip() in page_text(page) for d in analysis.context.datasets)
    for counts in analysis.context.coverage:
        cells = [c.removeprefix("✕ ") for c in shown["all" if counts.name == "all" else counts.name][1:]]
        states = ("declared", "done", "failed", "diverged", "timeout", "out_of_memory", "skipped", "pending")
        assert cells == [str(getattr(counts, state)) for state in states]


def test_heatmap_prints_every_cell_of_the_grid(analysis, page):
    for d in analysis.context.datasets:
        for row in d.cells:
            label = html.escape(f"{row.key} · {d.name}\n")
            cell = re.search(
                rf'<td class="cell ([^"]*)" data-k="[^"]*" aria-label="{re.escape(label)}.*?</td>', page, re.DOTALL
            )
            assert cell, row.key
            expected = numbers.score(row.score.mean) if row.score else {"failed": "✕"}.get(row.state, "–")
            assert f"<b>{expected}</b>" in cell[0]
            assert ("partial" in cell[1]) == (row.state == "partial")


def test_drill_down_holds_every_trial(analysis, page):
    data = embedded(page)
    for d, part in zip(analysis.context.datasets, data["datasets"], strict=True):
        for row in d.rows:
            seeds = part["rows"][row.key]["seeds"]
            assert [s[0] for s in seeds] == [s.seed for s in row.seeds]
            assert [s[1] for s in seeds] == [None if s.value is None else float(f"{s.value:.3f}") for s in row.seeds]
            assert [s[3] for s in seeds] == [s.trial_id or "" for s in row.seeds]


def test_failures_are_listed_with_their_message(analysis, page):
    assert analysis.context.problems
    for problem in analysis.context.problems:
        assert html.escape(problem.message) in page
        assert (problem.trial_id or "") in page


def test_the_same_analysis_gives_the_same_bytes(page):
    assert render(analyse(**make(faults=FAULTS).arguments())) == page


def test_foreign_text_stays_text(analysis):
    problem = Problem(
        trial_id="0" * 16,
        name=HOSTILE,
        method=analysis.context.datasets[0].rows[0].key,
        dataset=analysis.context.datasets[0].name,
        seed=0,
        state="failed",
        message=HOSTILE,
    )
    first, *others = analysis.context.datasets
    row, *rows = first.rows
    seed, *seeds = row.seeds
    row = replace(row, reason=HOSTILE, seeds=(replace(seed, message=HOSTILE, state="failed"), *seeds))
    first = replace(first, rows=(row, *rows), description=HOSTILE)
    hostile = with_values(analysis, headline=HOSTILE, problems=(problem,), datasets=(first, *others))
    page = render(hostile)
    assert "<script>alert" not in page
    assert "<img" not in page
    assert page.count("</script>") == render(analysis).count("</script>")
    assert embedded(page)["datasets"][0]["rows"][row.key]["seeds"][0][4] == HOSTILE


def test_foreign_text_stays_text_in_rows_kept_back(analysis, monkeypatch):
    """They are text in a script element, which the page parses once asked."""
    monkeypatch.setattr(table, "STATIC_ROWS", 1)
    first, *others = analysis.context.datasets
    rows = list(first.rows)
    rows[5] = replace(rows[5], method=replace(rows[5].method, attention=HOSTILE, fusion="<!-- <script>"))
    page = render(with_values(analysis, datasets=(replace(first, rows=tuple(rows)), *others)))
    kept = re.findall(KEPT, page, flags=re.DOTALL)
    assert len(kept) == 1 + len(analysis.context.datasets)
    found = [tag for text in kept for tag in re.findall(r"<[^a-z/]|</?[a-z]*", text)]
    assert set(found) <= {f"{end}{tag}" for tag in ("tr", "th", "td", "a", "wbr", "i", "b") for end in ("<", "</")}
    assert html.escape(HOSTILE).split("(")[0] in "".join(kept).replace("<wbr>", "")


def test_nothing_is_fetched(page):
    assert "default-src 'none'" in page
    assert not re.search(r"(?:src|href)\s*=\s*[\"']?(?:[a-z]+:)?//", page)
    assert "@import" not in page
    assert "url(" not in page


def test_findings_are_headings(analysis, page):
    plain = page.replace("<wbr>", "").replace("\u00a0", " ")
    assert f'<h1><span class="view" data-view="all">{html.escape(analysis.headline)}</span>' in plain
    for text in [d.finding for d in analysis.context.datasets] + [q.finding for q in analysis["questions"].found]:
        assert html.escape(titled(text)).replace("&#x27;", "&#39;").replace("± ", "±") in plain


def test_a_partial_report_says_so(analysis, page):
    assert analysis.context.partial
    assert "This report is partial." in page
    assert "This report is partial." not in render(analyse(**make().arguments()))


def test_a_report_before_the_first_trial():
    made = replace(make(), results={})
    page = render(analyse(**made.arguments()))
    assert "This report is partial." in page
    assert "0 of" in page
    text = re.sub(r"<style>.*?</style>|<script>.*?</script>", "", page, flags=re.DOTALL)
    assert not re.search(r"\b(nan|NaN|None|inf)\b", re.sub(r"<[^>]*>", " ", text))


def test_a_single_data_set_needs_no_switch():
    page = render(analyse(**make(truths={"synergy": TRUTHS["synergy"]}, controls=False).arguments()))
    assert 'data-set="view"' not in page
    assert 'data-view="all"' not in page


def test_files_are_in_the_page(analysis, monkeypatch):
    """A page that is mailed alone has no link that leads nowhere, and each table and figure, byte by byte."""
    paths = [f"{part}.csv" for part in ("tables/questions", "tables/cells_unique")]
    paths += ["figures/top.svg", "results.parquet"]
    page = render(analysis, downloads=paths)
    assert set(re.findall(r'href="([^"#][^"]*)"', page)) == set()
    inside = json.loads(re.search(r'id="files">(.*?)</script>', page)[1])
    assert sorted(inside) == sorted(paths[:3])
    texts = {path: text for part in analysis.parts for path, text in part.texts.items()}
    for path in paths[:2]:
        assert gzip.decompress(base64.b64decode(inside[path])).decode() == texts[path]
    assert '<span>results</span> <span class="muted">PARQUET</span>' in page
    assert '<button type="button" class="as-link" data-file="figures/top.svg">SVG</button>' in page
    # Where there is no room for all, tables go first.
    monkeypatch.setattr(files, "ROOM", sum(len(inside[path]) for path in paths[:2]))
    small = render(analysis, downloads=paths)
    assert sorted(json.loads(re.search(r'id="files">(.*?)</script>', small)[1])) == sorted(paths[:2])


@pytest.mark.slow
def test_a_large_grid_comes_in_portions():
    levels = {
        "attention": [f"attention_{i:02d}" for i in range(16)] + ["mean"],
        "fusion": [f"fusion_{i:02d}" for i in range(17)],
        "architecture": ["independent", "shared"],
    }
    truths = {"synergy": TRUTHS["synergy"]}
    families = dict.fromkeys(levels["fusion"], "late (features)")
    found = analyse(**make(truths=truths, levels=levels, families=families, seeds=2).arguments())
    page = render(found)
    static, rest, _ = re.split(KEPT, page, flags=re.DOTALL)
    assert static[static.index('id="table"') :].count("<tr class=") == STATIC_ROWS
    assert rest.count("<tr class=") == len(found.context.datasets[0].rows) - STATIC_ROWS
    # The whole of 17 x 17 x 6 cells on three data sets, at this size a row, stays under 15 MB.
    assert len(page.encode()) / len(found.context.datasets[0].rows) * 17 * 17 * 6 * 3.5 < 15e6
