"""`mmbench new`, and the project that it makes, with the built wheel alone."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
import yaml

from mmbench.cli import main
from mmbench.project import create
from mmbench.project.project import Project
from mmbench.schema.params import load_params

ROOT = Path(__file__).resolve().parents[2]


def test_the_repository_has_the_settings_and_cards_of_a_new_project() -> None:
    for place in ("params.yaml", *(p for p in create.contents() if p.startswith("data/raw"))):
        template = create.contents()[place].read_text(encoding="utf-8")
        assert (ROOT / place).read_text(encoding="utf-8") == template, f"copy mmbench/project/template to {place}"


def test_the_stages_of_a_new_project_are_those_of_the_repository() -> None:
    files = (ROOT / "dvc.yaml", create.contents()["dvc.yaml"])
    here, there = (yaml.safe_load(file.read_text(encoding="utf-8")) for file in files)
    assert here["plots"] == there["plots"]
    own, new = here["stages"], there["stages"]
    assert set(new) == {"source", *own}
    for name, stage in own.items():
        assert new[name]["cmd"] == stage["cmd"].replace("pipeline.", "mmbench.stages.")
        assert "data/source.txt" in new[name]["deps"]
        for key in ("outs", "params", "metrics", "plots", "matrix"):
            assert new[name].get(key) == stage.get(key), f"{name}: {key}"


def test_a_new_project_is_made_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "study"
    assert main(["new", str(folder)]) == 0
    assert {p.name for p in folder.iterdir()} >= {"params.yaml", "dvc.yaml", ".gitignore", "README.md", ".dvc", "data"}
    assert load_params(folder / "params.yaml").grid.datasets == ("redundant", "unique")
    assert "no_scm" in (folder / ".dvc" / "config").read_text(encoding="utf-8")
    capsys.readouterr()
    assert main(["new", str(folder)]) == 1
    assert capsys.readouterr().err == f"error: {folder} is not empty; name a new folder, such as {folder}-2\n"


def test_ones_own_data_are_proposed_without_the_generated_ones(tmp_path: Path) -> None:
    """Nobody who brought data of their own wants to train the made ones, too; what else is their own stays."""
    create.create(tmp_path / "study")
    project = Project.at(tmp_path / "study")
    assert project.with_dataset("birds") == "datasets: [birds]"
    text = project.params_file.read_text(encoding="utf-8")
    assert "[redundant, unique]" in text
    project.params_file.write_text(text.replace("[redundant, unique]", "[redundant, frogs]"), encoding="utf-8")
    assert project.with_dataset("birds") == "datasets: [frogs, birds]"


def test_a_project_in_a_git_repository_is_tracked_there(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    create.create(tmp_path / "study")
    assert "no_scm" not in (tmp_path / "study" / ".dvc" / "config").read_text(encoding="utf-8")


@pytest.mark.exhaustive
@pytest.mark.timeout(1200)
def test_the_wheel_alone_makes_and_runs_a_project(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-index", "--no-deps", "--no-build-isolation"]
    subprocess.run([*build, "--wheel-dir", tmp_path, ROOT], check=True)
    (wheel,) = tmp_path.glob("mmbench-*.whl")
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    (site,) = venv.glob("lib/python*/site-packages")
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--target", site, wheel]
    subprocess.run(install, check=True)
    # A plain path, whose own .pth files are not read: the editable mmbench of these tests stays out.
    (site / "rest.pth").write_text(f"{sysconfig.get_path('purelib')}\n", encoding="utf-8")
    kept = ("PYTHONPATH", "MLFLOW_TRACKING_URI", "RAY_ADDRESS")
    bins = os.pathsep.join([str(venv / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]])
    env = {k: v for k, v in os.environ.items() if k not in kept} | {"PATH": bins, "RAY_AUTH_MODE": "disabled"}

    def run(*words: str, cwd: Path = tmp_path) -> str:
        done = subprocess.run(words, cwd=cwd, env=env, capture_output=True, text=True, timeout=900)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    assert str(site) in run("python", "-c", "import mmbench; print(mmbench.__file__)")
    command = ("python", "-c", "import sys; from mmbench.cli import main; sys.exit(main())")
    study = tmp_path / "study"
    run(*command, "new", "study")
    (study / "data/raw/synergy/dataset.yaml").write_text(
        "dataset: {synergy: {train: 180, validation: 90, test: 90}}\n", encoding="utf-8"
    )
    settings = yaml.safe_load((study / "params.yaml").read_text(encoding="utf-8"))
    settings["grid"] = {
        "datasets": ["synergy"],
        "attention": ["mean"],
        "fusion": ["concat"],
        "architecture": ["shared"],
        "seeds": 1,
    }
    settings["train"] |= {"epochs": 1, "learning_rate": 0.003}
    (study / "params.yaml").write_text(yaml.safe_dump(settings, sort_keys=False), encoding="utf-8")
    dvc = ("python", "-c", "import sys; from dvc.cli import main; sys.exit(main())")
    told = run(*command, "go", cwd=study)
    assert "Running stage 'sweep'" in told and "models:/mmbench-synergy@champion (version 1)" in told
    assert (study / "reports" / "report.html").is_file() and (study / "mlflow.db").is_file()
    ledger = {f.name: f.stat().st_mtime_ns for f in (study / "data/ledger").glob("*.json")}
    assert ledger
    assert "is this model already" in run(*command, "champion", cwd=study)
    said = run(*dvc, "repro", cwd=study)
    assert "Running stage 'source'" in said and "Running stage 'sweep'" not in said
    assert {f.name: f.stat().st_mtime_ns for f in (study / "data/ledger").glob("*.json")} == ledger
