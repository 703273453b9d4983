"""The Slurm scripts on a real Slurm of one node (Debian: slurm-wlm)."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mmbench.ledger.store import Ledger
from tests.deploy.test_slurm import ROOT, SLURM
from tests.deploy.test_slurm import project as project  # the fixture
from tests.support import slurm, small_project

pytestmark = [
    pytest.mark.exhaustive,
    pytest.mark.timeout(900),
    pytest.mark.skipif(slurm.missing() is not None, reason=slurm.missing() or ""),
]
SMALL = ("--cpus-per-task=2", "--mem=4G")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[slurm.Slurm]:
    with slurm.running(tmp_path_factory.mktemp("slurm")) as found:
        yield found


def ours() -> dict[str, str]:
    """What a job needs to know here beside what Slurm tells it: that `python` is this one, with this mmbench."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return {"PATH": path, "PYTHONPATH": str(ROOT), "MMBENCH_ADDRESS": "127.0.0.1", "MMBENCH_ENV": "nowhere"}


def test_a_sweep_is_a_job(cluster: slurm.Slurm, project: Path) -> None:
    job = cluster.submit(
        project, "--nodes=1", *SMALL, SLURM / "cluster.sbatch", "python", "-m", "mmbench.stages.sweep", **ours()
    )
    told = cluster.wait(job, 400)
    said = (project / f"mmbench-{job}.log").read_text(encoding="utf-8")
    assert "JobState=COMPLETED" in told, told + said
    assert "Ray has 1 nodes and 2 CPUs" in said and "5 trials in" in said and "2 at a time" in said
    assert len(Ledger(project / "data" / "ledger").read()) == 5
    assert not Path(f"/tmp/ray-{job}").exists()


def test_a_job_that_is_pre_empted_goes_on_where_it_stopped(cluster: slurm.Slurm, project: Path) -> None:
    """Slurm's warning comes while a sweep runs: finished trials are kept, and the job, which is queued again by the
    script itself, trains the others."""
    file = project / "params.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("seeds: 2", "seeds: 60"), encoding="utf-8")
    job = cluster.submit(
        project, "--nodes=1", *SMALL, SLURM / "cluster.sbatch", "python", "-m", "mmbench.stages.sweep", **ours()
    )
    ledger = project / "data" / "ledger"
    end = time.monotonic() + 200
    while sum(not f.name.endswith(".measured.json") for f in ledger.glob("*.json")) < 5:
        assert time.monotonic() < end, cluster.show(job)
        time.sleep(0.1)
    cluster.signal(job, "INT")
    while "Restarts=0" in cluster.show(job):
        assert time.monotonic() < end, cluster.show(job)
        time.sleep(0.5)
    kept = {f.name: f.stat().st_mtime_ns for f in ledger.glob("*.json")}
    assert 5 <= sum(not name.endswith(".measured.json") for name in kept) < 121
    told = cluster.wait(job, 500)
    said = (project / f"mmbench-{job}.log").read_text(encoding="utf-8")
    assert "JobState=COMPLETED" in told and "Restarts=1" in told, told + said
    assert "stopped: " in said
    assert len(Ledger(ledger).read()) == 121
    again = {f.name: f.stat().st_mtime_ns for f in ledger.glob("*.json")}
    assert all(again[name] == when for name, when in kept.items()), "what had finished was trained again"


def test_an_array_over_data_sets_becomes_one_report(cluster: slurm.Slurm, project: Path) -> None:
    small_project.regression(project)
    for name in ("small", "errors"):
        (project / "data" / "raw" / name).mkdir(parents=True)
        (project / "data" / "raw" / name / "dataset.yaml").write_text("dataset: redundant\n", encoding="utf-8")
    job = cluster.submit(
        project,
        "--array=0-1",
        "--cpus-per-task=1",
        "--mem=4G",
        SLURM / "by-dataset.sbatch",
        "small",
        "errors",
        **ours(),
    )
    told = cluster.wait(job, 400)
    said = "".join(f.read_text(encoding="utf-8") for f in project.glob("mmbench-*.log"))
    assert told.count("JobState=COMPLETED") == 2, told + said
    done = subprocess.run(
        ["bash", SLURM / "merge.sh", "small", "errors"],
        cwd=project,
        env=cluster.env | ours(),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (project / "reports-merged" / "report.html").exists()
