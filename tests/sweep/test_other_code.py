"""A worker that imports another mmbench than the driver: its results would bear a fingerprint that is not theirs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mmbench.ledger.store import Ledger
from mmbench.sweep.other_code import DIFFERS
from tests.support import driver, small_project

pytestmark = pytest.mark.slow
GRID = {"attention": ["mean"], "fusion": ["concat"], "architecture": ["shared"], "seeds": 1}
CONTROLS = {"single_modalities": False, "baselines": []}


def sweep(root: Path, *program: str) -> subprocess.CompletedProcess[str]:
    """With the repository's source in the driver, and in the workers what the project's folder holds. program: for
    Python, in place of the sweep."""
    env = os.environ | {"PYTHONPATH": str(small_project.ROOT), "OMP_NUM_THREADS": "1", "RAY_AUTH_MODE": "disabled"}
    command = [sys.executable, "-P", *(program or ("-m", "pipeline.sweep"))]
    return subprocess.run(command, cwd=root, env=env, capture_output=True, text=True, timeout=200, check=False)


TIME = """
from pathlib import Path
from mmbench.sweep.engine import call_on_free_slot
from tests.support import small_project

loaded = small_project.read(Path())
(job,) = loaded.plan.jobs
print(call_on_free_slot("small", {job.config.cell: job}, Path("data/prepared"), loaded.params.sweep))
"""


def test_a_worker_with_other_source_times_nothing(tmp_path: Path) -> None:
    root = driver.project(tmp_path / "project", grid=GRID, controls=CONTROLS)
    copy = Path(shutil.copytree(small_project.ROOT / "mmbench", root / "mmbench"))
    same = sweep(root, "-c", TIME)
    assert same.returncode == 0 and "mean + concat" in same.stdout, same.stderr
    file = copy / "training" / "idle_cost.py"
    file.write_text(file.read_text(encoding="utf-8") + "\n\nSLOPE = 2\n", encoding="utf-8")
    other = sweep(root, "-c", TIME)
    assert other.returncode == 1 and f"has mmbench from {copy}, and {DIFFERS}" in other.stderr, other.stderr


def test_nothing_of_a_worker_with_other_source_is_kept(tmp_path: Path) -> None:
    root = driver.project(tmp_path / "project", grid=GRID, controls=CONTROLS)
    copy = Path(shutil.copytree(small_project.ROOT / "mmbench", root / "mmbench"))
    attention, probe = copy / "attention" / "mean.py", copy / "probe" / "noise.py"
    source = attention.read_text(encoding="utf-8")
    attention.write_text(f"{source}\n\nSLOPE = 2\n", encoding="utf-8")
    done = sweep(root)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "error: a worker on " in done.stderr and f"has mmbench from {copy}, and {DIFFERS}" in done.stderr
    ledger = Ledger(root / "data" / "ledger")
    assert not ledger.read()
    # The same source elsewhere is no other source.
    attention.write_text(source, encoding="utf-8")
    done = sweep(root)
    assert done.returncode == 0, done.stdout + done.stderr
    (result,) = ledger.read().values()
    # What is measured afterwards is compared as well.
    (ledger.folder / f"{result.trial_id}.measured.json").unlink()
    probe.write_text(probe.read_text(encoding="utf-8") + "\n\nSLOPE = 2\n", encoding="utf-8")
    done = sweep(root)
    assert done.returncode == 1 and DIFFERS in done.stderr, done.stdout + done.stderr
    assert not ledger.measured({result.trial_id: result})[result.trial_id].probes
