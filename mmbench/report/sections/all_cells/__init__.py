"""The table of everything, sortable and filtered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmbench.report.draw.views import views
from mmbench.report.scores.cautions import on_all
from mmbench.report.scores.context import Context
from mmbench.report.section import Section, section
from mmbench.report.sections.all_cells.rows import REACH, of_dataset, of_overall
from mmbench.report.values import titles
from mmbench.report.values.overall import Overall


@section("all_cells")
class AllCells(Section[Context]):
    """Page only: the section `cells` has the same as tables."""

    title = "All combinations"
    anchor = "table"
    order = 100

    def compute(self, context: Context) -> Context:
        return context

    def view(self, record: Context) -> Mapping[str, Any]:
        reports = {d.name: d for d in record.datasets}
        return {
            "a": record,
            "cautions": on_all(record),
            "filters": filters(record),
            "reach": REACH,
            "alone": record.provenance.timed_alone,
            "everywhere": len(record.provenance.timed_alone) == len(record.datasets),
            "views": [
                (v, of_overall(v.report, reports) if isinstance(v.report, Overall) else of_dataset(v.report))
                for v in views(record)
            ],
        }


def filters(context: Context) -> list[tuple[str, list[tuple[str, str]]]]:
    """By what rows can be filtered, and the values with their labels."""
    roles: set[str] = {r.method.role for d in context.datasets for r in d.rows}
    labels: dict[str, str] = {"cell": "combinations", "single": "single modalities", "baseline": "baselines"}
    groups = [("show", [(role, label) for role, label in labels.items() if role in roles])]
    groups += [(f.name, [(lv, titles.level(f.name, lv)) for lv in f.by_score]) for f in context.factors]
    return [(name, levels) for name, levels in groups if len(levels) > 1]
