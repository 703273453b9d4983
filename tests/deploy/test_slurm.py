"""The Slurm scripts, run by bash with a real Ray; of Slurm there are only `srun` and `scontrol`, which stay on this
machine: `srun` runs what it is given, `scontrol` writes down what it is asked."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from mmbench.cli import main
from mmbench.ledger.store import Ledger
from tests.support import small_project

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

ROOT = Path(__file__).resolve().parents[2]
SLURM = ROOT / "deploy" / "slurm"
SRUN = '#!/bin/bash\nwhile [[ $1 == --* ]]; do echo "$1" >> "$SLURM_SUBMIT_DIR/srun.log"; shift; done\nexec "$@"\n'
SCONTROL = '#!/bin/bash\necho "$@" >> "$SLURM_SUBMIT_DIR/scontrol.log"\n'


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A small project with two trials' worth of a grid, and the two commands in a folder beside it."""
    root = small_project.make(tmp_path / "project")
    file = root / "params.yaml"
    raw = yaml.safe_load(file.read_text(encoding="utf-8"))
    raw["grid"] |= {"attention": ["mean", "additive"], "fusion": ["concat"], "architecture": ["shared"], "seeds": 2}
    raw["controls"] |= {"single_modalities": False, "baselines": ["majority"]}
    raw["tracking"]["enabled"] = False
    file.write_text(yaml.safe_dump(raw), encoding="utf-8")
    bin_ = tmp_path / "bin"
    bin_.mkdir()
    for name, text in (("srun", SRUN), ("scontrol", SCONTROL)):
        (bin_ / name).write_text(text, encoding="utf-8")
        (bin_ / name).chmod(0o755)
    return root


def job(project: Path, number: int, **more: str) -> dict[str, str]:
    """The environment that Slurm would give the batch script."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("RAY_", "SLURM_"))}
    path = os.pathsep.join([str(project.parent / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]])
    slurm = {"SLURM_SUBMIT_DIR": str(project), "SLURM_JOB_ID": str(number), "SLURM_CPUS_PER_TASK": "1"}
    ours = {"PATH": path, "PYTHONPATH": str(ROOT), "MMBENCH_ADDRESS": "127.0.0.1", "MMBENCH_ENV": "nowhere"}
    return kept | slurm | ours | more


def number() -> int:
    """Of a job, and so a port that nobody else uses here."""
    return 100_000 + os.getpid() % 9_000


@pytest.mark.parametrize("script", sorted(p.name for p in SLURM.iterdir()))
def test_scripts_are_bash_and_their_options_are_sbatchs(script: str) -> None:
    subprocess.run(["bash", "-n", SLURM / script], check=True)
    text = (SLURM / script).read_text(encoding="utf-8")
    options = re.findall(r"^#SBATCH (\S+)$", text, re.MULTILINE)
    assert all(re.fullmatch(r"--[a-z-]+(=\S+)?", option) for option in options)
    assert ("--requeue" in options) == script.endswith(".sbatch")
    # Slurm reads options only before the first command.
    head, _, body = text.partition("\nset -euo pipefail\n")
    assert body and "#SBATCH" not in body and all(line.startswith("#") or not line for line in head.splitlines())


@pytest.mark.exhaustive
def test_a_sweep_runs_on_a_head_and_a_worker(project: Path) -> None:
    command = ["bash", SLURM / "cluster.sbatch", "python", "-m", "mmbench.stages.sweep"]
    done = subprocess.run(
        command,
        env=job(project, number(), SLURM_JOB_NUM_NODES="2"),
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Ray has 2 nodes and 2 CPUs" in done.stdout
    assert "5 trials in" in done.stdout and "2 at a time" in done.stdout
    assert len(Ledger(project / "data" / "ledger").read()) == 5
    asked = (project / "srun.log").read_text(encoding="utf-8").split()
    assert {"--nodes=1", "--ntasks=1", "--export=ALL"} <= set(asked) and any(x.startswith("--exclude=") for x in asked)
    assert any(x.startswith("--cpus-per-task=") for x in asked)
    assert not Path(f"/tmp/ray-{number()}").exists() and not (project / "scontrol.log").exists()


def test_a_job_that_is_pre_empted_ends_its_command_as_ctrl_c_does_and_is_queued_again(project: Path) -> None:
    waits = (
        "import sys, time; print('at work', flush=True)\ntry: time.sleep(300)\nexcept KeyboardInterrupt: sys.exit(130)"
    )
    process = subprocess.Popen(
        ["bash", SLURM / "cluster.sbatch", sys.executable, "-c", waits],
        env=job(project, number() + 1, SLURM_JOB_NUM_NODES="1"),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if "at work" in line:
            break
    # As --signal=B:INT@120 does: to the batch shell alone.
    process.send_signal(signal.SIGINT)
    rest = process.stdout.read()
    assert process.wait(timeout=120) == 130, rest
    assert (project / "scontrol.log").read_text(encoding="utf-8") == f"requeue {number() + 1}\n"


@pytest.mark.exhaustive
def test_a_job_array_over_data_sets_is_merged_into_one_report(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small_project.regression(project)
    for i, name in enumerate(("small", "errors")):
        (project / "data" / "raw" / name).mkdir(parents=True)
        (project / "data" / "raw" / name / "dataset.yaml").write_text("dataset: redundant\n", encoding="utf-8")
        done = subprocess.run(
            ["bash", SLURM / "by-dataset.sbatch", "small", "errors"],
            env=job(project, number(), SLURM_ARRAY_JOB_ID="7", SLURM_ARRAY_TASK_ID=str(i)),
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    own = project / "by-dataset" / "errors" / "data" / "ledger"
    assert {r.config.dataset for r in Ledger(own).read().values()} == {"errors"}
    done = subprocess.run(
        ["bash", SLURM / "merge.sh", "small", "errors"],
        cwd=project,
        env=job(project, 0),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    page = (project / "reports-merged" / "report.md").read_text(encoding="utf-8")
    assert "10 of 10 trials" in page or "All 10 trials finished" in page
    # Into the project's own ledger, as docs/clusters.md says: then nothing is left to train.
    for part in (project / "by-dataset").iterdir():
        shutil.copytree(part / "data" / "ledger", project / "data" / "ledger", dirs_exist_ok=True)
    assert main(["plan", "--root", str(project)]) == 0
    assert "10 trials declared: 0 pending, 10 finished" in capsys.readouterr().out


def test_an_array_task_says_what_is_missing(project: Path) -> None:
    began = time.monotonic()
    done = subprocess.run(
        ["bash", SLURM / "by-dataset.sbatch", "other"],
        env=job(project, number(), SLURM_ARRAY_TASK_ID="0"),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1 and "run: dvc repro prepare@other" in done.stderr
    assert time.monotonic() - began < 30
