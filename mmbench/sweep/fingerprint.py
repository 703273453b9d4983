"""What of the source a trial's numbers depend on, as a hash of syntax trees: a comment changes nothing.

A cell reaches the files of its own variants, what they import, and the core: what `mmbench.training.trial` imports.
Variants are found at run time and never imported by the core, so one variant's file is reached by its own cells alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from mmbench.registry import get
from mmbench.schema.dataset import DataSpec
from mmbench.schema.trial import TrialConfig
from mmbench.source.modules import digest

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
def _combined(roots: frozenset[str]) -> str:
    return digest(roots, NEUTRAL)


def reached_by(module: str) -> str:
    """SHA-256 over the source that a variant's module reaches."""
    return _combined(frozenset([module]))


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
