"""A row for each method on each data set in a real MLflow: the report's numbers, its trials below it, written once."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from math import isnan
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from mmbench.schema.result import State
from mmbench.tracking import log_report
from mmbench.tracking.row import _numbers
from mmbench.tracking.run import from_result
from tests.support import reported
from tests.support.reported import Reported

pytestmark = pytest.mark.slow

METHODS, CONTRASTS, TRIALS = (f"tags.level = '{level}'" for level in ("method", "contrast", "trial"))


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the database is: making one takes longer than a test."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        yield tmp_path_factory.mktemp("rows")


@pytest.fixture(scope="module")
def finished(root: Path) -> Reported:
    """Two data sets, tracked; for reading."""
    made = reported.write(reported.example(), root, root / "finished")
    made.track()
    return made


@pytest.fixture
def project(root: Path, tmp_path: Path) -> Reported:
    """Nothing of it is in MLflow."""
    return reported.write(reported.small(), root, tmp_path / "reports")


def rows(project: Reported, dataset: str) -> list[Any]:
    """In the order of the saved view."""
    store = project.store()
    where = f"{METHODS} and tags.dataset = '{dataset}' and tags.current = 'yes'"
    return list(store.client.search_runs([store.experiment_id], where, order_by=["metrics.`row` ASC"]))


def state(project: Reported) -> dict[str, Any]:
    """All that MLflow holds of the experiment."""
    return {
        run.info.run_id: (run.info.run_name, run.info.status, run.data.tags, repr(sorted(run.data.metrics.items())))
        for run in project.runs()
    }


def meaning(project: Reported) -> list[Any]:
    """The same without what is another in every store: ids, and where they are named."""
    names = {run.info.run_id: run.info.run_name for run in project.runs()}

    def plain(text: str) -> str:
        return re.sub("|".join(names), lambda m: names[m[0]], re.sub(r"#/experiments/\d+", "", text))

    return sorted(
        (
            run.info.run_name,
            run.info.status,
            sorted((k, plain(v)) for k, v in run.data.tags.items() if k not in ("row_hash",)),
            repr(sorted(run.data.metrics.items())),
        )
        for run in project.runs()
    )


def test_the_first_view_has_the_reports_order_and_numbers(finished: Reported) -> None:
    for d in finished.report.context.datasets:
        found = rows(finished, d.name)
        assert [run.data.tags["method"] for run in found] == [row.key for row in d.rows]
        assert len(found) <= 100
        for place, (run, row) in enumerate(zip(found, d.rows, strict=True), 1):
            metrics, tags = run.data.metrics, run.data.tags
            assert metrics["row"] == place
            assert row.score is not None and row.cost is not None
            assert metrics[f"mean/test/{d.scale.metric}"] == pytest.approx(row.score.mean, rel=1e-5, abs=1e-9)
            half = row.score.half
            assert metrics.get("half_width") == (None if half is None else pytest.approx(half, rel=1e-5, abs=1e-9))
            assert metrics.get("usage/parameters") == row.cost.parameters
            assert tags["seeds"] == f"{row.done} of {row.declared}"
            if row.method.role == "cell":
                state = {"complete": row.verdict, "partial": "partial"}[row.state]
                assert tags["verdict"] == ("best" if row.best else state)
            if row.to_best is not None and row.method.role == "cell":
                assert metrics["gap_to_best"] == pytest.approx(row.to_best.mean, rel=1e-5, abs=1e-9)
            printed = f"{d.scale.number(row.score.mean)} {d.scale.plus_minus(row.score.half)}"
            assert printed in tags["mlflow.note.content"].splitlines()[0]
        (best,) = [run for run in found if run.data.tags.get("verdict") == "best"]
        assert best.data.tags["method"] == d.best and best.data.metrics["gap_to_best"] == 0


def test_controls_have_the_verdict_of_the_report_from_their_side(finished: Reported) -> None:
    controls = [v for v in finished.report.context.verdicts if v.kind == "control"]
    assert controls
    for v in controls:
        (run,) = [r for r in rows(finished, v.dataset) if r.data.tags["method"] == v.reference]
        if run.data.tags["role"] != "cell":
            assert run.data.tags["verdict"] == {"better": "worse", "worse": "better"}.get(str(v.verdict), v.verdict)
            assert run.data.metrics["gap_to_best"] == pytest.approx(-v.estimate, rel=1e-5, abs=1e-9)


def test_each_trial_is_below_the_row_of_its_method(finished: Reported) -> None:
    parents = {run.info.run_id: run.data.tags for run in finished.runs(METHODS)}
    trials = finished.runs(TRIALS)
    assert len(trials) == len(finished.made.results)
    for run in trials:
        above = parents[run.data.tags["mlflow.parentRunId"]]
        assert (above["method"], above["dataset"]) == (run.data.tags["method"], run.data.tags["dataset"])
        link = f"/runs/{run.data.tags['mlflow.parentRunId']}?workflowType=machine_learning"
        assert link in run.data.tags["mlflow.note.content"]
    assert len(parents) == len({(job.config.dataset, job.config.cell) for job in finished.made.plan.jobs})


def test_contrasts_are_those_of_the_report(finished: Reported) -> None:
    store = finished.store()
    found = store.client.search_runs([store.experiment_id], CONTRASTS, order_by=["metrics.`row` ASC"])
    expected = [v for v in finished.report.context.verdicts if v.kind == "contrast"]
    assert [(r.data.tags["dataset"], r.data.tags["subject"], r.data.tags["reference"]) for r in found] == [
        (v.dataset, v.subject, v.reference) for v in expected
    ]
    for run, v in zip(found, expected, strict=True):
        assert run.data.tags["verdict"] == v.verdict
        assert run.data.metrics["estimate"] == pytest.approx(v.estimate, rel=1e-5, abs=1e-9)
        assert run.data.metrics["low"] == pytest.approx(v.low, rel=1e-5, abs=1e-9)
    assert found[0].info.run_name == "synergy · attention: SDPA − pooling"
    # MLflow's list of all runs begins with the newest.
    assert max(r.info.start_time for r in found) < min(r.info.start_time for r in finished.runs(TRIALS))


def test_a_second_time_changes_nothing(project: Reported) -> None:
    project.track()
    before, experiment = state(project), project.store().client.get_experiment(project.store().experiment_id).tags
    project.track()
    assert state(project) == before
    store = project.store()
    assert store.client.get_experiment(store.experiment_id).tags == experiment
    parent = project.runs(METHODS)[0].info.run_id
    assert len(store.client.get_metric_history(parent, "row")) == 1


def test_another_report_changes_the_rows_in_place(project: Reported) -> None:
    project.track()
    before = {run.info.run_id: run.data.metrics for run in project.runs(METHODS)}
    other = project.again(reported.small(noise=0.03))
    assert log_report(other.settings, other.root, other.reports)
    after = {run.info.run_id: run.data.metrics for run in other.runs(METHODS)}
    assert after.keys() == before.keys() and after != before
    for d in other.report.context.datasets:
        assert [run.data.tags["method"] for run in rows(other, d.name)] == [row.key for row in d.rows]
    # An estimate that became smaller, too: MLflow shows the largest of numbers with one time.
    worse = [
        (run.data.metrics["half_width"], row.score.half)
        for d in other.report.context.datasets
        for run, row in zip(rows(other, d.name), d.rows, strict=True)
        if row.score and row.score.half is not None
    ]
    assert all(there == pytest.approx(half, rel=1e-5, abs=1e-9) for there, half in worse)


def test_a_number_that_is_gone_is_none(project: Reported) -> None:
    project.track()
    failing = {i: State.FAILED for i, job in enumerate(project.made.plan.jobs) if job.config.cell == first(project)}
    other = project.again(reported.small(faults=failing))
    other.track()
    (row,) = [r for r in rows(other, "synergy") if r.data.tags["method"] == first(project)]
    assert isnan(row.data.metrics["mean/test/accuracy"]) and isnan(row.data.metrics["gap_to_best"])
    assert row.data.tags["verdict"] == "failed" and row.data.tags["seeds"] == "0 of 2" and row.data.tags["reason"]
    back = project.again(project.made)
    back.track()
    (row,) = [r for r in rows(back, "synergy") if r.data.tags["method"] == first(project)]
    assert row.data.metrics["mean/test/accuracy"] > 0.5 and not row.data.tags["reason"]


def first(project: Reported) -> str:
    return str(project.report.context.dataset("synergy").best)


def test_what_left_the_plan_is_no_longer_shown_until_it_returns(project: Reported) -> None:
    project.track()
    shown = {run.info.run_id for run in project.runs("tags.current = 'yes'")}
    less = project.again(reported.without(project.made, "mean"))
    less.track()
    for level in (METHODS, TRIALS):
        here = less.runs(f"{level} and tags.current = 'yes' and tags.role = 'cell'")
        assert here and {run.data.tags["attention"] for run in here} == {"scaled_dot_product"}
    axes = {run.data.tags["axis"] for run in less.runs(f"{CONTRASTS} and tags.current = 'yes'")}
    assert axes == {"architecture"}
    back = project.again(project.made)
    back.track()
    assert {run.info.run_id for run in back.runs("tags.current = 'yes'")} == shown


def test_a_store_of_before_becomes_one_of_now(project: Reported) -> None:
    """Runs without layout, level and parent, with keys that are no longer written; saved views of before."""
    store, client = project.store(), project.store().client
    for result in list(project.made.results.values())[:6]:
        content = from_result(result, {}, current=True)
        gone = ("layout", "level", "method", "budget", "configuration")
        tags = {key: value for key, value in content.tags.items() if key not in gone}
        old = client.create_run(store.experiment_id, run_name=result.config.name, start_time=1, tags=tags).info.run_id
        client.log_metric(old, "cost/parameters", 1.0)
        client.set_terminated(old)
    view = json.dumps({"name": "mine", "createdAt": 1, "state": "deflate;"})
    for key in ("best", "charts", "attention", "best.synergy", "mmbench.data.gone", "0b5e-person"):
        client.set_experiment_tag(store.experiment_id, f"mlflow.sharedViewState.{key}", view)
    counts = project.track()
    assert (counts.replaced, counts.added) == (6, len(project.made.results) - 6)
    trials = project.runs("tags.trial_id LIKE '%'")
    assert set(Counter(run.data.tags["trial_id"] for run in trials).values()) == {1}
    assert all("mlflow.parentRunId" in run.data.tags and run.info.run_name.count(" · ") >= 2 for run in trials)
    assert not any(key.startswith("cost/") for run in project.runs() for key in run.data.metrics)
    views = {
        key.removeprefix("mlflow.sharedViewState.")
        for key in client.get_experiment(store.experiment_id).tags
        if key.startswith("mlflow.sharedViewState.")
    }
    assert "0b5e-person" in views and "mmbench.data.synergy" in views
    assert not views & {"best", "charts", "attention", "best.synergy", "mmbench.data.gone"}


@pytest.mark.parametrize("survives", [2, 40, 85])
def test_what_was_interrupted_is_mended(project: Reported, tmp_path: Path, survives: int) -> None:
    """Ctrl-C after so many writes, wherever that is: the next time gives what it gives without."""
    calls = 0

    def interrupted(method: Any) -> Any:
        def call(self: MlflowClient, *args: Any, **kwargs: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls > survives:
                raise KeyboardInterrupt
            return method(self, *args, **kwargs)

        return call

    with pytest.MonkeyPatch.context() as patch:
        for name in ("create_run", "log_batch", "set_terminated", "set_tag", "log_inputs"):
            patch.setattr(MlflowClient, name, interrupted(getattr(MlflowClient, name)))
        with pytest.raises(KeyboardInterrupt):
            project.track()
    project.track()
    whole = reported.write(project.made, project.root, tmp_path / "whole")
    whole.track()
    assert meaning(project) == meaning(whole)


def test_two_at_once_write_each_row_once(project: Reported) -> None:
    with ThreadPoolExecutor(2) as pool:
        for future in [pool.submit(project.track) for _ in range(2)]:
            future.result()
    keys = Counter(run.data.tags["row_key"] for run in project.runs(METHODS) + project.runs(CONTRASTS))
    assert set(keys.values()) == {1}
    parents = {run.info.run_id for run in project.runs(METHODS)}
    assert {run.data.tags["mlflow.parentRunId"] for run in project.runs(TRIALS)} <= parents


def test_a_surplus_row_is_removed_and_one_that_is_missing_made_again(project: Reported) -> None:
    """Two hosts may make a row at the same instant, and a person may delete one."""
    project.track()
    store = project.store()
    one, other = project.runs(METHODS)[:2]
    twin = store.client.create_run(store.experiment_id, run_name=one.info.run_name, tags=dict(one.data.tags))
    store.client.delete_run(other.info.run_id)
    project.track()
    found = project.runs(METHODS)
    assert set(Counter(run.data.tags["row_key"] for run in found).values()) == {1}
    left = {run.info.run_id: run for run in found}
    assert len(left.keys() & {one.info.run_id, twin.info.run_id}) == 1
    assert all(run.data.tags["mlflow.parentRunId"] in left for run in project.runs(TRIALS))
    (again,) = [run for run in found if run.data.tags["row_key"] == other.data.tags["row_key"]]
    assert again.data.metrics == other.data.metrics
    assert {run.info.status for run in found} == {"FINISHED"}


def test_a_report_from_before_says_nothing_of_rows(project: Reported) -> None:
    file = project.reports / "verdicts.json"
    found = json.loads(file.read_text(encoding="utf-8"))
    del found["methods"]
    file.write_text(json.dumps(found), encoding="utf-8")
    project.track()
    assert all("verdict" not in run.data.tags and not run.data.metrics for run in project.runs(METHODS))
    assert "its numbers come with the next report" in project.runs(METHODS)[0].data.tags["mlflow.note.content"]


def test_a_calibrations_trial_is_shown_as_the_rung_that_it_serves_as(project: Reported) -> None:
    """The plan may ask for a trial as part of the ladder whose result was written for another purpose."""
    plan = project.made.plan
    rung = plan.jobs[0]
    asked = replace(rung, config=rung.config.model_copy(update={"budget": 0.5}))
    made = replace(project.made, plan=replace(plan, jobs=plan.jobs[1:], ladder=(asked,)))
    replace(project, made=made).track()
    (run,) = project.runs(f"tags.trial_id = '{rung.trial_id}'")
    assert run.info.run_name.endswith(" · s0 · budget x0.5") and run.data.tags["budget"] == "x0.5"


def test_every_address_opens_the_classic_pages(finished: Reported) -> None:
    store = finished.store()
    texts = [run.data.tags["mlflow.note.content"] for run in finished.runs()]
    texts.append(store.client.get_experiment(store.experiment_id).tags["mlflow.note.content"])
    found = [address for text in texts for address in re.findall(r"\]\((#[^)]*)\)", text)]
    assert len(found) > 100
    assert [address for address in found if "workflowType=machine_learning" not in address] == []


def test_small_numbers_keep_their_digits() -> None:
    """An error of a quantity in metres may be a millionth."""
    record = {"metric": "mae", "score": 1.23456789e-6, "half_width": 2e-9, "validation": None, "metrics": {}}
    found = _numbers(record | {"cost": {"parameters": 12345678.0, "inference_us": 12.3456789}}, None)
    assert found == {
        "mean/test/mae": 1.23457e-6,
        "half_width": 2e-9,
        "usage/parameters": 12345678,
        "usage/inference_us_per_sample": 12.3457,
    }
