"""What a visitor sees first: the experiment's description and its saved views.

Saved views are experiment tags that MLflow's pages read but its documentation does not describe. Their form was read
from MLflow 3.17; the browser test shows when a later version reads them otherwise.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from mmbench.registry import GRID_AXES
from mmbench.schema.metric import METRICS
from mmbench.tracking.store import Store

COLUMNS = (
    "params.`dataset`",
    "params.`attention`",
    "params.`fusion`",
    "params.`architecture`",
    "metrics.`cost/parameters`",
    "metrics.`cost/train_seconds`",
    "tags.`state`",
)
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


def _charts(metrics: Sequence[str]) -> list[dict[str, Any]]:
    """The answer in each main metric, then the learning curves."""
    choices = [*GRID_AXES, "dataset"]
    made: list[dict[str, Any]] = []
    for name in metrics:
        n, key = len(made), f"test/{name}"
        made += [
            _chart("PARALLEL", n + 1, "answer", selectedParams=choices, selectedMetrics=[key], showAllRuns=True),
            _scatter(n + 2, "cost/parameters", key),
            _scatter(n + 3, "cost/train_seconds", key),
        ]
    curves = [*(f"val/{name}" for name in metrics), "train/loss"]
    return made + [_line(n, key) for n, key in enumerate(curves, len(made) + 1)]


def _columns(metrics: Sequence[str]) -> list[str]:
    """The main metrics, or macro-F1 beside accuracy where there is but that, then what was run."""
    shown = ("accuracy", "macro_f1") if tuple(metrics) == ("accuracy",) else metrics
    return [*(f"metrics.`test/{name}`" for name in shown), *COLUMNS]


def _state(metrics: Sequence[str], **differences: Any) -> str:
    """One view's settings, in the form of MLflow's pages: JSON, deflated, base64. Sorted by the first metric."""
    columns = _columns(metrics)
    widths = {"attributes.`Run Name`": 300, **dict.fromkeys(columns, 112)}
    state: dict[str, Any] = {
        "searchFilter": "tags.current = 'yes'",
        "orderByKey": f"metrics.`test/{metrics[0]}`",
        "orderByAsc": not METRICS[metrics[0]].higher,
        "startTime": "ALL",
        "lifecycleFilter": "Active",
        "datasetsFilter": [],
        "modelVersionFilter": "All Runs",
        "selectedColumns": columns,
        "columnOrder": list(widths),
        "columnWidths": widths,
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


def names(mains: Mapping[str, str]) -> dict[str, str]:
    """The name of each saved view, by its key: where data sets are scored differently, each has one of its own best.

    mains: the main metric of each data set.
    """
    own = sorted(mains) if len(_metrics(mains)) > 1 else []
    more = {f"best.{dataset}": f"{n} Best cells on {dataset}" for n, dataset in enumerate(own, len(KEYS) + 1)}
    return KEYS | more


def _metrics(mains: Mapping[str, str]) -> tuple[str, ...]:
    """The main metrics, each once; of an empty plan accuracy."""
    return tuple(dict.fromkeys(mains.values())) or ("accuracy",)


def _views(attentions: Iterable[str], mains: Mapping[str, str]) -> dict[str, str]:
    metrics = _metrics(mains)
    sections = [
        {"uuid": key, "name": name, "display": True, "isReordered": True, "deleted": False, "isGenerated": False}
        for key, name in SECTIONS.items()
    ]
    charts = {"compareRunCharts": _charts(metrics), "compareRunSections": sections, "isAccordionReordered": True}
    by = {"aggregateFunction": "average", "groupByKeys": [{"mode": "param", "groupByData": "attention"}]}
    # The pages load 100 runs at a time and draw or average what is loaded: one seed of a grid fits. Runs load in the
    # order in which they ran, since the first hundred by score would flatter every group.
    cells = {
        "searchFilter": "tags.current = 'yes' and tags.role = 'cell' and tags.seed = '0'",
        "orderByKey": "attributes.start_time",
        "orderByAsc": True,
    }
    folded = {f"param.attention.{name}": False for name in attentions}
    own = {
        key: _state([mains[dataset]], searchFilter=f"tags.current = 'yes' and params.dataset = '{dataset}'")
        for key in names(mains)
        if (dataset := key.removeprefix("best.")) != key
    }
    return {
        "best": _state(metrics),
        "charts": _state(metrics, **charts, **cells),
        "attention": _state(metrics, groupBy=by, groupsExpanded=folded, **charts, **cells),
        **own,
    }


def _address(experiment_id: str, view: str, **more: str) -> str:
    extra = "".join(f"&{key}={value}" for key, value in more.items())
    return f"#/experiments/{experiment_id}/runs?workflowType=machine_learning&viewStateShareKey={view}{extra}"


def saved_view_url(server: str, experiment_id: str, view: str = "best") -> str:
    """The address that opens a saved view ("best", "charts" or "attention"; `names` has them all): the bare experiment
    opens another page."""
    chart = {"compareRunsMode": "CHART"} if view == "charts" else {}
    return f"{server.rstrip('/')}/{_address(experiment_id, view, **chart)}"


def report_url(report: Path, server: str, experiment_id: str) -> str:
    """The address that opens the report with its trials linked to their runs."""
    place = quote(f"{server.rstrip('/')}/#/experiments/{experiment_id}", safe="")
    return f"{report.resolve().as_uri()}#runs={place}"


def _headline(mains: Mapping[str, str]) -> str:
    """Which numbers lead, and which way is better."""
    once = "read once on the test split, with the weights of the epoch best on validation"
    metrics = _metrics(mains)
    if len(metrics) == 1:
        (metric,) = metrics
        way = "" if METRICS[metric].higher else " (lower is better)"
        return f"- `test/{metric}` is the headline{way}: {once}."
    said = []
    for metric in metrics:
        way = "" if METRICS[metric].higher else " (lower is better)"
        said.append(f"`test/{metric}`{way} on {', '.join(d for d, m in mains.items() if m == metric)}")
    return f"- The headline is {'; '.join(said)}: {once}. Scores of different metrics do not compare."


def _description(experiment_id: str, counts: Mapping[str, int], mains: Mapping[str, str]) -> str:
    curves = ", ".join(f"`val/{name}`" for name in _metrics(mains))
    links = "\n".join(
        f"- [{name}]({saved_view_url('', experiment_id, key).removeprefix('/')})" for key, name in names(mains).items()
    )
    table = "\n".join(f"| {state.replace('_', ' ')} | {count} |" for state, count in counts.items())
    return f"""\
Each run is one trial: one attention, fusion and architecture on one data set with one seed.
Others are controls (a single modality, a baseline: tag `role`), and `summary` carries the report.

**Start with a saved view**
{links}

**How to read it**
{_headline(mains)}
- {curves}, `val/loss` and `train/loss` are curves, a value an epoch (from 0); `val/..._at_best` are final.
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


def describe(store: Store, counts: Mapping[str, int], attentions: Iterable[str], mains: Mapping[str, str]) -> None:
    """Write the description and the saved views of the experiment.

    counts: the declared trials by state. attentions: the levels that the view by attention groups by. mains: the main
    metric of each data set.
    """
    first = _metrics(mains)[0]
    titles = names(mains)
    experiment = store.client.get_experiment(store.experiment_id)
    tags = {
        "mlflow.note.content": _description(store.experiment_id, counts, mains),
        "mlflow.experimentKind": "custom_model_development",
        "mlflow.experiment.primaryMetric.name": f"test/{first}",
        "mlflow.experiment.primaryMetric.greaterIsBetter": str(METRICS[first].higher).lower(),
    }
    for key, state in _views(attentions, mains).items():
        dated = {"createdAt": experiment.creation_time, "updatedAt": experiment.creation_time}
        tags[f"mlflow.sharedViewState.{key}"] = json.dumps({"name": titles[key], **dated, "state": state})
    for key, value in tags.items():
        if experiment.tags.get(key) != value:
            store.client.set_experiment_tag(store.experiment_id, key, value)
