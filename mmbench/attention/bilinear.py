"""Bilinear ("general") attention: a learned matrix between query and key."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mmbench.model import masking
from mmbench.model.interfaces import Attention, Heads
from mmbench.registry import variant


@variant("bilinear", source="Luong et al. 2015, Effective Approaches to Attention-based NMT (general)")
class Bilinear(Attention):
    """Bilinear attention: y = softmax(q W k^T) v with a learned W (d, d) a head.

    Shapes: q (B, H, N, d), k and v (B, H, M, d) -> y (B, H, N, d). O(N d^2 + N M d) time through the fused kernel. W is
    drawn with standard deviation 1 / d, so that scores start with unit variance. Deviation: several heads; where no
    token is real, y is 0.
    """

    def __init__(self, heads: int, head_dim: int) -> None:
        super().__init__(heads, head_dim)
        self.weight = nn.Parameter(torch.randn(heads, head_dim, head_dim) / head_dim)

    def attend(self, heads: Heads, *, need_weights: bool = False) -> tuple[Tensor, Tensor | None]:
        turned = heads.q @ self.weight
        return masking.softmax_attention(turned, heads.k, heads.v, heads.kv_mask, scale=1.0, need_weights=need_weights)
