"""On a copy of the source: what an edit reaches, and what it does not."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from tests.support import small_project

SCRIPT = """
import json, sys
from pathlib import Path
from mmbench.cli.project import Project, load
from mmbench import registry
from mmbench.sweep.planning import fingerprint

root = Path(sys.argv[1])
for line in sys.stdin:
    registry.forget()
    for f in vars(fingerprint).values():
        if hasattr(f, "cache_clear"):
            f.cache_clear()
    plan = load(Project(root=root, params_file=root / "params.yaml")).plan
    print(json.dumps({job.config.name: job.fingerprint for job in plan.jobs}), flush=True)
"""

Fingerprints = Mapping[str, str]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package's source in a folder of its own, beside a small project."""
    folder = tmp_path_factory.mktemp("copy")
    shutil.copytree(small_project.ROOT / "mmbench", folder / "mmbench", ignore=shutil.ignore_patterns("__pycache__"))
    small_project.make(folder)
    return folder


@pytest.fixture(scope="module")
def fingerprints(copy: Path) -> Iterator[Callable[[], Fingerprints]]:
    """The fingerprint of every trial, by name, as the copied source now is; asked of a process that runs the copy."""
    env = os.environ | {"PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-c", SCRIPT, str(copy)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=copy, env=env, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        source, sink = process.stdout, process.stdin

        def ask() -> Fingerprints:
            print(file=sink, flush=True)
            return json.loads(source.readline())

        yield ask


@pytest.fixture(scope="module")
def before(fingerprints: Callable[[], Fingerprints]) -> Fingerprints:
    return fingerprints()


@pytest.fixture
def changed(
    copy: Path, before: Fingerprints, fingerprints: Callable[[], Fingerprints]
) -> Callable[[str, str, str], set[str]]:
    """Replace `old` by `new` in a file of the copy; the names of the trials that this invalidates."""

    def change(file: str, old: str, new: str) -> set[str]:
        path = copy / "mmbench" / file
        source = path.read_text(encoding="utf-8")
        assert old in source
        path.write_text(source.replace(old, new, 1), encoding="utf-8")
        try:
            after = fingerprints()
        finally:
            path.write_text(source, encoding="utf-8")
        assert after.keys() == before.keys()
        return {name for name in after if after[name] != before[name]}

    return change


Change = Callable[[str, str, str], set[str]]


def test_a_comment_a_docstring_and_a_citation_change_nothing(changed: Change) -> None:
    new = '# A remark.\n@variant(\n    "concat", # moved\n  title="joined",\n'
    assert changed("fusion/concat.py", '@variant(\n    "concat",\n    title="concatenation",\n', new) == set()
    assert changed("fusion/concat.py", "source=\"the source article's late fusion", 'source="Another paper') == set()
    assert changed("model/block.py", '"""Norm, expand, ReLU', '"""Another text') == set()


def test_an_operator_in_a_fusion_reaches_its_cells_alone(changed: Change, before: Fingerprints) -> None:
    stale = changed("fusion/concat.py", "dim=-1", "dim=-2")
    assert stale == {name for name in before if " + concat ·" in name}
    assert stale


def test_an_attention_reaches_its_cells_and_its_single_modalities(changed: Change, before: Fingerprints) -> None:
    stale = changed("attention/additive.py", "hidden_HBNM.tanh_()", "hidden_HBNM.sin_()")
    assert stale == {name for name in before if name.startswith("additive")}


def test_a_baseline_reaches_itself(changed: Change) -> None:
    assert changed("baseline/linear.py", "max_iter=500", "max_iter=501") == {"linear baseline · small · s0"}


def test_the_training_loop_reaches_everything(changed: Change, before: Fingerprints) -> None:
    assert changed("training/loop.py", "0.5 * (1 + math.cos", "0.4 * (1 + math.cos") == set(before)


def test_the_main_metric_reaches_what_it_chose_the_epoch_of(changed: Change, before: Fingerprints) -> None:
    assert changed("metric/accuracy.py", "labels.astype(int)", "labels.astype(float)") == {
        name for name in before if "baseline" not in name
    }


def test_what_measures_afterwards_reaches_nothing(changed: Change) -> None:
    assert changed("metric/auroc.py", 'float("nan")', 'float("-inf")') == set()
    assert changed("probe/cost.py", "2 * weights", "3 * weights") == set()
    assert changed("model/cost.py", "min_run_time=0.05", "min_run_time=0.06") == set()
    assert changed("sweep/measure.py", "MANY = 64", "MANY = 65") == set()
    assert changed("schema/outputs.py", "LONGEST_HEADER = 2**20", "LONGEST_HEADER = 2**21") == set()


def test_what_changes_no_number_reaches_nothing(changed: Change) -> None:
    assert changed("provenance.py", "timeout=10", "timeout=11") == set()
    assert changed("report/__init__.py", '"""', 'LATER = 1\n"""') == set()
