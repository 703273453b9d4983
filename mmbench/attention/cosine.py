"""Cosine attention with a learned temperature."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mmbench.model import masking
from mmbench.model.interfaces import Attention, Heads
from mmbench.registry import variant

LARGEST = math.log(100.0)
"""Of the log of the factor on the cosines: a temperature of 0.01, as in the paper."""


@variant("cosine", source="Liu et al. 2022, Swin Transformer V2")
class Cosine(Attention):
    """Scaled cosine attention: y = softmax(cos(q, k) / tau) v, tau > 0.01 learned a head.

    Shapes: q (B, H, N, d), k and v (B, H, M, d) -> y (B, H, N, d). O(N M d) time through the fused kernel. However long
    queries and keys are, scores stay within +-1 / tau; 1 / tau starts at 10. Deviation: no bias of relative positions;
    where no token is real, y is 0.
    """

    def __init__(self, heads: int, head_dim: int) -> None:
        super().__init__(heads, head_dim)
        self.log_factor = nn.Parameter(torch.full((heads, 1, 1), math.log(10.0)))

    def attend(self, heads: Heads, *, need_weights: bool = False) -> tuple[Tensor, Tensor | None]:
        factor = self.log_factor.clamp(max=LARGEST).exp()
        query = F.normalize(heads.q, dim=-1) * factor
        key = F.normalize(heads.k, dim=-1)
        query = query.to(heads.v.dtype)
        key = key.to(heads.v.dtype)
        return masking.softmax_attention(query, key, heads.v, heads.kv_mask, scale=1.0, need_weights=need_weights)
