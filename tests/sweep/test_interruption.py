"""Ctrl-C, SIGTERM, kill -9, then to the end: nothing finished is lost, no process remains, numbers as without Ray."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from mmbench.ledger.store import limits_of
from mmbench.schema.result import State
from mmbench.sweep.local import run_locally
from tests.support import driver, small_project

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
TRIALS = 2 * 3 * 3 + 2 * 2 + 2


def test_a_sweep_survives_ctrl_c_and_signals_and_then_has_nothing_to_run(tmp_path: Path) -> None:
    root = driver.project(tmp_path / "project")

    first = {}
    for how in (signal.SIGINT, signal.SIGTERM):
        code, output = driver.stop(root, len(first) + 4, how)
        assert code == 130
        assert "trials are left; the next `dvc repro` goes on from here" in output
        assert "Traceback" not in output
        before, first = first, driver.results(root)
        assert before.items() <= first.items() and len(before) + 4 <= len(first) < TRIALS

    code, _ = driver.stop(root, len(first) + 4, signal.SIGKILL)
    assert code == -signal.SIGKILL
    second = driver.results(root)
    assert first.items() <= second.items()
    assert len(second) < TRIALS

    process = driver.start(root)
    output, _ = process.communicate(timeout=200)
    assert process.returncode == 0, output
    last = driver.results(root)
    assert second.items() <= last.items()
    assert len(last) == TRIALS
    files = {f.name: f.stat().st_mtime_ns for f in (root / "data" / "ledger").iterdir()}
    assert set(files) == {i + end for i in last for end in (".json", ".measured.json", ".safetensors")}

    # Trained in this process, without Ray, in the order of the plan: bit for bit the same.
    loaded = small_project.read(root)
    assert {job.trial_id for job in loaded.plan.jobs} == last.keys()
    for job in loaded.plan.jobs[::3]:
        files_of_trial = run_locally(
            job, root / "data" / "prepared" / job.config.dataset, limits_of(loaded.params.sweep)
        )
        result = files_of_trial.complete
        assert result.state is State.DONE
        assert result.metrics == last[job.trial_id].metrics
        assert result.curves == last[job.trial_id].curves

    process = driver.start(root)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert f"{TRIALS} trials: {TRIALS} done" in output
    assert "to run" not in output
    assert files == {f.name: f.stat().st_mtime_ns for f in (root / "data" / "ledger").iterdir()}
