"""Addresses of MLflow's pages. Each says that it means the classic ones: without that, MLflow opens its pages about
traces and agents, which show nothing of ours."""

from __future__ import annotations

from urllib.parse import quote

CLASSIC = "workflowType=machine_learning"


def runs(experiment_id: str, **query: str) -> str:
    """The list of runs, such as `viewStateShareKey="best"`: a saved view."""
    more = "".join(f"&{key}={quote(value, safe='')}" for key, value in query.items())
    return f"#/experiments/{experiment_id}/runs?{CLASSIC}{more}"


def run(experiment_id: str, run_id: str, artifact: str | None = None) -> str:
    """One run, or a file or folder of it."""
    place = "" if artifact is None else f"/artifacts/{artifact}"
    return f"#/experiments/{experiment_id}/runs/{run_id}{place}?{CLASSIC}"


def model(name: str) -> str:
    """A registered model."""
    return f"#/models/{quote(name)}?{CLASSIC}"


def trials(experiment_id: str, dataset: str, method: str) -> str:
    """The trials of a method on a data set, with charts of their curves side by side."""
    mine = f"tags.level = 'trial' and tags.current = 'yes' and tags.dataset = '{dataset}' and tags.method = '{method}'"
    return runs(experiment_id, searchFilter=mine, orderByKey="tags.`seed`", orderByAsc="true", compareRunsMode="CHART")
