"""The saved views of an experiment: what a visitor sees first.

They are experiment tags that MLflow's pages read but its documentation does not describe. Their form was read from
MLflow 3.17; the browser test shows when a later version reads them otherwise.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from mmbench.registry import GRID_AXES
from mmbench.tracking import charts, links
from mmbench.tracking.store import Store

TAG, OWN = "mlflow.sharedViewState.", "mmbench."
"""How the tags of all saved views begin, and the keys of ours: those of a person stay as they are."""

FORMER = ("best", "charts", "attention")
"""Keys of ours in stores that were written before."""

NARROW, NUMBER, LONG, WIDE = 64, 96, 144, 290
NAME, CREATED = "attributes.`Run Name`", "runDateAndNestInfo"
RUNS = "tags.current = 'yes' and tags.level = '{level}'"


@dataclass(frozen=True, kw_only=True)
class View:
    """One saved view. columns: width by column, in order. more: other parts of the state."""

    key: str
    name: str
    where: str
    order: str
    columns: Mapping[str, int]
    descending: bool = False
    more: Mapping[str, Any] = field(default_factory=dict)

    @property
    def state(self) -> str:
        """Its settings, in the form of MLflow's pages: JSON, deflated, base64."""
        widths = {NAME: WIDE, CREATED: 120, **self.columns}
        state: dict[str, Any] = {
            "searchFilter": self.where,
            "orderByKey": self.order,
            "orderByAsc": not self.descending,
            "startTime": "ALL",
            "lifecycleFilter": "Active",
            "datasetsFilter": [],
            "modelVersionFilter": "All Runs",
            "selectedColumns": list(self.columns),
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
        text = json.dumps({**state, **self.more}, sort_keys=True)
        return "deflate;" + base64.b64encode(zlib.compress(text.encode())).decode()


def _metric(key: str) -> str:
    return f"metrics.`{key}`"


def _tag(key: str) -> str:
    return f"tags.`{key}`"


def _means(metric: str) -> dict[str, int]:
    """Columns of methods. Beside accuracy there is macro-F1, which tells of rare classes."""
    beside = {_metric("mean/test/macro_f1"): LONG} if metric == "accuracy" else {}
    return {
        _metric("row"): NARROW,
        _metric(f"mean/test/{metric}"): LONG,
        _metric("half_width"): NUMBER,
        _tag("verdict"): NARROW + 8,
        _metric("gap_to_best"): NUMBER,
        _tag("seeds"): NARROW + 8,
        **beside,
        _metric("usage/parameters"): LONG,
        _metric("usage/train_seconds"): LONG,
        _metric("usage/inference_us_per_sample"): LONG,
    }


def _methods(dataset: str) -> str:
    return f"{RUNS.format(level='method')} and tags.dataset = '{dataset}'"


def _trials(metrics: Sequence[str]) -> dict[str, int]:
    scores = {_metric(f"test/{name}"): NUMBER for name in metrics}
    axes = {_tag(axis): NUMBER for axis in ("dataset", *GRID_AXES, "seed")}
    return scores | {_tag("state"): NUMBER} | axes


def _of_datasets(mains: Mapping[str, str]) -> Iterator[View]:
    for dataset, metric in mains.items():
        yield View(
            key=data_key(dataset),
            name=dataset,
            where=_methods(dataset),
            order=_metric("row"),
            columns=_means(metric),
        )


def _of_charts(mains: Mapping[str, str], legend: str) -> Iterator[View]:
    for dataset, metric in mains.items():
        yield View(
            key=charts_key(dataset),
            name=f"{dataset}: score against cost",
            where=f"{_methods(dataset)} and tags.role = 'cell'",
            order=_metric("row"),
            columns=_means(metric),
            more=charts.score_against_cost(metric, legend),
        )
        one = "tags.role = 'cell' and tags.seed = '0' and tags.budget = 'x1' and tags.configuration = '0'"
        yield View(
            key=curves_key(dataset),
            name=f"{dataset}: learning curves",
            where=f"{RUNS.format(level='trial')} and tags.dataset = '{dataset}' and {one}",
            order=_tag("method"),
            columns=_trials([metric]),
            more=charts.learning_curves(metric, legend),
        )


def _others(metrics: Sequence[str]) -> Iterator[View]:
    bounds = {_metric(key): NUMBER for key in ("estimate", "low", "high")}
    seeds = {_tag("verdict"): NUMBER, _metric("seeds"): NARROW, _metric("margin"): NUMBER, _tag("lasts"): NUMBER}
    yield View(
        key=f"{OWN}contrasts",
        name="Contrasts",
        where=RUNS.format(level="contrast"),
        order=_metric("row"),
        columns=bounds | seeds,
    )
    # Of runs in the order of their beginning MLflow folds trials below their parents, of others not: whoever looks for
    # failures is to see them at once.
    yield View(
        key=f"{OWN}failed",
        name="Failed and skipped trials",
        where=f"{RUNS.format(level='trial')} and tags.state != 'done'",
        order=_tag("state"),
        columns={_tag("state"): NUMBER, _tag("reason"): WIDE, _tag("dataset"): NUMBER, _tag("seed"): NARROW},
    )
    yield View(
        key=f"{OWN}last",
        name="Last trials",
        where=RUNS.format(level="trial"),
        order="attributes.start_time",
        descending=True,
        columns=_trials(metrics),
    )


def data_key(dataset: str) -> str:
    return f"{OWN}data.{dataset}"


def charts_key(dataset: str) -> str:
    return f"{OWN}charts.{dataset}"


def curves_key(dataset: str) -> str:
    return f"{OWN}curves.{dataset}"


def views(mains: Mapping[str, str], legend: str = "") -> list[View]:
    """All saved views in the order in which they are offered. mains: the main metric of each data set. legend: of the
    colours in charts."""
    metrics = tuple(dict.fromkeys(mains.values()))
    return [*_of_datasets(mains), *_others(metrics), *_of_charts(mains, legend)]


def names(mains: Mapping[str, str]) -> dict[str, str]:
    """The name of each saved view, by its key. MLflow sorts them by name, so each has a number."""
    found = views(mains)
    digits = len(str(len(found)))
    return {view.key: f"{n:0{digits}} {view.name}" for n, view in enumerate(found, 1)}


def write_views(store: Store, mains: Mapping[str, str], legend: str) -> None:
    """Write the saved views of the experiment; ours of data sets that are gone, and of before, are taken away."""
    experiment = store.client.get_experiment(store.experiment_id)
    dated = {"createdAt": experiment.creation_time, "updatedAt": experiment.creation_time}
    titles = names(mains)
    wanted = {
        f"{TAG}{view.key}": json.dumps({"name": titles[view.key], **dated, "state": view.state})
        for view in views(mains, legend)
    }
    for key, value in wanted.items():
        if experiment.tags.get(key) != value:
            store.client.set_experiment_tag(store.experiment_id, key, value)
    for key in experiment.tags:
        name = key.removeprefix(TAG)
        ours = name.startswith((OWN, "best.")) or name in FORMER
        if key.startswith(TAG) and ours and key not in wanted:
            store.client.delete_experiment_tag(store.experiment_id, key)


def saved_view_url(server: str, experiment_id: str, view: str) -> str:
    """The address that opens a saved view, by its key."""
    chart = {"compareRunsMode": "CHART"} if view.startswith((charts_key(""), curves_key(""))) else {}
    return f"{server.rstrip('/')}/{links.runs(experiment_id, viewStateShareKey=view, **chart)}"


def first_view_url(server: str, experiment_id: str, datasets: Sequence[str]) -> str:
    """The address of the view of the first data set; of the list of runs where there is none."""
    if datasets:
        return saved_view_url(server, experiment_id, data_key(datasets[0]))
    return f"{server.rstrip('/')}/{links.runs(experiment_id)}"


def report_url(report: Path, server: str, experiment_id: str) -> str:
    """The address that opens the report with its trials linked to their runs."""
    place = quote(f"{server.rstrip('/')}/#/experiments/{experiment_id}", safe="")
    return f"{report.resolve().as_uri()}#runs={place}"
