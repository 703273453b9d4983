"""Charts of saved views, in the form of MLflow's pages: each over the whole width, of one data set."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

HEIGHT = 440
"""Of a chart, in pixels."""


def _chart(kind: str, number: int, section: str, **more: Any) -> dict[str, Any]:
    flags = {"runsCountToCompare": 100, "deleted": False, "isGenerated": False}
    return {"type": kind, "uuid": f"chart{number}", "metricSectionId": section, **flags, **more}


def _board(sections: Iterable[tuple[str, str]], charts: list[dict[str, Any]]) -> dict[str, Any]:
    """The part of a view's state that holds charts, one beside none. MLflow names a chart after its metrics, and its
    legend has runs alone, so what the colours mean is said by the section."""
    shown = {"display": True, "isReordered": True, "deleted": False, "isGenerated": False}
    return {
        "compareRunCharts": charts,
        "compareRunSections": [
            {"uuid": key, "name": name, "columns": 1, "cardHeight": HEIGHT, **shown} for key, name in sections
        ],
        "isAccordionReordered": True,
    }


def score_against_cost(metric: str, legend: str) -> dict[str, Any]:
    """A point for each combination: its mean against parameters and against training time. legend: of colours."""
    charts = [
        _chart("SCATTER", number, "cost", xaxis=_axis(f"usage/{cost}"), yaxis=_axis(f"mean/test/{metric}"))
        for number, cost in enumerate(("parameters", "train_seconds"), 1)
    ]
    return _board([("cost", legend)], charts)


def _axis(key: str) -> dict[str, str]:
    return {"key": key, "type": "METRIC", "dataAccessKey": key}


def learning_curves(metric: str, legend: str) -> dict[str, Any]:
    """A line for each trial that is shown: its score on validation and its training loss. legend: of colours."""
    axes = {"scaleType": "linear", "xAxisKey": "step", "xAxisScaleType": "linear", "yAxisKey": "metric", "range": {}}
    unset = {"lineSmoothness": 0, "selectedXAxisMetricKey": "", "yAxisExpressions": []}
    charts = [
        _chart("LINE", number, "curves", metricKey=key, selectedMetricKeys=[key], **axes, **unset)
        for number, key in enumerate((f"curves/val_{metric}", "curves/train_loss"), 1)
    ]
    return _board([("curves", f"Seed 0: {legend}")], charts)
