"""Charts of saved views, in the form of MLflow's pages: each over the whole width, of one data set."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mmbench.schema.metric import METRICS

HEIGHT = 440
"""Of a chart, in pixels."""


def _chart(kind: str, number: int, section: str, **more: Any) -> dict[str, Any]:
    flags = {"runsCountToCompare": 100, "deleted": False, "isGenerated": False}
    return {"type": kind, "uuid": f"chart{number}", "metricSectionId": section, **flags, **more}


def _board(sections: Iterable[tuple[str, str]], charts: list[dict[str, Any]]) -> dict[str, Any]:
    """The part of a view's state that holds charts, one beside none."""
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
    # MLflow names such a chart after its axes, so the colours are told by the section.
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
    found = {f"val_{metric}": f"{METRICS[metric].label} on validation", "train_loss": "training loss"}
    charts = [
        _chart(
            "LINE",
            number,
            "curves",
            metricKey=f"curves/{key}",
            selectedMetricKeys=[f"curves/{key}"],
            displayName=f"{words}, seed 0 ({legend})",
            **axes,
            **unset,
        )
        for number, (key, words) in enumerate(found.items(), 1)
    ]
    return _board([("curves", "Learning curves")], charts)
