"""Runs in MLflow: find them by trial, write one whole, never twice."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from mmbench.schema.dataset import DataSpec
from mmbench.schema.result import State
from mmbench.tracking.run import LAYOUT, PARENT, RunContent
from mmbench.tracking.store import Store

METRICS_A_BATCH = 1000
DIGEST_LENGTH = 36

Written = Literal["added", "unchanged", "replaced"]


@dataclass(frozen=True, kw_only=True)
class Known:
    """A run that is there already."""

    run_id: str
    trial_id: str
    name: str
    layout: str
    parent: str
    state: str
    result_hash: str
    current: bool
    whole: bool


def find(store: Store, trial_id: str | None = None) -> dict[str, Known]:
    """The runs of trials, by trial_id: of one trial, or of all. Call it under the store's lock.

    Where two hosts imported one trial at the same time, the surplus runs are deleted.
    """
    what = f"tags.trial_id = '{trial_id}'" if trial_id else "tags.trial_id LIKE '%'"
    found: dict[str, Known] = {}
    token = None
    while True:
        page = store.client.search_runs(
            [store.experiment_id], filter_string=what, order_by=["attributes.start_time"], page_token=token
        )
        for run in page:
            tags = run.data.tags
            known = Known(
                run_id=run.info.run_id,
                trial_id=tags["trial_id"],
                name=run.info.run_name,
                layout=tags.get("layout", ""),
                parent=tags.get(PARENT, ""),
                state=tags["state"],
                result_hash=tags.get("result_hash", ""),
                current=tags.get("current") == "yes",
                whole=run.info.status != "RUNNING",
            )
            earlier = found.setdefault(known.trial_id, known)
            if earlier is not known:
                keep, drop = (known, earlier) if known.whole and not earlier.whole else (earlier, known)
                found[known.trial_id] = keep
                store.client.delete_run(drop.run_id)
        token = page.token
        if not token:
            return found


def put(store: Store, content: RunContent, known: Known | None, specs: Mapping[str, DataSpec]) -> Written:
    """Write one run, unless it is there. A run that was cut off is completed, one of an older result or layout is
    replaced."""
    same = known is not None and (known.result_hash, known.layout) == (content.tags["result_hash"], LAYOUT)
    if known is not None and same:
        _mend(store, known, content)
        if known.whole:
            return "unchanged"
        _fill(store, known.run_id, content, specs)
        return "added"
    if known is not None:
        store.client.delete_run(known.run_id)
    run = store.client.create_run(
        store.experiment_id, run_name=content.name, start_time=content.start, tags=content.tags
    )
    _fill(store, run.info.run_id, content, specs)
    return "added" if known is None else "replaced"


def _mend(store: Store, known: Known, content: RunContent) -> None:
    """What may differ though the result does not: titles, the parent, the plan."""
    if known.name != content.name:
        store.client.update_run(known.run_id, name=content.name)
    if known.parent != content.tags.get(PARENT, ""):
        for key in (PARENT, "mlflow.note.content"):
            store.client.set_tag(known.run_id, key, content.tags[key])
    mark(store, known, current=content.tags["current"] == "yes")


def _fill(store: Store, run_id: str, content: RunContent, specs: Mapping[str, DataSpec]) -> None:
    from mlflow.entities import Metric, Param

    params = [Param(key, value) for key, value in content.params.items()]
    metrics = [Metric(p.key, p.value, p.time, p.step) for p in content.points]
    store.client.log_batch(run_id, metrics=metrics[:METRICS_A_BATCH], params=params)
    for i in range(METRICS_A_BATCH, len(metrics), METRICS_A_BATCH):
        store.client.log_batch(run_id, metrics=metrics[i : i + METRICS_A_BATCH])
    spec = specs.get(content.params["dataset"])
    if content.data_hash is not None and spec is not None and spec.hash == content.data_hash:
        try:
            store.client.log_inputs(run_id, [_dataset(spec)])
        except Exception:
            # Another host may have made the data set at the same moment; now it is there.
            store.client.log_inputs(run_id, [_dataset(spec)])
    store.client.set_terminated(run_id, status=content.status, end_time=content.end)


def _dataset(spec: DataSpec) -> Any:
    from mlflow.entities import Dataset, DatasetInput, InputTag

    sizes = ", ".join(f"{n} {split}" for split, n in spec.splits.items())
    dataset = Dataset(
        name=spec.name,
        digest=spec.hash[:DIGEST_LENGTH],
        source_type="local",
        source=json.dumps({"uri": f"data/prepared/{spec.name}", "origin": spec.source, "licence": spec.licence}),
        profile=json.dumps(
            {
                "samples": sizes,
                "task": spec.task.kind,
                "targets": len(spec.task.targets),
                "main_metric": spec.task.metric,
                "chance": spec.chance,
            }
        ),
    )
    return DatasetInput(dataset, [InputTag("mlflow.data.context", "training, validation, test")])


def mark(store: Store, known: Known, *, current: bool) -> None:
    """Say whether the run stands for a trial of the present plan."""
    if known.current != current:
        store.client.set_tag(known.run_id, "current", "yes" if current else "no")


def count(store: Store, declared: int) -> dict[str, int]:
    """The trials of the present plan by state, from MLflow itself; what has no run is pending."""
    states = Counter(known.state for known in find(store).values() if known.current)
    states[State.PENDING] = declared - states.total()
    return {state.value: states[state] for state in State if states[state]}
