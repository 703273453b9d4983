"""Tables for papers: what they hold, and what they leave out where there is no room."""

from __future__ import annotations

import re

import pytest

from mmbench.report.build import analyse
from mmbench.report.draw import latex
from mmbench.report.pages.report import Report
from mmbench.report.paper.contrasts import contrasts
from mmbench.report.paper.controls import controls
from mmbench.report.paper.matrix import matrix
from mmbench.report.paper.tabular import Cell, Grid, environment
from mmbench.report.paper.widths import ONE, PAGE_ROWS, TWO
from mmbench.report.values import titles
from mmbench.schema.result import State
from tests.support.factory import OTHERS, TRUTHS, large, make


@pytest.fixture(scope="module")
def report() -> Report:
    truths = {name: TRUTHS[name] for name in ("unique", "synergy")}
    return analyse(
        **make(truths=truths, seeds=4, noise=0.006, faults=dict.fromkeys((0, 36, 72, 108), State.FAILED)).arguments()
    )


def rows(text: str) -> list[list[str]]:
    body = text[text.index("\\midrule") : text.index("\\bottomrule")]
    return [line.removesuffix(" \\\\").split(" & ") for line in body.splitlines() if line.endswith("\\\\")]


def test_a_matrix_has_every_combination_the_best_in_bold_and_equals_underlined(report: Report) -> None:
    for d in report.context.datasets:
        grid = matrix(report.context, d)
        assert grid is not None
        text = environment(grid)
        found = rows(text)
        assert len(found) == 3 and all(len(row) == 10 for row in found)
        cells = [cell for row in found for cell in row[1:]]
        best = [cell for cell in cells if cell.startswith("\\textbf{")]
        assert len(best) == 1 and d.scale.short(d.row(str(d.best)).score.mean) in best[0]  # type: ignore[union-attr]
        equal = sum(r.verdict == "equal" and not r.best for r in d.cells)
        opened = sum(r.verdict == "open" and not r.best for r in d.cells)
        assert sum(cell.startswith("\\underline{") for cell in cells) == equal
        assert sum("$\\circ$" in cell for cell in cells) == opened
        assert ("underlined" in grid.notes) == bool(equal) and ("◦" in grid.notes) == bool(opened)
        for r in d.cells:
            assert r.score is None or any(latex.escape(d.scale.short(r.score.mean)) in cell for cell in cells)
    assert "✕" in [c.text for row in matrix(report.context, report.context.dataset("unique")).rows for c in row]  # type: ignore[union-attr]


def test_contrasts_are_those_of_all_other_places(report: Report) -> None:
    grid = contrasts(report.context)
    assert grid is not None and list(grid.heads) == ["difference", "all", "unique", "synergy"]
    found = {row[0].text: row[1:] for row in grid.rows if row is not None}
    for axis in report.context.scopes[None].axes:
        for c in axis.pairs:
            subject, reference = (titles.level(axis.axis, x, short=True) for x in (c.found.subject, c.found.reference))
            first, *each = found[f"{subject} − {reference}"]
            assert first.text == report.context.scale.change(c.found.mean)
            assert first.half == report.context.scale.width(c.found.half or 0.0)
            assert first.bold == (c.found.verdict == "better") and first.underlined == (c.found.verdict == "equal")
            for cell, name in zip(each, report.context.names, strict=True):
                own = report.context.scopes[name].axes
                pair = next(a for a in own if a.axis == axis.axis).pair(c.found.subject, c.found.reference)
                assert pair is not None
                sign = 1 if pair.found.subject == c.found.subject else -1
                assert cell.text == report.context.dataset(name).scale.change(sign * pair.found.mean)
                assert cell.bold == (pair.found.verdict in ("better", "worse"))


def test_controls_stand_beside_the_best_and_the_best_of_all_is_bold(report: Report) -> None:
    grid = controls(report.context)
    assert grid is not None
    names = [row[0].text for row in grid.rows if row is not None]
    assert names == ["best combination", "audio alone", "image alone", "text alone", "linear model", "majority"]
    for i, d in enumerate(report.context.datasets, 1):
        bold = [row[0].text for row in grid.rows if row is not None and row[i].bold]
        best = max((r for r in d.rows if r.score), key=lambda r: r.score.mean)  # type: ignore[union-attr]
        assert bold == ["best combination"] == [bold[0]] and best.key == d.best


def test_of_an_error_less_is_better() -> None:
    report = analyse(**make(truths={"mood": OTHERS["mood"]}, seeds=4, noise=0.004).arguments())
    d = report.context.dataset("mood")
    grid = matrix(report.context, d)
    assert grid is not None and "lower is better" in grid.caption
    bold = [c.text for row in grid.rows for c in row or () if c.bold]
    assert bold == [d.scale.short(min(r.score.mean for r in d.cells if r.score))]


@pytest.mark.slow
def test_a_large_grid_is_cut_to_a_page_and_says_what_is_left_out() -> None:
    report = analyse(**large(truths={"synergy": TRUTHS["synergy"]}).arguments())
    d = report.context.dataset("synergy")
    grid = matrix(report.context, d)
    assert grid is not None and grid.size is not None and grid.lines <= PAGE_ROWS
    assert re.search(r"Shown: the \d+ best of 17 fusions", grid.notes) and "All 1,734 combinations" in grid.notes
    assert "tables/cells_synergy.csv" in grid.notes
    assert sum(c.bold for row in grid.rows for c in row or ()) == 1, "the best is among what is shown"
    table = contrasts(report.context)
    assert table is not None and table.size is not None
    assert "only differences to the best are shown" in table.notes


def test_many_data_sets_are_cut_to_a_page_and_the_rest_is_named() -> None:
    truths = {f"a_data_set_with_a_long_name_{i}": TRUTHS["synergy"] for i in range(9)}
    made = make(
        truths=truths, levels={"attention": ["mean", "additive"], "fusion": ["concat"], "architecture": ["shared"]}
    )
    context = analyse(**made.arguments()).context
    for grid in (contrasts(context), controls(context)):
        assert grid is not None and grid.size is not None and len(grid.heads) < 10
        assert "Not shown for want of room: a_data_set_with_a_long_name" in grid.notes


def test_a_table_is_as_narrow_and_as_large_as_fits() -> None:
    def grid(columns: int, letters: int = 8, lines: int = 2) -> Grid:
        cells = [[Cell(text="x" * letters) for _ in range(columns)] for _ in range(lines)]
        return Grid(name="t", caption="c", notes="", heads=["a"] * columns, rows=cells)

    assert grid(2).size == ("\\footnotesize", False)
    assert grid(6).size == ("\\scriptsize", False) or grid(6).wide(7.0) > ONE
    assert grid(9).size is not None and grid(9).size[1]  # type: ignore[index]
    assert grid(30).size is None and grid(30).wide(7.0) > TWO
    assert grid(2, lines=PAGE_ROWS).size is None
    with pytest.raises(ValueError, match="wider or longer than a page"):
        environment(grid(30))
