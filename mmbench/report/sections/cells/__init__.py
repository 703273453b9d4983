"""Every cell: heatmaps, and the tables of all methods."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mmbench.report.draw import heat
from mmbench.report.draw import markdown as md
from mmbench.report.draw.table import Table
from mmbench.report.draw.views import views
from mmbench.report.scores.cautions import on_all
from mmbench.report.scores.context import Context
from mmbench.report.section import Block, Drawing, Section, ShowFigure, ShowTable, section
from mmbench.report.sections.cells.figures import caption, heatmap
from mmbench.report.sections.cells.tables import cell_tables, overall_table
from mmbench.report.values.overall import Overall


@section("cells")
class Cells(Section[Context]):
    """Attention by fusion, one table per architecture."""

    title = "Heatmaps"
    anchor = "heatmaps"
    order = 30

    def compute(self, context: Context) -> Context:
        return context

    def tables(self, record: Context) -> Iterator[Table]:
        yield from cell_tables(record)
        yield from overall_table(record)

    def figures(self, record: Context) -> Iterator[Drawing]:
        for d in record.datasets:
            figure = heatmap(record, d)
            if figure is not None:
                text = caption(record, d)
                yield Drawing(name=f"heatmap_{d.name}", figure=figure, dataset=d.name, caption=text, use="both")

    def view(self, record: Context) -> Mapping[str, Any]:
        return {
            "a": record,
            "views": [
                (
                    v,
                    heat.of_overall(record, v.report)
                    if isinstance(v.report, Overall)
                    else heat.of_dataset(record, v.report),
                )
                for v in views(record)
            ],
        }

    def markdown(self, record: Context) -> Iterator[Block]:
        yield "## All combinations"
        yield from map(md.line, on_all(record))
        for d in record.datasets:
            yield f"### {md.escape(d.name)}"
            yield md.line(d.description)
            yield ShowTable(name=f"cells_{d.name}")
            yield ShowFigure(name=f"heatmap_{d.name}", alt=f"{d.name}: every combination")
        if record.overall is not None:
            yield "### Over all data sets"
            yield ShowTable(name="overall")
