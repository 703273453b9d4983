"""Tables of all metrics: one row per method; in the CSV one row per method and metric."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mmbench.report.draw.table import Column, Table, build, spread_columns
from mmbench.report.scores.context import Context
from mmbench.report.values import titles
from mmbench.report.values.cells import CellRow
from mmbench.report.values.datasets import DatasetReport
from mmbench.report.values.scale import Scale, scale_of
from mmbench.report.values.words import interval
from mmbench.schema.metric import METRICS


def metric_tables(context: Context) -> Iterator[Table]:
    """Of every data set with scores."""
    for d in context.datasets:
        rows = [row for row in d.rows if row.metrics]
        if rows:
            scales = {
                name: scale_of(
                    name, 0.0, scores=[row.metrics[name].mean for row in rows if name in row.metrics], guess=None
                )
                for name in METRICS
                if any(name in row.metrics for row in rows)
            }
            caption = f"{d.name}: every metric on test, {context.seeds_words}"
            columns = [
                ("method", lambda row: titles.method(row.method), False),
                *(_column(n, s) for n, s in scales.items()),
            ]
            yield build(f"metrics_{d.name}", caption, rows, _raw(d, rows, scales), columns)


def _column(name: str, scale: Scale) -> Column:
    return (f"{scale.label} {scale.arrow}", lambda row: interval(row.metrics.get(name), scale), True)


def _raw(d: DatasetReport, rows: list[CellRow], scales: dict[str, Scale]) -> Iterator[dict[str, Any]]:
    for row in rows:
        for name, scale in scales.items():
            value = row.metrics.get(name)
            if value is not None:
                yield {
                    "dataset": d.name,
                    "method": row.key,
                    "title": titles.method(row.method),
                    "role": row.method.role,
                    "metric": name,
                    "label": scale.label,
                    "better": "higher" if scale.higher else "lower",
                    **spread_columns("score", value),
                    "n": value.n,
                }
