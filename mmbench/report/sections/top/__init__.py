"""The best combinations and the controls, drawn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmbench.report.draw import dots
from mmbench.report.draw.views import View, views
from mmbench.report.scores.cautions import on_all
from mmbench.report.scores.context import Context
from mmbench.report.section import Section, section
from mmbench.report.values import numbers
from mmbench.report.values.overall import Overall


@section("top")
class Top(Section[Context]):
    """The leaders of the field, with their intervals."""

    title = "Best combinations"
    order = 5

    def compute(self, context: Context) -> Context | None:
        return context if any(figure.rows for *_, figure in _figures(context)) else None

    def view(self, record: Context) -> Mapping[str, Any]:
        interval = f"mean over seeds, {numbers.percent(record.confidence)} interval"
        return {
            "a": record,
            "cautions": on_all(record),
            "keys": _figures(record),
            "title": self.title,
            "sure": interval if record.replicated else "one seed",
            "confidence": numbers.percent(record.confidence),
        }


def _figures(context: Context) -> list[tuple[View, str, dots.Dots]]:
    """By view: title and figure."""
    found = []
    for view in views(context):
        if isinstance(view.report, Overall):
            scales = {d.name: d.scale for d in context.datasets}
            found.append((view, "Over all data sets.", dots.key_figure_overall(view.report, scales)))
        else:
            found.append((view, f"On {view.report.name}, with controls.", dots.key_figure(view.report)))
    return found
