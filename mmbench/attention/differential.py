"""Differential attention: what two softmax maps have in common is noise, and cancels."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from mmbench.model import masking
from mmbench.model.interfaces import Attention, Heads
from mmbench.registry import variant


@variant("differential", source="Ye et al. 2024, Differential Transformer")
class Differential(Attention):
    """Differential attention: y = (1 - l0) norm([softmax(q1 k1^T / sqrt(d1)) - l softmax(q2 k2^T / sqrt(d2))] v).

    q1 and q2 (k1 and k2) are the halves of a head; l = exp(a1 b1) - exp(a2 b2) + l0 with learned vectors a, b (H, d /
    2), l0 = 0.2 as in the paper's first layer; norm is RMSNorm within the head with a learned gain. Shapes: q (B, H, N,
    d), k and v (B, H, M, d) -> y (B, H, N, d). O(N M d) time, two passes of the fused kernel. No weights: differences
    may be negative. With l = 0 and no norm it is softmax attention on q1, k1. Deviations: as many heads of the full
    width as the mechanisms it is compared with; l0 is one number for all layers; where no token is real, y is 0.
    """

    def __init__(self, heads: int, head_dim: int, *, initial: Annotated[float, Field(ge=0, lt=1)] = 0.2) -> None:
        super().__init__(heads, head_dim)
        if head_dim < 2:
            raise ValueError(f"differential attention halves every head, so a head needs a width of 2, not {head_dim}")
        self.initial = initial
        self.middle = head_dim // 2
        self.a1, self.b1, self.a2, self.b2 = (nn.Parameter(torch.randn(heads, self.middle) * 0.1) for _ in range(4))
        self.gain = nn.Parameter(torch.ones(heads, 1, head_dim))

    def factor(self) -> Tensor:
        """l, (H, 1, 1)"""
        first, second = (self.a1 * self.b1).sum(-1), (self.a2 * self.b2).sum(-1)
        return (first.exp() - second.exp() + self.initial)[:, None, None]

    def difference(self, heads: Heads, factor: Tensor) -> Tensor:
        """The bracket above, times v."""
        h, q, k = self.middle, heads.q, heads.k
        first, _ = masking.softmax_attention(q[..., :h], k[..., :h], heads.v, heads.kv_mask)
        second, _ = masking.softmax_attention(q[..., h:], k[..., h:], heads.v, heads.kv_mask)
        return first - factor.to(first.dtype) * second

    def attend(self, heads: Heads, *, need_weights: bool = False) -> tuple[Tensor, Tensor | None]:
        y = self.difference(heads, self.factor())
        y = F.rms_norm(y, (self.head_dim,), eps=1e-5) * self.gain * (1 - self.initial)
        return y.to(heads.v.dtype), None
