"""What tests of fusions are made of: a branch in float64, streams, summaries, and what a modality's head says."""

from __future__ import annotations

import torch
from torch import Tensor

from mmbench.architecture.independent import Independent
from mmbench.checks import tiny
from mmbench.model.build import Branch
from mmbench.model.interfaces import Fusion, Segment, Stream, Streams


def branch(fusion: type[Fusion], modalities: int = 3, depth: int = 2) -> Branch:
    made = tiny.model(modalities, fusion=fusion, architecture=Independent, depth=depth).fused
    assert isinstance(made, Branch)
    return made


def fused(fusion: type[Fusion], modalities: int = 3) -> Fusion:
    """The fusion alone, its parameters moved off their initial values."""
    return branch(fusion, modalities).fusion


def random_stream(length: int, batch: int = 3, *, seed: int = 0) -> Stream:
    """Random tokens with padding here and there; the first is real."""
    g = torch.Generator().manual_seed(seed)
    tokens = torch.randn(batch, length, tiny.size().width, dtype=torch.float64, generator=g)
    mask = torch.rand(batch, length, generator=g) < 0.7
    mask[:, 0] = True
    return Stream(tokens=tokens, mask=mask, segments=(Segment(modality="a", length=length),))


def without(streams: Streams, name: str) -> Streams:
    """The same streams, none of whose tokens are real in one of them."""
    s = streams[name]
    return {**streams, name: Stream(tokens=s.tokens, mask=torch.zeros_like(s.mask), segments=s.segments)}


def summaries(modalities: int = 3, batch: int = 4, *, seed: int = 0) -> dict[str, Tensor]:
    g = torch.Generator().manual_seed(seed)
    width = tiny.size().width
    return {m: torch.randn(batch, width, dtype=torch.float64, generator=g) for m in tiny.NAMES[:modalities]}
