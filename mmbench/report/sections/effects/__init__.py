"""How much each axis matters: marginal means, and the variance that factors and interactions explain."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import pandas as pd

from mmbench.report.draw import markdown as md
from mmbench.report.draw.table import Table
from mmbench.report.scores.cautions import on_all
from mmbench.report.scores.context import Context
from mmbench.report.section import Block, Drawing, Section, ShowFigure, ShowTable, section
from mmbench.report.sections.effects.figures import marginal_means
from mmbench.report.sections.effects.interaction_figure import caption, interaction_figure
from mmbench.report.sections.effects.page import effect_views
from mmbench.report.sections.effects.tables import effect_tables, effects_tables
from mmbench.report.values import numbers


@section("effects")
class FactorEffects(Section[Context]):
    """`Context.effects`, which also orders the levels of all other sections."""

    title = "Effects"
    order = 50
    places: ClassVar[Mapping[str, float]] = {"figures": 20}

    def compute(self, context: Context) -> Context:
        return context

    def tables(self, record: Context) -> Iterator[Table]:
        yield from effects_tables(record)

    def figures(self, record: Context) -> Iterator[Drawing]:
        figure = marginal_means(record)
        if figure is not None:
            text = "Marginal means of every level, over the settings that all levels of its axis share"
            noise = ", with intervals for comparing levels." if record.replicated else "; one seed, no intervals."
            yield Drawing(name="marginal_means", figure=figure, caption=text + noise, use="both")
        for e in effect_tables(record):
            figure = interaction_figure(e)
            if figure is not None:
                text = caption(e, record.confidence, replicated=record.replicated)
                name = f"interactions_{e.dataset}" if e.dataset else "interactions"
                yield Drawing(name=name, figure=figure, dataset=e.dataset, caption=text, use="both")

    def view(self, record: Context) -> Mapping[str, Any]:
        return {
            "a": record,
            "cautions": on_all(record),
            "effects": effect_views(record),
            "confidence": numbers.percent(record.confidence),
        }

    def markdown(self, record: Context) -> Iterator[Block]:
        yield "## Main effects and interactions"
        yield from map(md.line, on_all(record))
        yield md.line(record.effects.winner_sentence)
        parts = effect_tables(record)
        yield md.bulleted(f"{e.dataset or 'All data sets'}: {e.finding}." for e in parts) or "Nothing to compare yet."
        for e in parts:
            if e.dropped:
                yield md.bulleted(f"{e.dataset or 'All data sets'}: {x}." for x in e.dropped)
        yield ShowTable(name="effects")
        yield ShowTable(name="marginal_means")
        yield ShowFigure(name="marginal_means", alt="Marginal means of every level")
        for e in parts:
            name = f"interactions_{e.dataset}" if e.dataset else "interactions"
            yield ShowFigure(name=name, alt=f"{e.dataset or 'All data sets'}: means of every two levels together")

    def plots(self, record: Context) -> Iterator[tuple[str, pd.DataFrame]]:
        rows = [
            (t.dataset or "all", m.factor, m.level, m.score.mean, m.score.low, m.score.high)
            for t in effect_tables(record)
            for m in t.means
        ]
        yield "marginal_means", pd.DataFrame(rows, columns=["dataset", "factor", "level", "mean", "low", "high"])
