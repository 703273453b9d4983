"""What of the source numbers depend on, as a hash of syntax trees: a comment changes nothing.

A trial reaches the files of its own variants, the main metric, which chooses its epoch, what these import, and the
core: what `mmbench.training.trial` imports. Variants are found at run time and never imported by the core, so one
variant's file is reached by its own trials alone. Other metrics, and probes, are measured after training: each has a
fingerprint of its own.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Literal

from mmbench.errors import UserError
from mmbench.registry import get
from mmbench.schema.dataset import DataSpec
from mmbench.schema.trial import TrialConfig

CORE = "mmbench.training.trial"
SCORES = "mmbench.schema.scores"
"""What every metric passes through, in training and afterwards."""
NEUTRAL = frozenset(
    f"mmbench.{name}"
    for name in (
        "errors",
        "probe",
        "provenance",
        "registry",
        "schema.dataset",
        "schema.measured",
        "schema.metric",
        "schema.outputs",
        "schema.params",
        "schema.plan",
        "schema.quantity",
        "schema.result",
        "schema.strict_yaml",
        "schema.task",
        "schema.trial",
    )
)
"""Reached, but no number depends on them other than through the resolved configuration, which is hashed with it."""


def _tokens(node: object) -> Iterator[str]:
    """A syntax tree as text. Left out: positions, empty fields (they differ between Python versions), statements that
    are bare strings (docstrings), and the @variant mark (a corrected citation changes no result)."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
        return
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "variant":
        return
    if isinstance(node, list):
        yield "["
        for item in node:
            yield from _tokens(item)
        yield "]"
    elif isinstance(node, ast.AST):
        yield type(node).__name__ + "("
        for name in node._fields:
            value = getattr(node, name, None)
            if value is not None and value != []:
                yield name + "="
                yield from _tokens(value)
        yield ")"
    else:
        yield repr(node)


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
    return hashlib.sha256("\0".join(_tokens(_tree(module))).encode()).hexdigest()


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
def _combined(roots: frozenset[str]) -> str:
    modules = frozenset[str]().union(*(reached(root) for root in roots))
    text = "\n".join(f"{module} {_digest(module)}" for module in sorted(modules))
    return hashlib.sha256(text.encode()).hexdigest()


@cache
def _module(axis: str, name: str, where: str) -> str:
    return get(axis, name, where=where).module  # type: ignore[arg-type]


def _roots(config: TrialConfig, spec: DataSpec) -> Iterable[str]:
    where = "a trial's configuration"
    yield CORE
    if config.role == "baseline":
        assert config.baseline is not None
        yield _module("baseline", config.baseline, where)
        return
    yield _module("metric", spec.task.metric, f"data set {spec.name}")
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


def measure_fingerprint(axis: Literal["metric", "probe"], name: str) -> str:
    """SHA-256 over the source that a metric or a probe reaches, from outputs or a model on.

    Raises UserError for an unknown variant. Source is read once a process.
    """
    roots = {_module(axis, name, "what is measured")}
    return _combined(frozenset(roots | {SCORES} if axis == "metric" else roots))
