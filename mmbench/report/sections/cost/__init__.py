"""What quality costs: Pareto fronts, and cost against length."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import pandas as pd

from mmbench.report.draw import markdown as md
from mmbench.report.draw.sheet import COLUMN, PAGE
from mmbench.report.draw.table import Table
from mmbench.report.draw.views import LABEL_GAP, Name
from mmbench.report.scores.cautions import on_all
from mmbench.report.scores.context import Context
from mmbench.report.section import Block, Drawing, Section, ShowFigure, ShowTable, section
from mmbench.report.sections.cost.figures import ROOM, caption, pareto_figure, score_cost_figure
from mmbench.report.sections.cost.length_figure import caption as length_caption
from mmbench.report.sections.cost.length_figure import length_figure
from mmbench.report.sections.cost.length_plots import length_view
from mmbench.report.sections.cost.lengths import length_report
from mmbench.report.sections.cost.pareto import pareto_view
from mmbench.report.sections.cost.plots import cost_plot, length_plot
from mmbench.report.sections.cost.record import Costs
from mmbench.report.sections.cost.tables import fronts_table, length_tables


@section("cost")
class Cost(Section[Costs]):
    """Score against each cost per data set; time and memory of every mechanism as sequences grow."""

    title = "Cost"
    order = 80
    places: ClassVar[Mapping[str, float]] = {"figures": 30}
    claims = ("cost",)

    def compute(self, context: Context) -> Costs:
        return Costs(context=context, lengths=tuple(length_report(p) for p in context.profiles))

    def tables(self, record: Costs) -> Iterator[Table]:
        yield from fronts_table(record.context)
        yield from length_tables(record.lengths)

    def figures(self, record: Costs) -> Iterator[Drawing]:
        c = record.context
        for d in c.datasets:
            figure = pareto_figure(d, PAGE)
            if figure is not None:
                text = caption([d], "cost", c.confidence, replicated=c.replicated)
                yield Drawing(name=f"pareto_{d.name}", figure=figure, dataset=d.name, caption=text, use="both")
        for name, width in (("figure2", PAGE), ("figure2_column", COLUMN)):
            figure = score_cost_figure(c.datasets, width)
            if figure is not None:
                text = caption(c.datasets[: ROOM[width]], "training time", c.confidence, replicated=c.replicated)
                yield Drawing(name=name, figure=figure, caption=text, use="paper")
        for part in record.lengths:
            if any(row.lengths for row in part.rows):
                text = length_caption(part)
                yield Drawing(name=f"length_{part.device}", figure=length_figure(part), caption=text, use="both")

    def view(self, record: Costs) -> Mapping[str, Any]:
        a = record.context
        paretos = [
            (Name(name=d.name, title=d.name, scale=d.scale), [p for f in d.fronts if (p := pareto_view(d, f))])
            for d in a.datasets
        ]
        better = "higher" if all(d.scale.higher for d in a.datasets) else "better"
        return {
            "a": a,
            "cautions": on_all(a),
            "heading": f"What a {better} score costs",
            "score_word": better,
            "paretos": paretos,
            "costs": list(dict.fromkeys((p.cost, p.short) for _, group in paretos for p in group)),
            "lengths": [length_view(part, gap=LABEL_GAP) for part in record.lengths],
        }

    def markdown(self, record: Costs) -> Iterator[Block]:
        yield "## Cost"
        yield from map(md.line, on_all(record.context))
        for d in record.context.datasets:
            if d.fronts:
                yield md.bulleted(f"{d.name}: {f.finding}." for f in d.fronts)
            yield ShowFigure(name=f"pareto_{d.name}", alt=f"{d.name}: score against cost")
        yield ShowTable(name="pareto")
        for part in record.lengths:
            yield f"### {md.escape(part.finding)}"
            yield ShowFigure(name=f"length_{part.device}", alt=f"Cost against length, {part.device}")
            yield ShowTable(name=f"length_{part.device}")

    def plots(self, record: Costs) -> Iterator[tuple[str, pd.DataFrame]]:
        yield "cost", cost_plot(record.context)
        if record.lengths:
            yield "length", length_plot(record.lengths)
