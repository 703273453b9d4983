"""What probes measured, for every probe that has no section of its own."""

from __future__ import annotations

from collections.abc import Iterator

from mmbench.report.draw import markdown as md
from mmbench.report.draw.table import Table
from mmbench.report.scores.context import Context
from mmbench.report.section import Block, Drawing, Section, ShowFigure, ShowTable, find_sections, section
from mmbench.report.sections.probes.compute import find_measured
from mmbench.report.sections.probes.figures import dots
from mmbench.report.sections.probes.record import Measured
from mmbench.report.sections.probes.tables import table


@section("probes")
class Probes(Section[tuple[Measured, ...]]):
    """A table and a figure per probe and data set."""

    title = "Other measurements"
    order = 90

    def compute(self, context: Context) -> tuple[Measured, ...] | None:
        claimed = {probe for each in find_sections()[0] for probe in each.claims}
        return find_measured(context, claimed) or None

    def tables(self, record: tuple[Measured, ...]) -> Iterator[Table]:
        yield from map(table, record)

    def figures(self, record: tuple[Measured, ...]) -> Iterator[Drawing]:
        for part in record:
            yield Drawing(name=part.name, figure=dots(part), dataset=part.dataset)

    def markdown(self, record: tuple[Measured, ...]) -> Iterator[Block]:
        yield f"## {self.title}"
        for part in record:
            yield f"### {md.escape(f'{part.probe} on {part.dataset}')}"
            yield ShowTable(name=part.name)
            yield ShowFigure(name=part.name, alt=f"{part.dataset}: what the probe {part.probe} measured")
