"""Gated attention: a sigmoid gate on what every head has read."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mmbench.model import masking
from mmbench.model.interfaces import Attention
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

    def attend(
        self,
        q_BHNd: Tensor | None,
        k_BHMd: Tensor | None,
        v_BHMd: Tensor,
        kv_mask_BM: Tensor,
        *,
        need_weights: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        assert q_BHNd is not None and k_BHMd is not None
        gate = torch.sigmoid(q_BHNd @ self.weight + self.bias.to(q_BHNd.dtype))
        y, weights = masking.softmax_attention(q_BHNd, k_BHMd, v_BHMd, kv_mask_BM, need_weights=need_weights)
        return y * gate, weights
