"""What a visitor sees first: the experiment's description and its saved views.

Saved views are experiment tags that MLflow's pages read but its documentation does not describe. Their form was read
from MLflow 3.17; the browser test shows when a later version reads them otherwise.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterable, Mapping
from typing import Any

from mmbench.tracking.store import Store

COLUMNS = (
    "metrics.`test/accuracy`",
    "metrics.`test/macro_f1`",
    "params.`dataset`",
    "params.`attention`",
    "params.`fusion`",
    "params.`architecture`",
    "metrics.`cost/parameters`",
    "metrics.`cost/train_seconds`",
    "tags.`state`",
)
WIDTHS = {"attributes.`Run Name`": 300, **dict.fromkeys(COLUMNS, 112)}
KEYS = {"best": "1 Best cells", "charts": "2 Charts", "attention": "3 By attention"}
SECTIONS = {"answer": "Answer", "curves": "Learning curves"}


def _chart(kind: str, number: int, section: str, **more: Any) -> dict[str, Any]:
    flags = {"runsCountToCompare": 100, "deleted": False, "isGenerated": False}
    return {"type": kind, "uuid": f"chart{number}", "metricSectionId": section, **flags, **more}


def _scatter(number: int, x: str, y: str) -> dict[str, Any]:
    xaxis, yaxis = ({"key": key, "type": "METRIC", "dataAccessKey": key} for key in (x, y))
    return _chart("SCATTER", number, "answer", xaxis=xaxis, yaxis=yaxis)


def _line(number: int, key: str) -> dict[str, Any]:
    axes = {"scaleType": "linear", "xAxisKey": "step", "xAxisScaleType": "linear", "yAxisKey": "metric", "range": {}}
    unset = {"lineSmoothness": 0, "selectedXAxisMetricKey": "", "yAxisExpressions": []}
    return _chart("LINE", number, "curves", metricKey=key, selectedMetricKeys=[key], **axes, **unset)


def _charts() -> list[dict[str, Any]]:
    choices = ["attention", "fusion", "architecture", "dataset"]
    return [
        _chart("PARALLEL", 1, "answer", selectedParams=choices, selectedMetrics=["test/accuracy"], showAllRuns=True),
        _scatter(2, "cost/parameters", "test/accuracy"),
        _scatter(3, "cost/train_seconds", "test/accuracy"),
        _line(4, "val/accuracy"),
        _line(5, "train/loss"),
    ]


def _state(**differences: Any) -> str:
    """One view's settings, in the form of MLflow's pages: JSON, deflated, base64."""
    state: dict[str, Any] = {
        "searchFilter": "tags.current = 'yes'",
        "orderByKey": "metrics.`test/accuracy`",
        "orderByAsc": False,
        "startTime": "ALL",
        "lifecycleFilter": "Active",
        "datasetsFilter": [],
        "modelVersionFilter": "All Runs",
        "selectedColumns": list(COLUMNS),
        "columnOrder": list(WIDTHS),
        "columnWidths": WIDTHS,
        "runsHiddenMode": "SHOWALL",
        "viewMaximized": False,
        "runListHidden": False,
        "isAccordionReordered": False,
        "useGroupedValuesInCharts": True,
        "hideEmptyCharts": True,
        "groupBy": None,
        "groupsExpanded": {},
        "globalLineChartConfig": {"xAxisKey": "step", "lineSmoothness": 0, "selectedXAxisMetricKey": ""},
    }
    text = json.dumps(state | differences, sort_keys=True)
    return "deflate;" + base64.b64encode(zlib.compress(text.encode())).decode()


def _views(attentions: Iterable[str]) -> dict[str, str]:
    sections = [
        {"uuid": key, "name": name, "display": True, "isReordered": True, "deleted": False, "isGenerated": False}
        for key, name in SECTIONS.items()
    ]
    charts = {"compareRunCharts": _charts(), "compareRunSections": sections, "isAccordionReordered": True}
    by = {"aggregateFunction": "average", "groupByKeys": [{"mode": "param", "groupByData": "attention"}]}
    # The pages load 100 runs at a time and draw or average what is loaded: one seed of a grid fits. Runs load in the
    # order in which they ran, since the first hundred by score would flatter every group.
    cells = {
        "searchFilter": "tags.current = 'yes' and tags.role = 'cell' and tags.seed = '0'",
        "orderByKey": "attributes.start_time",
        "orderByAsc": True,
    }
    folded = {f"param.attention.{name}": False for name in attentions}
    return {
        "best": _state(),
        "charts": _state(**charts, **cells),
        "attention": _state(groupBy=by, groupsExpanded=folded, **charts, **cells),
    }


def _address(experiment_id: str, view: str, **more: str) -> str:
    extra = "".join(f"&{key}={value}" for key, value in more.items())
    return f"#/experiments/{experiment_id}/runs?workflowType=machine_learning&viewStateShareKey={view}{extra}"


def saved_view_url(server: str, experiment_id: str, view: str = "best") -> str:
    """The address that opens a saved view ("best", "charts" or "attention"): the bare experiment opens another page."""
    chart = {"compareRunsMode": "CHART"} if view == "charts" else {}
    return f"{server.rstrip('/')}/{_address(experiment_id, view, **chart)}"


def _description(experiment_id: str, counts: Mapping[str, int]) -> str:
    links = "\n".join(
        f"- [{name}]({saved_view_url('', experiment_id, key).removeprefix('/')})" for key, name in KEYS.items()
    )
    table = "\n".join(f"| {state.replace('_', ' ')} | {count} |" for state, count in counts.items())
    return f"""\
Each run is one trial: one attention, fusion and architecture on one data set with one seed.

**Start with a saved view**
{links}

**How to read it**
- `test/accuracy` is the headline: read once on the test split, with the weights of the epoch best on validation.
- `val/accuracy`, `val/loss` and `train/loss` are curves, a value an epoch (from 0); `val/..._at_best` are final.
- `cost/...`: parameters, floating-point operations a sample, seconds of training, microseconds a sample, bytes at most.
- A failed trial has the status *Failed*, its tag `state` says how it ended and `reason` why. One that cannot be has the
  state `skipped`.
- The tag `current` is `no` for trials that the present plan no longer contains (settings, data or source changed).
- MLflow loads 100 runs at a time, so *2 Charts* and *3 By attention* show the cells of seed 0.
- One run compares nothing: means over seeds, intervals and tests stand in the report, an artifact of the run `summary`.

The ledger in the project's folder is the record and this is a view of it; `mmbench track` builds it again.

| state | trials |
| --- | ---: |
{table}
| **declared** | **{sum(counts.values())}** |
"""


def describe(store: Store, counts: Mapping[str, int], attentions: Iterable[str]) -> None:
    """Write the description and the saved views of the experiment.

    counts: the declared trials by state. attentions: the levels that the view by attention groups by.
    """
    experiment = store.client.get_experiment(store.experiment_id)
    tags = {
        "mlflow.note.content": _description(store.experiment_id, counts),
        "mlflow.experimentKind": "custom_model_development",
        "mlflow.experiment.primaryMetric.name": "test/accuracy",
        "mlflow.experiment.primaryMetric.greaterIsBetter": "true",
    }
    for key, state in _views(attentions).items():
        dated = {"createdAt": experiment.creation_time, "updatedAt": experiment.creation_time}
        tags[f"mlflow.sharedViewState.{key}"] = json.dumps({"name": KEYS[key], **dated, "state": state})
    for key, value in tags.items():
        if experiment.tags.get(key) != value:
            store.client.set_experiment_tag(store.experiment_id, key, value)
