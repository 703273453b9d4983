"""One trial at a time runs in the sweep's own process, without Ray, and finds the same numbers."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mmbench.ledger.store import limits_of
from mmbench.schema.result import State
from mmbench.sweep.local import run_locally
from tests.support import driver, small_project

pytestmark = pytest.mark.slow
CODE = "import sys; from pipeline.sweep import main; code = main(); print('ray' in sys.modules); sys.exit(code)"


def test_one_at_a_time_needs_no_ray_and_finds_the_same_numbers(tmp_path: Path) -> None:
    grid = {"attention": ["mean"], "fusion": ["concat"], "architecture": ["shared"]}
    root = driver.project(tmp_path / "project", grid=grid, sweep={"at_once": 1})
    # With the environment of this process: it may choose the kernels of linear algebra, and so the last digits.
    env = os.environ | {"PYTHONPATH": str(small_project.ROOT)}
    done = subprocess.run([sys.executable, "-c", CODE], cwd=root, env=env, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stdout + done.stderr
    loaded = small_project.read(root)
    assert f"{len(loaded.plan.jobs)} trials to run, 1 at a time" in done.stdout
    assert done.stdout.splitlines()[-1] == "False", "Ray was imported"
    found = driver.results(root)
    assert {job.trial_id for job in loaded.plan.jobs} == found.keys()
    for job in loaded.plan.jobs:
        again = run_locally(job, root / "data" / "prepared" / "small", limits_of(loaded.params.sweep)).complete
        assert found[job.trial_id].state is State.DONE and again.metrics == found[job.trial_id].metrics
