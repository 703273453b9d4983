"""What of the source a trial's numbers depend on, as a hash of syntax trees: a comment changes nothing.

A cell reaches the files of its own variants, what they import, and the core: what `mmbench.training.trial` imports.
Variants are found at run time and never imported by the core, so one variant's file is reached by its own cells alone.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from mmbench.errors import UserError
from mmbench.registry import Axis, defined, get
from mmbench.schema.dataset import DataSpec
from mmbench.schema.trial import TrialConfig
from mmbench.sweep.defined_source import Source, source_of
from mmbench.sweep.syntax import tokens

CORE = "mmbench.training.trial"
NEUTRAL = frozenset(
    f"mmbench.{name}"
    for name in (
        "errors",
        "provenance",
        "registry",
        "schema.dataset",
        "schema.params",
        "schema.plan",
        "schema.result",
        "schema.strict_yaml",
        "schema.task",
        "schema.trial",
    )
)
"""Reached, but no number depends on them other than through the resolved configuration, which is hashed with it."""


@cache
def _file(module: str) -> Path | None:
    """The source file of a module; None where there is no such module or it has no Python source."""
    try:
        found = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        return None
    origin = Path(found.origin) if found is not None and found.origin is not None else None
    return origin if origin is not None and origin.suffix == ".py" else None


@cache
def _tree(module: str) -> ast.Module:
    file = _file(module)
    if file is None:
        raise UserError(f"the source of {module} cannot be found; variants must be importable as Python files")
    return ast.parse(file.read_bytes(), filename=str(file))


@cache
def _digest(module: str) -> str:
    return hashlib.sha256("\0".join(tokens(_tree(module))).encode()).hexdigest()


@cache
def _imports(module: str) -> frozenset[str]:
    """The modules of mmbench, or of the module's own distribution, that it imports anywhere in its source."""
    ours = ("mmbench", module.split(".", 1)[0])
    file = _file(module)
    package = module if file is not None and file.name == "__init__.py" else module.rpartition(".")[0]
    names: set[str] = set()
    for node in ast.walk(_tree(module)):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = importlib.util.resolve_name("." * node.level + (node.module or ""), package)
            if base.split(".", 1)[0] not in ours:
                continue
            for alias in node.names:
                below = f"{base}.{alias.name}"
                names.add(below if _file(below) is not None else base)
    return frozenset(n for n in names if n.split(".", 1)[0] in ours and _file(n) is not None) - NEUTRAL


@cache
def reached(module: str) -> frozenset[str]:
    """The module and everything of mmbench that it imports, directly or not."""
    found, open_ = {module}, [module]
    while open_:
        new = _imports(open_.pop()) - found
        found |= new
        open_.extend(new)
    return frozenset(found)


@cache
def _combined(roots: frozenset[str | Source]) -> str:
    starts = {m for root in roots for m in ((root,) if isinstance(root, str) else root.modules)} - NEUTRAL
    modules = frozenset[str]().union(*(reached(start) for start in starts))
    lines = [f"{module} {_digest(module)}" for module in sorted(modules)]
    lines += sorted(f"defined {root.digest}" for root in roots if not isinstance(root, str))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


@cache
def _found(axis: Axis, name: str, where: str) -> str:
    return get(axis, name, where=where).module


def _module(axis: Axis, name: str, where: str) -> str | Source:
    """Where the source of a variant is: its module, or its own text if it was defined in a script or a notebook."""
    info = defined().get((axis, name))
    return _found(axis, name, where) if info is None else source_of(info.cls)


def _roots(config: TrialConfig, spec: DataSpec) -> Iterable[str | Source]:
    where = "a trial's configuration"
    yield CORE
    if config.role == "baseline":
        assert config.baseline is not None
        yield _module("baseline", config.baseline, where)
        return
    assert config.attention is not None
    yield _module("attention", config.attention.name, where)
    # A single modality is built as one branch of the independent architecture.
    yield _module("architecture", config.architecture.name if config.architecture else "independent", where)
    if config.fusion is not None:
        yield _module("fusion", config.fusion.name, where)
    for modality in config.modalities:
        yield _module("stem", spec.modalities[modality].kind, f"data set {spec.name}")


def fingerprint(config: TrialConfig, spec: DataSpec) -> str:
    """SHA-256 over the source that this trial reaches.

    Raises UserError for an unknown variant. Source is read once a process.
    """
    return _combined(frozenset(_roots(config, spec)))
