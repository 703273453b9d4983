"""The stage `report`, as DVC calls it: a project folder in, reports/ out, whatever the ledger holds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml

from mmbench.ledger.store import Ledger
from mmbench.schema import cost_curves
from mmbench.schema.params import load_params
from mmbench.sweep.planning.plan import build, load_specs
from tests.support import plain
from tests.support.cost_curves import example
from tests.support.factory import TRUTHS, Job, result_of, spec_of

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Two data sets, prepared as far as the report needs them; MLflow off; nothing run yet."""
    raw = plain.settings()
    raw["grid"] |= {"datasets": ["unique", "synergy"], "seeds": 2}
    raw["tracking"]["enabled"] = False
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(raw))
    for name in raw["grid"]["datasets"]:
        folder = tmp_path / "data" / "prepared" / name
        folder.mkdir(parents=True)
        (folder / "spec.json").write_text(json.dumps(spec_of(name, TRUTHS[name]).model_dump(mode="json")))
    return tmp_path


def fill(project: Path, *, part: float) -> int:
    """Write results for the first part of the plan; returns how many trials it declares."""
    params = load_params(project / "params.yaml")
    specs = load_specs(params, project)
    plan = build(params, specs, root=project)
    ledger = Ledger(project / "data" / "ledger")
    for i, job in enumerate(plan.jobs[: round(part * len(plan.jobs))]):
        known = Job(trial_id=job.trial_id, config=job.config, data_hash=job.data_hash, fingerprint=job.fingerprint)
        name = job.config.dataset
        ledger.write(result_of(known, TRUTHS[name], specs[name], 0.01, None, i))
    return plan.declared


def stage(project: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pipeline.report"],
        cwd=project,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=200,
    )


@pytest.mark.exhaustive
def test_a_partial_ledger_gives_a_report_that_says_so_and_a_full_one_the_same_bytes_twice(project: Path) -> None:
    declared = fill(project, part=0.6)
    done = stage(project)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("So far: ") and lines[1] == "report: reports/report.html", "MLflow is off"
    frame = pd.read_parquet(project / "reports" / "results.parquet")
    assert len(frame) == declared and (frame["state"] == "pending").sum() == declared - round(0.6 * declared)
    fill(project, part=1)
    assert stage(project).returncode == 0

    def contents() -> dict[str, bytes]:
        files = (project / "reports").rglob("*")
        return {str(p.relative_to(project)): p.read_bytes() for p in files if p.is_file()}

    first = contents()
    assert stage(project).returncode == 0
    assert contents() == first
    assert {"reports/report.html", "reports/report.md", "reports/metrics.json"} <= set(first)


@pytest.mark.slow
@pytest.mark.parametrize("git", [True, False])
def test_it_ends_with_where_the_report_is_and_under_git_with_what_to_commit(project: Path, git: bool) -> None:
    if git:
        for words in (
            ["init", "-q"],
            ["-c", "user.name=a", "-c", "user.email=a@localhost", "commit", "-q", "--allow-empty", "-m", "x"],
        ):
            subprocess.run(["git", *words], cwd=project, check=True)
    fill(project, part=0.3)
    done = stage(project)
    assert done.returncode == 0, done.stderr
    *_, last = done.stdout.splitlines()
    assert last.startswith("next: git add dvc.lock && git commit" if git else "report: reports/report.html")


@pytest.mark.slow
def test_a_data_set_that_is_not_prepared_is_one_plain_line(project: Path) -> None:
    (project / "data" / "prepared" / "unique" / "spec.json").unlink()
    card = project / "data" / "raw" / "unique" / "dataset.yaml"
    card.parent.mkdir(parents=True)
    card.write_text("dataset: unique\n", encoding="utf-8")
    done = stage(project)
    assert done.returncode == 1
    assert done.stderr.startswith("error: data set 'unique' is not prepared") and done.stderr.count("\n") == 1


@pytest.mark.exhaustive
def test_a_profile_is_shown_and_a_broken_one_is_one_plain_line(project: Path) -> None:
    fill(project, part=0.1)
    kept = cost_curves.save(example(), project / cost_curves.FOLDER)
    done = stage(project)
    assert done.returncode == 0, done.stderr
    assert (project / "reports" / "figures" / "length_cpu.svg").is_file()
    assert "scaled_dot_product 2.00" in (project / "reports" / "report.html").read_text(encoding="utf-8")
    kept.write_text("{", encoding="utf-8")
    done = stage(project)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ") and "is no profile" in done.stderr and done.stderr.count("\n") == 1


@pytest.mark.slow
def test_what_papers_take_is_made_on_request_and_nothing_else(project: Path) -> None:
    fill(project, part=1)
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; from mmbench.cli import main; sys.exit(main())",
            "report",
            "--figures",
            "paper",
        ],
        cwd=project,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("for papers: reports/paper") and not done.stderr
    assert [p.name for p in (project / "reports").iterdir()] == ["paper"]
    found = {p.name for p in (project / "reports" / "paper").iterdir()}
    assert {"figure1.pdf", "figure1.txt", "figure2_column.pdf", "table-contrasts.tex", "example.tex"} <= found
