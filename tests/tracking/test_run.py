from __future__ import annotations

import pytest

from mmbench.cli.project import Loaded
from mmbench.schema.params import Choice
from mmbench.schema.result import State
from mmbench.tracking.names import trial_name
from mmbench.tracking.palette import GREY, PALETTE, colours, legend
from mmbench.tracking.run import LONGEST_TAG, from_result, from_skip
from tests.support.small_project import result
from tests.tracking.conftest import Tracked


@pytest.fixture
def loaded(tracked: Tracked) -> Loaded:
    return tracked.loaded


def test_numbers_are_those_of_the_result(loaded: Loaded) -> None:
    made = result(loaded.plan.jobs[4])
    points = {(p.key, p.step): p.value for p in from_result(made, {}, current=True).points}
    assert points["test/loss", 0] == made.metrics["test"]["loss"] == 0.1 + 0.2
    assert points["val/accuracy", 0] == made.metrics["validation"]["accuracy"]
    assert points["usage/parameters", 0] == 1234
    assert points["curves/train_loss", 0] == 0.7


def test_the_headline_comes_first_and_scalars_are_few(loaded: Loaded) -> None:
    made = result(loaded.plan.jobs[4])
    keys = [p.key for p in from_result(made, {}, current=True).points]
    scalars = keys[: len(keys) - len(made.curves)]
    assert scalars[:2] == ["test/accuracy", "test/macro_f1"]
    assert len(scalars) <= 12


def test_long_lists_are_no_charts(loaded: Loaded) -> None:
    quantities = {"log_loss": [0.4, 0.3], "reliability_counts": [1.0] * 30}
    made = result(loaded.plan.jobs[4]).model_copy(update={"quantities": quantities})
    keys = {p.key for p in from_result(made, {}, current=True).points if p.key.startswith("usage/")}
    assert keys == {"usage/calibration/log_loss/before", "usage/calibration/log_loss/after"}


def test_what_was_not_finite_is_left_out_of_a_curve(loaded: Loaded) -> None:
    made = result(loaded.plan.jobs[4]).model_copy(update={"curves": {"train_loss": [0.5, None, 0.25]}})
    curve = [p for p in from_result(made, {}, current=True).points if p.key == "curves/train_loss"]
    assert [(p.step, p.value) for p in curve] == [(0, 0.5), (2, 0.25)]
    assert curve[0].time < curve[1].time


def test_a_trial_is_named_tagged_and_timed(loaded: Loaded) -> None:
    job = next(job for job in loaded.plan.jobs if job.config.role == "cell")
    content = from_result(result(job), {"hybrid": "#123456"}, current=True)
    assert content.name == "small · pooling + concat · hybrid · s0"
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
    names = [f"architecture{i}" for i in range(9)]
    assert colours(names) == colours(names[::-1])
    assert list(colours(names).values()) == [*PALETTE, GREY, GREY, GREY]
    assert legend(colours(["shared", "hybrid"])) == "hybrid blue, shared brown"


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
    assert keys[3:5] == ["val/mae", "val/loss"] and "curves/val_mae" in keys
    assert "test MAE 0.750 (lower is better)" in content.tags["mlflow.note.content"].splitlines()[0]
    assert from_result(made, {}, current=True, main="rmse").points[0].key == "test/rmse"
    assert from_result(made, {}, current=True, main="auroc").points[0].key == "test/mae"


def test_learning_curves_come_first_on_a_runs_page(loaded: Loaded) -> None:
    """MLflow shows a section for each beginning of a key, in the order of the alphabet."""
    points = from_result(result(loaded.plan.jobs[4]), {}, current=True).points
    sections = sorted({p.key.split("/")[0] for p in points})
    assert sections[0] == "curves"
    assert {p.key for p in points if p.key.startswith("curves/")} == {
        "curves/train_loss",
        "curves/val_loss",
        "curves/val_accuracy",
    }


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({}, "unique · SDPA + cross · hybrid · s1"),
        ({"budget": 0.5}, "unique · SDPA + cross · hybrid · s1 · budget x0.5"),
        ({"configuration": 3}, "unique · SDPA + cross · hybrid · s1 · c3"),
        (
            {"attention": Choice(name="local", options={"window": 8})},
            "unique · local(window=8) + cross · hybrid · s1",
        ),
        ({"role": "single", "modalities": ("image",)}, "unique · image alone, SDPA · s1"),
        ({"role": "baseline", "baseline": "kernel_svm"}, "unique · kernel SVM · s1"),
    ],
)
def test_names_differ_in_the_part_that_shows(loaded: Loaded, changes: dict[str, object], name: str) -> None:
    config = next(job.config for job in loaded.plan.jobs if job.config.role == "cell")
    axes = {
        "attention": Choice(name="scaled_dot_product"),
        "fusion": Choice(name="cross_attention"),
        "architecture": Choice(name="hybrid"),
    }
    of = config.model_copy(update={"dataset": "unique", "seed": 1, **axes, **changes})
    assert trial_name(of) == name


def test_no_two_trials_share_a_name(loaded: Loaded) -> None:
    names = [trial_name(job.config) for job in loaded.plan.trials]
    assert len(set(names)) == len(names)
    assert max(len(name) for name in names) <= 45
