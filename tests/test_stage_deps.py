"""`dvc repro` runs a stage again when, and only when, something that the stage reaches has changed.

Each stage's `deps` in dvc.yaml are compared with the closure of the imports of its command, late imports and imports of
variants included. A path that is missing leaves a stage stale; one that is not needed runs it for nothing.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]

NEUTRAL = {
    "mmbench": "imports nothing",
    "pipeline": "says how Ctrl-C is reported",
    "mmbench.project": "a docstring",
    "mmbench.stages": "says how errors and Ctrl-C are reported",
    "mmbench.api": "what a person calls in Python; `mmbench.dataset`, the function, leads there, and no stage calls it",
    "mmbench.errors": "words of messages",
    "mmbench.provenance": "what is recorded of the machine and the commit",
    "mmbench.tracking": "MLflow is a view; the ledger is the record",
}
"""Reached by stages, and no output depends on it: changing it runs nothing again. Imports are not followed there."""

THROUGH_THE_LEDGER = {
    "report": (
        "mmbench.architecture",
        "mmbench.attention",
        "mmbench.baseline",
        "mmbench.checks",
        "mmbench.data",
        "mmbench.dataset",
        "mmbench.fusion",
        "mmbench.model",
        "mmbench.stem",
        "mmbench.training",
    )
}
"""What changes the plan or the results: the sweep runs again, and where results differ, the ledger differs."""

AXES = {
    "prepare": ("dataset", "metric"),
    "sweep": ("architecture", "attention", "baseline", "fusion", "metric", "probe", "stem"),
    "report": ("metric", "probe", "report.sections"),
}
"""Packages below `mmbench` whose modules a stage finds when it runs (variants of an axis, sections of the report): no
import statement shows it."""

DATA = {
    "prepare": {"data/raw/${item.dataset}"},
    "sweep": {"data/prepared"},
    "report": {"data/budget", "data/ledger", "data/prepared", "data/profile"},
}


def _file(module: str) -> Path | None:
    path = ROOT.joinpath(*module.split("."))
    for file in (path.with_suffix(".py"), path / "__init__.py"):
        if file.is_file():
            return file
    return None


def _below(package: str) -> Iterator[str]:
    """The modules of a package, folders included."""
    folder = ROOT.joinpath(*package.split("."))
    for file in sorted(folder.rglob("*.py")):
        parts = file.relative_to(ROOT).with_suffix("").parts
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def _imports(module: str) -> frozenset[str]:
    """The modules of this repository that a module imports anywhere; of an import for types only, none."""
    file = _file(module)
    assert file is not None, module
    found: set[str] = set()
    tree = ast.parse(file.read_bytes())
    typed = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in typed:
            continue
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            below = [f"{node.module}.{alias.name}" for alias in node.names]
            found.update(name if _file(name) is not None else node.module for name in below)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            # A late import by name, such as import_module(f"mmbench.data.decode.{kind}").
            found.update(re.findall(r"^mmbench\.[a-z_.]*[a-z_]$", node.value))
    return frozenset(
        name for name in found if name.split(".")[0] in ("mmbench", "pipeline") and _file(name) is not None
    )


def _is_of(module: str, packages: tuple[str, ...]) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def _is_neutral(stage: str, module: str) -> bool:
    exact = ("mmbench", "pipeline", "mmbench.project", "mmbench.stages")
    wide = (*(name for name in NEUTRAL if name not in exact), *THROUGH_THE_LEDGER.get(stage, ()))
    return module in exact or _is_of(module, wide)


def reached(stage: str, start: str) -> set[str]:
    """Every module that the stage's outputs depend on."""
    queue = [start, *(m for axis in AXES[stage] for m in _below(f"mmbench.{axis}"))]
    found: set[str] = set()
    while queue:
        module = queue.pop()
        if module in found or _is_neutral(stage, module):
            continue
        found.add(module)
        queue.extend(_imports(module))
    return found


def _code(stage: str) -> list[str]:
    return [d for d in STAGES[stage]["deps"] if not d.startswith("data/")]


def _command(stage: str) -> str:
    module = re.match(r"python -m ([\w.]+)", STAGES[stage]["cmd"])
    assert module is not None
    return module[1]


def _covers(path: str, module: str) -> bool:
    file = _file(module)
    assert file is not None
    return file.relative_to(ROOT).is_relative_to(path)


def missing_and_needless(stage: str, deps: list[str]) -> tuple[list[str], list[str]]:
    """Modules that no path of `deps` covers; paths that cover nothing that another one does not."""
    modules = reached(stage, _command(stage))
    missing = sorted(m for m in modules if not any(_covers(path, m) for path in deps))
    needless = [
        path
        for i, path in enumerate(deps)
        if not any(
            _covers(path, m) and not any(_covers(other, m) for other in deps[:i] + deps[i + 1 :]) for m in modules
        )
    ]
    return missing, needless


@pytest.mark.parametrize("stage", list(STAGES))
def test_a_stage_depends_on_what_it_reaches_and_on_nothing_else(stage: str) -> None:
    assert missing_and_needless(stage, _code(stage)) == ([], [])


@pytest.mark.parametrize("stage", list(STAGES))
def test_a_stage_depends_on_its_data(stage: str) -> None:
    assert {d for d in STAGES[stage]["deps"] if d.startswith("data/")} == DATA[stage]


@pytest.mark.parametrize(("stage", "path"), [(s, p) for s in STAGES for p in _code(s)])
def test_a_path_that_is_removed_is_missed(stage: str, path: str) -> None:
    missing, _ = missing_and_needless(stage, [p for p in _code(stage) if p != path])
    assert missing and all(_covers(path, m) for m in missing)


def test_every_neutral_module_exists() -> None:
    for module in (*NEUTRAL, *(m for modules in THROUGH_THE_LEDGER.values() for m in modules)):
        assert _file(module) is not None, f"{module} is gone; remove it from the list"


def test_every_stage_is_known_here() -> None:
    assert set(AXES) == set(DATA) == set(STAGES)


@pytest.mark.parametrize("file", ["dvc.yaml", "mmbench/project/template/stages.yaml"])
def test_the_sweep_runs_again_for_every_setting_that_says_what_is_measured(file: str) -> None:
    """A probe that is asked for on a finished project, and costs that are wanted after all."""
    text = yaml.safe_load((ROOT / file).read_text(encoding="utf-8"))
    stages = text.get("stages", text)
    assert {"grid", "controls", "model", "train", "tuning", "probes", "sweep.time_alone"} <= set(
        stages["sweep"]["params"]
    )
