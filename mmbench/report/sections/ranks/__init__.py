"""Ranks of each factor's levels over data sets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from mmbench.report.draw import markdown as md
from mmbench.report.draw.table import Table
from mmbench.report.scores.cautions import on_all
from mmbench.report.scores.context import Context
from mmbench.report.section import Block, Drawing, Section, ShowFigure, ShowTable, section
from mmbench.report.sections.ranks.compute import ranks
from mmbench.report.sections.ranks.figures import ladders
from mmbench.report.sections.ranks.ladder import ladder
from mmbench.report.sections.ranks.record import Ranks
from mmbench.report.sections.ranks.tables import ranks as tables_of


@section("ranks")
class RanksOverDatasets(Section[Ranks]):
    """Ladders of mean ranks, with brackets where a test could be made."""

    title = "Other averages: ranks"
    order = 60

    def compute(self, context: Context) -> Ranks:
        scope = context.scopes.get(None)
        axes = () if scope is None else scope.axes
        made = ranks(context.complete_block, context.levels, context.confidence, axes)
        return replace(made, cautions=on_all(context))

    def tables(self, record: Ranks) -> Iterator[Table]:
        yield from tables_of(record)

    def figures(self, record: Ranks) -> Iterator[Drawing]:
        figure = ladders(record)
        if figure is not None:
            yield Drawing(name="ranks", figure=figure)

    def view(self, record: Ranks) -> Mapping[str, Any]:
        return {"r": record, "ladders": [ladder(t) for t in record.tables]}

    def markdown(self, record: Ranks) -> Iterator[Block]:
        yield "## Other ways to average: ranks over data sets"
        yield f"{record.finding}."
        yield from map(md.line, record.cautions)
        yield from md.incomplete(record.refused, record.dropped)
        yield md.bullets(x for t in record.tables for x in (f"{t.finding}.", t.withheld) if x)
        yield ShowTable(name="ranks")
        yield ShowTable(name="rank_tests")
        yield ShowFigure(name="ranks", alt="Mean ranks of every level")
