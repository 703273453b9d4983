"""The README's promise: a variant is one new file. Its own example, word for word, and nothing else is edited."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.support import small_project
from tests.support.clone import ROOT, Clone

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

CODE = re.compile(r"`(?P<file>mmbench/attention/(?P<name>\w+)\.py)`:\n\n```python\n(?P<source>.*?)```", re.DOTALL)


class Grown(Clone):
    """A clone with one attention more, and a small project beside it that the clone's code works on."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / "clone")
        self.run("git", "add", "--all")
        who = ["-c", "user.name=test", "-c", "user.email=test@localhost"]
        self.run("git", *who, "commit", "--quiet", "--allow-empty", "--message", "as it is")
        example = CODE.search((ROOT / "README.md").read_text(encoding="utf-8"))
        assert example is not None, "the README shows no attention of a user's own"
        self.file, self.name = example["file"], example["name"]
        assert not (self.folder / self.file).exists()
        (self.folder / self.file).write_text(example["source"], encoding="utf-8")
        self.project = folder / "project"
        self.project.mkdir()
        small_project.make(self.project)

    def grid(self, **axes: object) -> None:
        file = self.project / "params.yaml"
        raw = yaml.safe_load(file.read_text(encoding="utf-8"))
        raw["grid"] |= axes
        raw["tracking"] |= {"enabled": False}
        raw["sweep"] |= {"at_once": 1}
        file.write_text(yaml.safe_dump(raw), encoding="utf-8")

    def stage(self, name: str) -> str:
        """Run a stage of the pipeline on the project; returns what it printed."""
        code = f"import os, runpy; os.chdir({str(self.project)!r}); runpy.run_module({name!r}, run_name='__main__')"
        done = self.run(sys.executable, "-c", code, OMP_NUM_THREADS="1", RAY_AUTH_MODE="disabled")
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Grown]:
    made = Grown(tmp_path_factory.mktemp("grown"))
    yield made
    changed = made.run("git", "status", "--porcelain", "--untracked-files=all").stdout.splitlines()
    assert changed == [f"?? {made.file}"], "one new file, and no other edit"


def test_it_is_listed(grown: Grown) -> None:
    told = grown.run("mmbench", "list", "attention", "--json")
    assert told.returncode == 0, told.stderr
    found = {v["name"]: v for v in json.loads(told.stdout)["attention"]}
    assert "2024" in found[grown.name]["source"]


def test_the_contract_is_checked_on_it_and_kept(grown: Grown) -> None:
    tests = ["tests/checks/test_checks.py", "tests/attention", "tests/test_registry.py"]
    chosen = f"{grown.name} or (registry and own) or file"
    done = grown.run(sys.executable, "-m", "pytest", *tests, "-q", "-p", "no:cacheprovider", "-k", chosen, "-rA")
    assert done.returncode == 0, done.stdout + done.stderr
    passed = re.findall(
        rf"^PASSED tests/checks/test_checks\.py::.*\[attention-{grown.name}-(\w+)\]$", done.stdout, re.MULTILINE
    )
    from mmbench.checks import all_checks

    assert sorted(passed) == sorted(all_checks("attention"))


@pytest.mark.exhaustive
def test_it_is_in_the_plan_of_the_full_space(grown: Grown) -> None:
    grown.grid(attention="full", fusion="full", architecture="full")
    told = grown.run("mmbench", "plan", "--root", str(grown.project), "--json")
    assert told.returncode == 0, told.stderr
    cells = [t for t in json.loads(told.stdout)["trials"] if t["role"] == "cell"]
    by_attention = {name: sum(t["attention"]["name"] == name for t in cells) for name in ("mean", grown.name)}
    assert by_attention[grown.name] == by_attention["mean"] > 0


def test_it_is_trained_and_in_the_report(grown: Grown) -> None:
    grown.grid(attention=["mean", grown.name], fusion=["concat"], architecture=["shared"])
    grown.stage("pipeline.sweep")
    grown.stage("pipeline.report")
    metrics = json.loads((grown.project / "reports" / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["done"] == 2 + 2 * 2 + 2
    page = (grown.project / "reports" / "report.html").read_text(encoding="utf-8")
    assert f"{grown.name} + concat · shared" in page
    assert f"{grown.name} · left alone" in page
