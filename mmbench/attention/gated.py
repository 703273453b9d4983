"""Gated attention: a sigmoid gate on what every head has read."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mmbench.model import masking
from mmbench.model.interfaces import Attention, Heads
from mmbench.registry import variant


@variant("gated", source="Qiu et al. 2025, Gated Attention for Large Language Models")
class Gated(Attention):
    """Gated attention: y = sigmoid(q W + b) * softmax(q k^T / sqrt(d)) v, elementwise, W (d, d) and b (d) a head.

    Shapes: q (B, H, N, d), k and v (B, H, M, d) -> y (B, H, N, d). O(N d^2 + N M d) time through the fused kernel.
    Weights say where a head looks, not how far its gate is open. Deviations: the gate reads the projected query, where
    the paper's reads the block's input, which is not handed to a mechanism; where no token is real, y is 0.
    """

    def __init__(self, heads: int, head_dim: int) -> None:
        super().__init__(heads, head_dim)
        self.weight = nn.Parameter(torch.randn(heads, head_dim, head_dim) / head_dim**0.5)
        self.bias = nn.Parameter(torch.zeros(heads, 1, head_dim))

    def attend(self, heads: Heads, *, need_weights: bool = False) -> tuple[Tensor, Tensor | None]:
        gate = torch.sigmoid(heads.q @ self.weight + self.bias.to(heads.q.dtype))
        y, weights = masking.softmax_attention(heads.q, heads.k, heads.v, heads.kv_mask, need_weights=need_weights)
        return y * gate, weights
