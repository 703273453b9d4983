"""What of the source numbers depend on, as a hash of syntax trees: a comment changes nothing.

A trial reaches the files of its own variants, the main metric, which chooses its epoch, what these import, and the
core: what `mmbench.training.trial` imports. Variants are found at run time and never imported by the core, so one
variant's file is reached by its own trials alone. Other metrics, and probes, are measured after training: each has a
fingerprint of its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import cache
from typing import Literal

from mmbench.registry import Axis, defined, get
from mmbench.schema.dataset import DataSpec
from mmbench.schema.trial import TrialConfig
from mmbench.source.modules import digest
from mmbench.sweep.defined_source import Source, source_of

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


@cache
def _combine(roots: frozenset[str | Source]) -> str:
    own = sorted(root.digest for root in roots if isinstance(root, Source))
    named = {m for root in roots for m in (root.modules if isinstance(root, Source) else (root,))}
    found = digest(named - NEUTRAL, NEUTRAL)
    return hashlib.sha256("\n".join([found, *own]).encode()).hexdigest() if own else found


@cache
def _find_module(axis: Axis, name: str, where: str) -> str:
    return get(axis, name, where=where).module


def _module(axis: Axis, name: str, where: str) -> str | Source:
    """Where the source of a variant is: its module, or its own text if it was defined in a script or a notebook."""
    info = defined().get((axis, name))
    return _find_module(axis, name, where) if info is None else source_of(info.cls)


def reached_by(axis: Axis, name: str) -> str:
    """SHA-256 over the source that a variant reaches. Raises UserError for an unknown one."""
    return _combine(frozenset([_module(axis, name, "plan")]))


def _roots(config: TrialConfig, spec: DataSpec) -> Iterable[str | Source]:
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
    return _combine(frozenset(_roots(config, spec)))


def measure_fingerprint(axis: Literal["metric", "probe"], name: str) -> str:
    """SHA-256 over the source that a metric or a probe reaches, from outputs or a model on.

    Raises UserError for an unknown variant. Source is read once a process.
    """
    roots = {_module(axis, name, "what is measured")}
    return _combine(frozenset(roots | {SCORES} if axis == "metric" else roots))
