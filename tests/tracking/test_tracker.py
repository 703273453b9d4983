from __future__ import annotations

import logging
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from mmbench.schema.params import Tracking
from mmbench.schema.result import State
from mmbench.tracking import Tracker
from tests.support.small_project import make, read, result
from tests.tracking.conftest import Tracked


def tracker(tracked: Tracked, **settings: bool) -> Tracker:
    chosen = tracked.settings.model_copy(update=settings)
    return Tracker(chosen, tracked.loaded.plan, tracked.loaded.specs, tracked.root)


@pytest.mark.slow
def test_results_arrive_beside_those_of_earlier_sweeps(
    tracked: Tracked, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    logged, opened = threading.Event(), Tracker._open
    monkeypatch.setattr(Tracker, "_open", lambda self: (logged.wait(60), opened(self))[1])
    new = tracked.loaded.plan.jobs[-2:]
    with tracker(tracked) as writer:
        for job in new:
            writer.log(result(job))
        assert writer._written == 0, "a trial does not wait for MLflow"
        logged.set()
    runs = {run.data.tags["trial_id"]: run.data.metrics for run in tracked.runs()}
    assert runs.keys() == tracked.loaded.results.keys() | {job.trial_id for job in new}
    assert runs[new[0].trial_id]["test/accuracy"] == 0.8125
    (summary,) = tracked.runs("tags.role = 'summary'")
    assert summary.data.tags["trials.pending"] == "0"
    assert summary.data.tags["trials.done"] == str(len(tracked.loaded.plan.jobs) - 2)
    assert not [r for r in caplog.records if r.levelno >= logging.WARNING]


def test_a_result_logged_twice_is_one_run(tracked: Tracked) -> None:
    job = tracked.loaded.plan.jobs[-1]
    with tracker(tracked) as writer:
        writer.log(result(job, State.TIMEOUT))
        writer.log(result(job))
        writer.log(result(job))
    assert [run.data.tags["state"] for run in tracked.runs(f"tags.trial_id = '{job.trial_id}'")] == ["done"]


def test_a_server_that_is_away_never_stops_a_sweep(
    tracked: Tracked, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://ann:s3cret@127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with tracker(tracked) as writer:
        for job in tracked.loaded.plan.jobs:
            writer.log(result(job))
    (record,) = caplog.records
    told = record.getMessage()
    count = len(tracked.loaded.plan.jobs)
    assert record.levelno == logging.WARNING
    assert f"{count} of {count} trials are not in MLflow" in told
    assert "`mmbench track`" in told
    assert "s3cret" not in told


def test_a_wait_that_is_too_long_is_given_up(tracked: Tracked, caplog: pytest.LogCaptureFixture) -> None:
    with tracked.store().lock:
        writer = tracker(tracked)
        writer.log(result(tracked.loaded.plan.jobs[-1]))
        writer.close(timeout=0.2)
    assert "1 of 1 trials are not in MLflow: MLflow is not done after 0.2 s" in caplog.text


def test_switched_off_it_touches_nothing(tmp_path: Path) -> None:
    root = make(tmp_path)
    loaded = read(root)
    with Tracker(Tracking(enabled=False, experiment="x"), loaded.plan, loaded.specs, root) as writer:
        writer.log(result(loaded.plan.jobs[0]))
    assert not list(root.glob("mlflow*"))


def test_importing_it_does_not_import_mlflow() -> None:
    code = "import mmbench.tracking, sys; sys.exit('mlflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
