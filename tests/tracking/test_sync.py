"""The ledger in a real MLflow database."""

from __future__ import annotations

import base64
import json
import zlib
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mmbench.schema.plan import Plan, Skip
from mmbench.schema.result import State
from mmbench.tracking.run import from_result
from mmbench.tracking.views import names
from tests.support import small_project
from tests.support.small_project import result
from tests.tracking.conftest import Tracked

pytestmark = pytest.mark.slow


def test_every_number_agrees_with_the_ledger(tracked: Tracked) -> None:
    results = tracked.loaded.results
    assert tracked.sync().added == len(results)
    runs = {run.data.tags["trial_id"]: run for run in tracked.runs()}
    assert runs.keys() == results.keys()
    client = tracked.store().client
    for trial_id, run in runs.items():
        there, kept = run.data.metrics, results[trial_id]
        assert run.data.tags["state"] == kept.state
        assert run.info.status == ("FINISHED" if kept.state is State.DONE else "FAILED")
        for name, value in kept.metrics.get("test", {}).items():
            assert there[f"test/{name}"] == value
        for name, value in kept.quantities.items():
            assert there[f"usage/{name}"] == value
        history = client.get_metric_history(run.info.run_id, "curves/val_accuracy")
        assert [point.value for point in history] == kept.curves.get("validation_accuracy", [])


def test_the_states_sum_to_the_declared_grid(tracked: Tracked) -> None:
    jobs = tracked.loaded.plan.jobs
    skips = tuple(Skip(config=job.config, reason="cannot be") for job in jobs[-1:])
    states = tracked.sync(plan=Plan(jobs=jobs[:-1], skipped=skips)).states
    assert states == {"done": len(jobs) - 4, "failed": 1, "timeout": 1, "skipped": 1, "pending": 1}
    store = tracked.store()
    described = store.client.get_experiment(store.experiment_id).tags["mlflow.note.content"]
    assert f"| **declared** | **{len(jobs)}** |" in described
    assert described.splitlines()[0].endswith("its trials are below it.")


def test_a_second_import_changes_nothing(tracked: Tracked) -> None:
    tracked.sync()
    before = {run.info.run_id: run.data.tags for run in tracked.runs("")}
    again = tracked.sync()
    assert (again.added, again.replaced, again.unchanged) == (0, 0, len(tracked.loaded.results))
    assert {run.info.run_id: run.data.tags for run in tracked.runs("")} == before


def test_two_imports_at_once_make_each_run_once(tracked: Tracked) -> None:
    with ThreadPoolExecutor(2) as pool:
        done = [future.result() for future in [pool.submit(tracked.sync) for _ in range(2)]]
    assert sorted(counts.added for counts in done) == [0, len(tracked.loaded.results)]
    assert set(Counter(run.data.tags["trial_id"] for run in tracked.runs()).values()) == {1}


def test_surplus_runs_are_removed(tracked: Tracked) -> None:
    tracked.sync()
    store, one = tracked.store(), tracked.runs()[0]
    store.client.create_run(store.experiment_id, tags=dict(one.data.tags))
    tracked.sync()
    assert [run.info.run_id for run in tracked.runs(f"tags.trial_id = '{one.data.tags['trial_id']}'")] == [
        one.info.run_id
    ]


def test_a_run_that_was_cut_off_is_completed(tracked: Tracked) -> None:
    kept = next(r for r in tracked.loaded.results.values() if r.state is State.DONE)
    store, content = tracked.store(), from_result(kept, {}, current=True)
    cut = store.client.create_run(store.experiment_id, run_name=content.name, tags=content.tags)
    tracked.sync()
    (run,) = tracked.runs(f"tags.trial_id = '{kept.trial_id}'")
    assert run.info.run_id == cut.info.run_id
    assert run.info.status == "FINISHED"
    assert run.data.metrics["test/accuracy"] == kept.metrics["test"]["accuracy"]


def test_a_new_result_of_a_trial_replaces_the_old(tracked: Tracked) -> None:
    tracked.sync()
    first = tracked.loaded.plan.jobs[0]
    assert tracked.loaded.results[first.trial_id].state is State.FAILED
    counts = tracked.sync(results=tracked.loaded.results | {first.trial_id: result(first)})
    assert (counts.added, counts.replaced) == (0, 1)
    (run,) = tracked.runs(f"tags.trial_id = '{first.trial_id}'")
    assert run.data.tags["state"] == "done"


def test_trials_that_left_the_plan_are_marked_until_they_return(tracked: Tracked) -> None:
    plan = tracked.loaded.plan
    tracked.sync()
    states = tracked.sync(plan=Plan(jobs=plan.jobs[:5], skipped=())).states
    assert sum(states.values()) == 5
    assert len(tracked.runs("tags.current = 'yes' and tags.level = 'trial'")) == 5
    tracked.sync()
    assert len(tracked.runs("tags.current = 'yes' and tags.level = 'trial'")) == len(tracked.loaded.results)


def test_a_forgotten_trial_counts_as_pending(tracked: Tracked) -> None:
    tracked.sync()
    rest = {k: r for k, r in tracked.loaded.results.items() if r.state is not State.TIMEOUT}
    states = tracked.sync(results=rest).states
    assert "timeout" not in states
    assert states["pending"] == 3


def test_the_data_set_is_an_input(tracked: Tracked) -> None:
    tracked.sync()
    spec = tracked.loaded.specs["small"]
    store = tracked.store()
    inputs = store.client.get_run(tracked.runs()[0].info.run_id).inputs.dataset_inputs
    assert [(i.dataset.name, spec.hash.startswith(i.dataset.digest)) for i in inputs] == [("small", True)]


def test_saved_views_are_there(tracked: Tracked) -> None:
    tracked.sync()
    store = tracked.store()
    tags = store.client.get_experiment(store.experiment_id).tags
    views = {k: json.loads(v)["name"] for k, v in tags.items() if k.startswith("mlflow.sharedViewState.")}
    assert views == {f"mlflow.sharedViewState.{key}": name for key, name in names({"small": "accuracy"}).items()}
    assert next(iter(views.values())) == "1 small"


def test_nothing_is_written_outside_the_project(tracked: Tracked) -> None:
    tracked.sync()
    store = tracked.store()
    where = store.client.get_experiment(store.experiment_id).artifact_location
    assert Path(where.removeprefix("file://")).is_relative_to(tracked.root)


def test_a_data_set_scored_otherwise_has_its_metric_view_and_direction(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    root = small_project.make(tmp_path)
    small_project.regression(root)
    mixed = Tracked(root=root, loaded=small_project.finish(root))
    mixed.sync()
    store = mixed.store()
    for run in mixed.runs("tags.dataset = 'errors' and tags.state = 'done' and tags.role = 'cell'"):
        assert run.data.metrics["test/mae"] == 0.8125 and "test/accuracy" not in run.data.metrics
        history = store.client.get_metric_history(run.info.run_id, "curves/val_mae")
        assert [point.value for point in history] == [0.8]
        assert "test MAE 0.812 (lower is better)" in run.data.tags["mlflow.note.content"].splitlines()[0]
    tags = store.client.get_experiment(store.experiment_id).tags
    assert "`test/accuracy` on small; `test/mae` (lower is better) on errors" in tags["mlflow.note.content"]
    assert tags["mlflow.experiment.primaryMetric.name"] == "mean/test/accuracy"
    view = json.loads(tags["mlflow.sharedViewState.mmbench.data.errors"])
    assert view["name"] == "2 errors"
    state = json.loads(zlib.decompress(base64.b64decode(view["state"].removeprefix("deflate;"))))
    assert (state["orderByKey"], state["orderByAsc"]) == ("metrics.`row`", True)
    assert state["selectedColumns"][1] == "metrics.`mean/test/mae`"
    assert "tags.dataset = 'errors'" in state["searchFilter"]
