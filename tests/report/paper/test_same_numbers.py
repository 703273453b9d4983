"""One question, one answer: page, Markdown, LaTeX, macros and verdicts.json have the same estimate and interval."""

from __future__ import annotations

import json
import re
from html import unescape
from pathlib import Path

import pytest

from mmbench.report.build import analyse
from mmbench.report.export import export
from mmbench.report.pages.html import render
from mmbench.report.pages.report import Report
from mmbench.report.paper.macros import camel
from mmbench.report.values import titles
from tests.support.factory import TRUTHS, make

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def report() -> Report:
    truths = {name: TRUTHS[name] for name in ("redundant", "synergy")}
    return analyse(**make(truths=truths, seeds=4, noise=0.005).arguments())


@pytest.fixture(scope="module")
def folder(report: Report, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reports")
    (folder / "report.html").write_text(render(report, downloads=export(report, folder)), encoding="utf-8")
    return folder


def number(text: str) -> tuple[float, float]:
    """Estimate and half width, however they are written."""
    plain = re.sub(r"[^\d.+-]+", " ", text.replace("$-$", "-").replace("−", "-")).split()
    return float(plain[0]), float(plain[1])


def on_the_page(folder: Path) -> dict[tuple[str, str, str], tuple[float, float]]:
    """View, subject and reference -> what the first screen says."""
    page = (folder / "report.html").read_text(encoding="utf-8")
    first = page[page.index('class="first"') :]
    first = first[: first.index("</section>")]
    found = {}
    for view, body in re.findall(
        r'<div class="view" data-view="(\w+)">(.*?)(?=<div class="view"|\Z)', first, re.DOTALL
    ):
        for row in re.findall(r'<td class="n">(.*?)</td>.*?<td class="v">(.*?)</td>', body, re.DOTALL):
            names = unescape(re.sub(r"<[^>]+>", "", row[0]))
            if ": " not in names:
                subject, _, reference = names.partition(" minus ")
                found[view, subject, reference] = number(unescape(re.sub(r"<[^>]+>", "", row[1])))
    return found


def in_markdown(folder: Path) -> dict[tuple[str, str, str], tuple[float, float]]:
    found = {}
    for line in (folder / "tables" / "choices.md").read_text(encoding="utf-8").splitlines()[2:]:
        cells = [c.strip() for c in line.replace("\\", "").replace("**", "").strip("|").split("|")]
        scope, _, given, subject, reference, difference = cells[:6]
        if not given:
            found[scope, subject, reference] = number(difference)
    return found


def in_latex(folder: Path, names: tuple[str, ...]) -> dict[tuple[str, str], list[tuple[float, float]]]:
    """Short names of subject and reference -> all data sets, then each."""
    found = {}
    for line in (folder / "paper" / "table-contrasts.tex").read_text(encoding="ascii").splitlines():
        if "$\\pm$" in line and line.endswith("\\\\"):
            first, *cells = line.removesuffix("\\\\").split(" & ")
            subject, _, reference = first.replace("{-}", "-").partition(" $-$ ")
            values = [
                c.replace("\\textbf", "").replace("\\underline", "").replace("\\scriptsize$\\pm$", " ") for c in cells
            ]
            found[subject, reference] = [number(v) for v in values]
    assert all(len(v) == 1 + len(names) for v in found.values())
    return found


def in_macros(folder: Path) -> dict[str, str]:
    text = (folder / "paper" / "numbers.tex").read_text(encoding="ascii")
    return dict(re.findall(r"^\\newcommand\{\\mmb(\w+)\}\{(.*)\}$", text, re.MULTILINE))


def test_every_contrast_is_the_same_everywhere(report: Report, folder: Path) -> None:
    page, markdown, macros = on_the_page(folder), in_markdown(folder), in_macros(folder)
    table = in_latex(folder, report.context.names)
    seen = 0
    for v in json.loads((folder / "verdicts.json").read_text(encoding="utf-8"))["verdicts"]:
        if v["kind"] != "contrast":
            continue
        name, axis = v["dataset"], v["axis"]
        expected = (round(100 * v["estimate"], 1), round(50 * (v["high"] - v["low"]), 1))
        long = tuple(titles.level(axis, v[side]) for side in ("subject", "reference"))
        short = tuple(titles.level(axis, v[side], short=True) for side in ("subject", "reference"))
        near = pytest.approx(expected, abs=0.0501)
        assert markdown[(name, *long)] == near
        if (name, *long) in page:
            assert page[(name, *long)] == markdown[(name, *long)]
            seen += 1
        column = 1 + report.context.names.index(name)
        own = table.get(short) or [(-a, b) for a, b in table[short[::-1]]]
        assert own[column] == markdown[(name, *long)]
        macro = f"{camel(name)}{camel(v['subject'])}Minus{camel(v['reference'])}"
        assert number(f"{macros[macro]} {macros[f'{macro}Half']}") == markdown[(name, *long)]
        assert number(macros[f"{macro}Interval"]) == markdown[(name, *long)]
        assert macros[f"{macro}Verdict"] == v["verdict"]
    assert seen >= 8, "the first screen shows most of them"


def test_over_all_data_sets_as_well(report: Report, folder: Path) -> None:
    page, markdown, macros = on_the_page(folder), in_markdown(folder), in_macros(folder)
    table = in_latex(folder, report.context.names)
    compared = 0
    for axis in report.context.scopes[None].axes:
        for c in axis.pairs:
            sides = (c.found.subject, c.found.reference)
            long = tuple(titles.level(axis.axis, x) for x in sides)
            said = markdown[("all", *long)]
            assert said == pytest.approx((100 * c.found.mean, 100 * (c.found.half or 0.0)), abs=0.0501)
            assert table[tuple(titles.level(axis.axis, x, short=True) for x in sides)][0] == said
            macro = f"{camel(sides[0])}Minus{camel(sides[1])}"
            assert number(f"{macros[macro]} {macros[f'{macro}Half']}") == said
            if ("all", *long) in page:
                assert page[("all", *long)] == said
                compared += 1
    assert compared >= 5


def test_every_score_of_the_matrix_is_that_of_the_page_and_of_markdown(report: Report, folder: Path) -> None:
    page = (folder / "report.html").read_text(encoding="utf-8")
    for d in report.context.datasets:
        text = (folder / "paper" / f"table-matrix-{d.name}.tex").read_text(encoding="ascii")
        cells = re.findall(r"([.\d]+)\}*\{\\scriptsize\$\\pm\$([.\d]+)\}", text)
        rows = (folder / "tables" / f"cells_{d.name}.md").read_text(encoding="utf-8")
        for row in d.cells:
            assert row.score is not None
            mean, half = d.scale.number(row.score.mean), d.scale.number(row.score.half)
            assert (d.scale.short(row.score.mean), d.scale.short(row.score.half)) in cells
            assert (
                f"{titles.method(row.method)}** | **{mean} ± {half}" in rows
                or f"{titles.method(row.method)} | {mean} ± {half}" in rows
            )
            assert mean in page
        assert len(cells) == len(d.cells)
