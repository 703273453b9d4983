"""A third party's package of variants, built and installed for real, is compared like mmbench's own, without a fork."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.support import small_project

PACKAGE = Path(__file__).parent / "thirdparty" / "mmbench-extras"

pytestmark = pytest.mark.slow


@dataclass(frozen=True, kw_only=True)
class Installed:
    """The folder that the package was installed into, and a project that names its variants."""

    site: Path
    project: Path

    def python(self, *words: str) -> subprocess.CompletedProcess[str]:
        """A Python that finds the package, as one does whose environment it was installed into."""
        path = os.pathsep.join([str(small_project.ROOT), str(self.site)])
        env = os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
        return subprocess.run([sys.executable, *words], env=env, capture_output=True, text=True, timeout=120)

    def mmbench(self, *words: str) -> subprocess.CompletedProcess[str]:
        return self.python("-c", "import sys; from mmbench.cli import main; sys.exit(main())", *words)

    def plan(self) -> dict[str, str]:
        """Name -> identifier of every planned trial."""
        told = self.mmbench("plan", "--root", str(self.project), "--json")
        assert told.returncode == 0, told.stderr
        return {trial["name"]: trial["trial_id"] for trial in json.loads(told.stdout)["trials"]}

    def edit(self, module: str, old: str, new: str) -> None:
        file = self.site / "mmbench_extras" / f"{module}.py"
        source = file.read_text(encoding="utf-8")
        assert source.count(old) == 1
        file.write_text(source.replace(old, new), encoding="utf-8")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where pip put the package; it is built from a copy, since building leaves files beside the source."""
    folder = tmp_path_factory.mktemp("thirdparty")
    shutil.copytree(PACKAGE, folder / "source")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    alone = ["--no-index", "--no-deps", "--no-build-isolation", "--target", str(folder / "site")]
    subprocess.run([*pip, *alone, str(folder / "source")], check=True, timeout=120)
    return folder / "site"


@pytest.fixture
def installed(built: Path, tmp_path: Path) -> Installed:
    site = tmp_path / "site"
    shutil.copytree(built, site, ignore=shutil.ignore_patterns("__pycache__"))
    project = tmp_path / "project"
    project.mkdir()
    file = small_project.make(project) / "params.yaml"
    raw = yaml.safe_load(file.read_text(encoding="utf-8"))
    raw["grid"] |= {"attention": ["mean", "softplus"], "fusion": ["concat", "maximum"], "architecture": ["shared"]}
    file.write_text(yaml.safe_dump(raw), encoding="utf-8")
    return Installed(site=site, project=project)


@pytest.mark.exhaustive
def test_it_is_listed_planned_and_trained(installed: Installed) -> None:
    listed = json.loads(installed.mmbench("list", "--json").stdout)
    found = {
        axis: next(v for v in listed[axis] if v["module"].startswith("mmbench_extras"))
        for axis in ("attention", "fusion")
    }
    assert (found["attention"]["name"], found["fusion"]["name"]) == ("softplus", "maximum")
    assert found["fusion"]["family"] == "late (features)"

    cells = {f"{a} + {f} · shared · small · s0" for a in ("mean", "softplus") for f in ("concat", "maximum")}
    assert cells <= set(installed.plan())

    cell = ["--dataset", "small", "--attention", "softplus", "--fusion", "maximum", "--architecture", "shared"]
    run = installed.mmbench("run", "--root", str(installed.project), *cell, "--json")
    assert run.returncode == 0, run.stderr
    result = json.loads(run.stdout)
    assert result["state"] == "done"
    assert set(result["metrics"]) == {"validation", "test"}


def test_it_passes_the_contract_of_the_package(installed: Installed) -> None:
    code = (
        "from mmbench.checks import check; from mmbench.registry import get\n"
        "for axis, name in (('attention', 'softplus'), ('fusion', 'maximum')): check(axis, get(axis, name, where=''))"
    )
    done = installed.python("-c", code)
    assert done.returncode == 0, done.stderr
    installed.edit("attention", "shares(F.softplus(scores), heads.kv_mask)", "F.softplus(scores).softmax(-1)")
    broken = installed.python("-c", code)
    assert broken.returncode != 0
    assert "AssertionError" in broken.stderr
    assert "softplus" in broken.stderr


@pytest.mark.exhaustive
def test_a_trial_is_known_by_the_package_s_source(installed: Installed) -> None:
    before = installed.plan()
    installed.edit("weights", "    kept = (raised", "    # A comment.\n    kept = (raised")
    assert installed.plan() == before
    installed.edit("weights", "1e-6", "2e-6")
    after = installed.plan()
    assert after.keys() == before.keys()
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {name for name in before if name.startswith("softplus")}


def test_a_name_that_is_taken_is_told(installed: Installed) -> None:
    installed.edit("attention", '@variant("softplus"', '@variant("mean"')
    told = installed.mmbench("list")
    assert told.returncode == 1
    assert told.stderr == (
        "error: two variants are named 'mean': mmbench.attention.mean and mmbench_extras.attention; rename one, or "
        "uninstall the package that brings it\n"
    )
