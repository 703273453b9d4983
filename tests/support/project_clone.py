"""A clone of this repository and a small finished project that its code works on: what one file more changes."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

import pytest
import yaml
from filelock import FileLock

from mmbench.tracking import take_over
from tests.support import small_project
from tests.support.clone import Clone


class GrowingClone(Clone):
    """Everything committed, so that `git status` shows exactly what a test adds."""

    def __init__(self, folder: Path, finished: Path | None = None) -> None:
        """finished: a project as `finish` makes it, of which this one is a copy."""
        super().__init__(folder / "clone")
        self.run("git", "add", "--all")
        who = ["-c", "user.name=test", "-c", "user.email=test@localhost"]
        self.run("git", *who, "commit", "--quiet", "--allow-empty", "--message", "as it is")
        self.project = folder / "project"
        if finished is not None:
            shutil.copytree(finished, self.project)
            # A copy does not write into the original's MLflow: here it is made this project's own.
            take_over(small_project.read(self.project).params.tracking, self.project)
            return
        self.project.mkdir()
        small_project.make(self.project)
        small = {"attention": ["mean"], "fusion": ["concat"], "architecture": ["shared"], "seeds": 2}
        self.edit_project("grid", small)
        # Ray has tests of its own.
        self.edit_project("sweep", {"at_once": 1})

    def edit_project(self, section: str, values: dict[str, object]) -> None:
        """Change settings of the project."""
        file = self.project / "params.yaml"
        raw = yaml.safe_load(file.read_text(encoding="utf-8"))
        raw[section] |= values
        file.write_text(yaml.safe_dump(raw), encoding="utf-8")

    def stage(self, name: str) -> str:
        """Run a stage of the pipeline on the project; returns what it printed."""
        code = f"import os, runpy; os.chdir({str(self.project)!r}); runpy.run_module({name!r}, run_name='__main__')"
        done = self.run(sys.executable, "-c", code, OMP_NUM_THREADS="1", RAY_AUTH_MODE="disabled")
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def add(self, file: str, source: str) -> None:
        assert not (self.folder / file).exists()
        (self.folder / file).write_text(source, encoding="utf-8")

    def changed(self) -> list[str]:
        """What `git status` and `git diff --stat` show."""
        diff = self.run("git", "diff", "--stat").stdout.splitlines()
        return diff + self.run("git", "status", "--porcelain", "--untracked-files=all").stdout.splitlines()

    def trained(self) -> dict[str, str]:
        """The JSON of every trial: whatever was trained again has another one."""
        folder = self.project / "data" / "ledger"
        files = [f for f in folder.glob("*.json") if not f.name.endswith(".measured.json")]
        return {f.name: f.read_text(encoding="utf-8") for f in files}

    def status(self) -> dict[str, dict[str, int]]:
        """What finished trials lack, as the command line reports it."""
        done = self.run("mmbench", "status", "--root", str(self.project), "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)["unmeasured"]


def finish(factory: pytest.TempPathFactory) -> Path:
    """A small project that is trained and reported: made by the first process that asks, for all of this test run."""
    base = factory.getbasetemp()
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder = base / "finished"
    with FileLock(base / "finished.lock"):
        if not (folder / "done").exists():
            made = GrowingClone(folder)
            made.stage("pipeline.sweep")
            made.stage("pipeline.report")
            (folder / "done").touch()
    return folder / "project"
