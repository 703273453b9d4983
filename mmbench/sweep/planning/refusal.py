"""Trials that cannot be, and why: known from names and sizes, before anything is trained."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mmbench.registry import defined, get
from mmbench.schema.dataset import DataSpec
from mmbench.schema.trial import TrialConfig
from mmbench.source.kept import process_cache
from mmbench.sweep.planning.fingerprint import reached_by

if TYPE_CHECKING:
    from mmbench.model.interfaces import Fusion

MOST_SAMPLES, MOST_CLASSES = "most_samples", "most_classes"
"""The class attributes by which a baseline declares the largest training split, and the most classes or labels, that it
is for."""


def cannot(config: TrialConfig, spec: DataSpec) -> str | None:
    """Why a trial cannot be: of a baseline, or of a fusion; None where it can."""
    return _too_many(config, spec) or _cannot_fuse(config)


def _too_many(config: TrialConfig, spec: DataSpec) -> str | None:
    """Why a baseline is not for so many samples or classes. Its class is not imported."""
    if config.baseline is None:
        return None
    info, classes = get("baseline", config.baseline, where="plan"), spec.task.kind != "regression"
    for name, there, what in (
        (MOST_SAMPLES, spec.splits["train"], "training samples"),
        (MOST_CLASSES, len(spec.task.targets) if classes else 0, "classes or labels"),
    ):
        most = info.attribute(name)
        if most is not None and there > most:
            return f"{config.baseline} is for up to {most:,} {what}, and {spec.name} has {there:,}"
    return None


def _cannot_fuse(config: TrialConfig) -> str | None:
    """Why the fusion cannot act there. Asking it imports PyTorch, so answers are kept, for as long as its source stays
    as it is."""
    if config.role != "cell":
        return None
    assert config.fusion is not None and config.model is not None
    info, asked = get("fusion", config.fusion.name, where="plan"), (len(config.modalities), config.model.depth)
    if ("fusion", info.name) in defined():
        return _ask_fusion(info.cls, *asked)
    key = "|".join(map(str, (reached_by("fusion", info.name), info.name, *asked)))
    known = process_cache().get("cannot", key)
    if not isinstance(known, list):
        known = [_ask_fusion(info.cls, *asked)]
        process_cache().put("cannot", key, known)
    reason: str | None = known[0]
    return reason


def _ask_fusion(fusion: type[Fusion], modalities: int, depth: int) -> str | None:
    return fusion.cannot(modalities=modalities, depth=depth)
