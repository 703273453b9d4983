"""A mechanism and the arguments of one call, small and awkward enough to check a contract on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from mmbench.checks.common import float64
from mmbench.model.interfaces import Attention, Heads, Values
from mmbench.registry import Variant

HEADS, HEAD_DIM = 2, 4
LENGTHS = ((5, 7), (70, 80))
"""Few queries and keys, and more: a mechanism may take another way where they are many."""
AWKWARD = ((5, 7), (19, 23), (7, 5), (1, 6), (6, 1), (1, 1))
"""Numbers of queries and keys at which a mechanism is compared with its formula."""


@dataclass(frozen=True, kw_only=True)
class Sample(Heads):
    """The argument of one call, whose tensors ask for gradients."""

    def inputs(self) -> dict[str, Tensor]:
        return {"q": self.q, "k": self.k, "v": self.v}


def make(variant: Variant, seed: int = 0, **options: Any) -> Attention:
    """A mechanism in float64, its parameters moved off their initial values, which may hide what they do."""
    torch.manual_seed(seed)
    with float64():
        made = variant.cls(HEADS, HEAD_DIM, **options).double()
    with torch.no_grad():
        for p in made.parameters():
            p.add_(torch.randn_like(p), alpha=0.3)
    return made


def sample(batch: int, queries: int, keys: int, *, seed: int = 0, scale: float = 1.0) -> Sample:
    """Random arguments with padding here and there; the first key and the first query of every sample are real."""
    g = torch.Generator().manual_seed(seed)

    def draw(length: int) -> Tensor:
        x = torch.randn(batch, HEADS, length, HEAD_DIM, dtype=torch.float64, generator=g) * scale
        return x.requires_grad_()

    def scattered(length: int) -> Tensor:
        mask = torch.rand(batch, length, generator=g) < 0.7
        mask[:, 0] = True
        return mask

    kv_mask = scattered(keys)
    return Sample(q=draw(queries), k=draw(keys), v=draw(keys), kv_mask=kv_mask, q_mask=scattered(queries))


def attend(module: Attention, s: Sample, *, need_weights: bool = False) -> tuple[Tensor, Tensor | None]:
    """One call, as the block makes it: without queries and keys where the mechanism ignores them."""
    given = s if module.content_based else Values(v=s.v, kv_mask=s.kv_mask)
    y, weights = module(given, need_weights=need_weights)
    return y, weights


def output(module: Attention, s: Sample) -> Tensor:
    return attend(module, s)[0]


def at_real_queries(module: Attention, s: Sample) -> Tensor:
    """y of the real queries, (all real queries, H, d)."""
    return output(module, s).transpose(1, 2)[s.q_mask]
