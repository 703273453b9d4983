"""Cite this run: the text files for papers, and references and methods to copy from the page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mmbench.report.draw import latex
from mmbench.report.paper.contrasts import contrasts
from mmbench.report.paper.controls import controls
from mmbench.report.paper.macros import numbers
from mmbench.report.paper.matrix import matrix
from mmbench.report.paper.methods import methods
from mmbench.report.paper.sources import bib
from mmbench.report.paper.tabular import Grid, environment
from mmbench.report.scores.context import Context
from mmbench.report.section import Section, section

MOST = 20_000
"""Characters of numbers that the page holds, too; of large grids they are in reports/paper alone."""


@section("paper")
class Paper(Section[Context]):
    """reports/paper, but for the figures, which other sections draw."""

    title = "Cite this run"
    anchor = "cite"
    order = 125

    def compute(self, context: Context) -> Context | None:
        return context if any(d.best for d in context.datasets) else None

    def paper(self, record: Context) -> Iterator[tuple[str, str]]:
        yield "numbers.tex", numbers(record)
        yield "methods.tex", methods(record)
        yield "references.bib", bib(record)
        for grid in _grids(record):
            yield f"table-{latex.letters(grid.name)}.tex", environment(grid)

    def view(self, record: Context) -> Mapping[str, Any]:
        macros = numbers(record)
        return {
            "bib": bib(record),
            "methods": methods(record),
            "numbers": macros if len(macros) <= MOST else "",
            "tables": "\n".join(environment(grid) for grid in _grids(record)),
        }


def _grids(context: Context) -> Iterator[Grid]:
    found = [contrasts(context), controls(context), *(matrix(context, d) for d in context.datasets)]
    yield from (grid for grid in found if grid is not None)
