from __future__ import annotations

import pytest

from mmbench.cli.project import Loaded
from mmbench.schema.result import State
from mmbench.tracking.run import GREY, LONGEST_TAG, PALETTE, colours, from_result, from_skip
from tests.support.small_project import result
from tests.tracking.conftest import Tracked


@pytest.fixture
def loaded(tracked: Tracked) -> Loaded:
    return tracked.loaded


def test_numbers_are_those_of_the_result(loaded: Loaded) -> None:
    made = result(loaded.plan.jobs[4])
    points = {(p.key, p.step): p.value for p in from_result(made, {}, current=True).points}
    assert points["test/loss", 0] == made.metrics["test"]["loss"] == 0.1 + 0.2
    assert points["val/accuracy_at_best", 0] == made.metrics["validation"]["accuracy"]
    assert points["cost/parameters", 0] == 1234
    assert points["train/loss", 0] == 0.7


def test_the_headline_comes_first_and_scalars_are_few(loaded: Loaded) -> None:
    made = result(loaded.plan.jobs[4])
    keys = [p.key for p in from_result(made, {}, current=True).points]
    scalars = keys[: len(keys) - len(made.curves)]
    assert scalars[:2] == ["test/accuracy", "test/macro_f1"]
    assert len(scalars) <= 12


def test_what_was_not_finite_is_left_out_of_a_curve(loaded: Loaded) -> None:
    made = result(loaded.plan.jobs[4]).model_copy(update={"curves": {"train_loss": [0.5, None, 0.25]}})
    curve = [p for p in from_result(made, {}, current=True).points if p.key == "train/loss"]
    assert [(p.step, p.value) for p in curve] == [(0, 0.5), (2, 0.25)]
    assert curve[0].time < curve[1].time


def test_a_trial_is_named_tagged_and_timed(loaded: Loaded) -> None:
    job = next(job for job in loaded.plan.jobs if job.config.role == "cell")
    content = from_result(result(job), {"mean": "#123456"}, current=True)
    assert content.name == job.config.name
    assert content.status == "FINISHED"
    assert content.end - content.start == 2500
    tags = content.tags
    expected = {"attention": "mean", "fusion": "concat", "architecture": "hybrid", "dataset": "small", "seed": "0"}
    assert expected.items() <= tags.items()
    assert (tags["state"], tags["trial_id"], tags["data_hash"]) == ("done", job.trial_id, job.data_hash)
    assert tags["mlflow.runColor"] == "#123456"
    assert "test accuracy 0.812" in tags["mlflow.note.content"].splitlines()[0]
    assert content.params["model.width"] == "32"
    assert content.params["train.epochs"] == "1"


def test_a_failure_says_why(loaded: Loaded) -> None:
    made = result(loaded.plan.jobs[4], State.OUT_OF_MEMORY).model_copy(update={"message": "x" * 10_000})
    content = from_result(made, {}, current=True)
    assert content.status == "FAILED"
    assert content.tags["state"] == "out_of_memory"
    assert content.tags["reason"] == "x" * LONGEST_TAG


def test_another_result_of_the_same_trial_has_another_hash(loaded: Loaded) -> None:
    one, other = (from_result(result(loaded.plan.jobs[4], s), {}, current=True) for s in (State.DONE, State.TIMEOUT))
    assert one.trial_id == other.trial_id
    assert one.tags["result_hash"] != other.tags["result_hash"]


def test_a_skipped_trial_is_a_run_with_a_reason(loaded: Loaded) -> None:
    content = from_skip(loaded.plan.jobs[4].config, "cannot be", {}, time=5)
    assert (content.tags["state"], content.tags["reason"], content.status) == ("skipped", "cannot be", "KILLED")


def test_colours_never_repeat() -> None:
    names = [f"attention{i}" for i in range(9)]
    assert colours(names) == colours(names[::-1])
    assert list(colours(names).values()) == [*PALETTE, GREY, GREY, GREY]


def test_an_error_leads_where_less_is_better(loaded: Loaded) -> None:
    scores = {"rmse": 1.5, "mae": 0.75, "loss": 2.25}
    changes = {
        "metrics": {"validation": scores, "test": scores},
        "curves": {"train_loss": [1.0], "validation_mae": [0.9]},
    }
    made = result(loaded.plan.jobs[4]).model_copy(update=changes)
    content = from_result(made, {}, current=True)
    keys = [p.key for p in content.points]
    assert keys[:3] == ["test/mae", "test/rmse", "test/loss"]
    assert keys[3:5] == ["val/mae_at_best", "val/loss_at_best"] and "val/mae" in keys
    assert "test MAE 0.750 (lower is better)" in content.tags["mlflow.note.content"].splitlines()[0]
    assert from_result(made, {}, current=True, main="rmse").points[0].key == "test/rmse"
    assert from_result(made, {}, current=True, main="auroc").points[0].key == "test/mae"
