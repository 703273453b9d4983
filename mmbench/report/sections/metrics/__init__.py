"""Every metric of every method."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mmbench.report.draw.table import Table
from mmbench.report.scores.context import Context
from mmbench.report.section import Section, section
from mmbench.report.sections.metrics.tables import metric_tables


@section("metrics")
class EveryMetric(Section[Context]):
    """One table per data set, also of metrics that no other section shows."""

    title = "All metrics"
    order = 105

    def compute(self, context: Context) -> Context | None:
        return context if any(row.metrics for d in context.datasets for row in d.rows) else None

    def tables(self, record: Context) -> Iterator[Table]:
        yield from metric_tables(record)

    def view(self, record: Context) -> Mapping[str, Any]:
        """Tables by data set."""
        with_scores = [d.name for d in record.datasets if any(row.metrics for row in d.rows)]
        return {"shown": list(zip(with_scores, metric_tables(record), strict=True))}
