"""Summaries over data sets that no single outlier decides."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from mmbench.report.draw import markdown as md
from mmbench.report.draw.table import Table
from mmbench.report.scores.cautions import on_all
from mmbench.report.scores.context import Context
from mmbench.report.section import Block, Drawing, Section, ShowFigure, ShowTable, section
from mmbench.report.sections.aggregates.compute import aggregates
from mmbench.report.sections.aggregates.figures import profiles, summaries
from mmbench.report.sections.aggregates.record import Summaries
from mmbench.report.sections.aggregates.summary import summary
from mmbench.report.sections.aggregates.tables import aggregates as tables_of
from mmbench.report.values import numbers


@section("aggregates")
class AggregatesOverDatasets(Section[Summaries]):
    """Inter-quartile means, probabilities of improvement and performance profiles."""

    title = "Other averages: IQM"
    order = 70

    def compute(self, context: Context) -> Summaries:
        best = [r.key for r in context.overall.rows if r.score is not None] if context.overall is not None else []
        scope = context.scopes.get(None)
        axes = () if scope is None else scope.axes
        found = aggregates(context.complete_block, context.levels, best, context.confidence, axes)
        return Summaries(
            found=found,
            confidence=context.confidence,
            by_rank=context.scale.is_ranks,
            cautions=on_all(context),
        )

    def tables(self, record: Summaries) -> Iterator[Table]:
        yield from tables_of(record.found, record.confidence)

    def figures(self, record: Summaries) -> Iterator[Drawing]:
        for name, figure in (("aggregates", summaries(record.found)), ("profiles", profiles(record.found))):
            if figure is not None:
                yield Drawing(name=name, figure=figure)

    def view(self, record: Summaries) -> Mapping[str, Any]:
        return {
            "r": record.found,
            "cautions": record.cautions,
            "by_rank": record.by_rank,
            "confidence": numbers.percent(record.confidence),
            "summaries": [summary(t, record.found.scale) for t in record.found.tables],
        }

    def markdown(self, record: Summaries) -> Iterator[Block]:
        found = record.found
        yield "## Other ways to average: inter-quartile means over data sets"
        yield f"{found.finding}."
        yield from map(md.line, record.cautions)
        yield from md.incomplete(found.refused, found.dropped)
        yield md.bullets(f"{t.finding}." for t in found.tables)
        yield ShowTable(name="aggregates")
        yield ShowFigure(name="aggregates", alt="Inter-quartile means and probabilities of improvement")
        yield ShowFigure(name="profiles", alt="Performance profiles")

    def plots(self, record: Summaries) -> Iterator[tuple[str, pd.DataFrame]]:
        if not record.found.tables:
            return
        rows = [
            (t.factor, m.name, *values)
            for t in record.found.tables
            for m in t.members
            for values in zip(t.thresholds, m.profile, m.profile_low, m.profile_high, strict=True)
        ]
        columns = ["factor", "level", "threshold", "share", "low", "high"]
        yield "profiles", pd.DataFrame(rows, columns=columns)
