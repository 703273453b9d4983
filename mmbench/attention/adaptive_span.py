"""Adaptive span: a soft window whose reach every head learns."""

from __future__ import annotations

import math
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn

from mmbench.model import masking
from mmbench.model.interfaces import Attention, Heads
from mmbench.registry import variant


@variant("adaptive_span", source="Sukhbaatar et al. 2019, Adaptive Attention Span in Transformers")
class AdaptiveSpan(Attention):
    """Adaptive span: weights_nm ~ c(x_nm) exp(q_n k_m^T / sqrt(d)), c(x) = clamp((r + z - x) / r, 0, 1), y = weights v.

    x is the distance of query and key, z the span that a head learns, r the softness of its edge. Shapes: q (B, H, N,
    d), k and v (B, H, M, d) -> y (B, H, N, d). O(N M d) time, an (N, M) matrix a head. Deviations: distance is counted
    both ways, and between relative places in (0, 1) among real tokens, so that it is defined across modalities; z =
    sigmoid of a parameter, 0.25 at the start, so some key is always in reach; a read-out's query lies in the middle; no
    penalty on z, since all cells have one loss; where no token is real, y is 0.
    """

    ordered = True
    uses_query_mask = True

    def __init__(self, heads: int, head_dim: int, *, softness: Annotated[float, Field(ge=0.5, le=2)] = 0.5) -> None:
        super().__init__(heads, head_dim)
        self.softness = softness
        self.span = nn.Parameter(torch.full((heads, 1, 1), math.log(0.25 / 0.75)))

    def attend(self, heads: Heads, *, need_weights: bool = False) -> tuple[Tensor, Tensor | None]:
        scores = heads.q @ heads.k.mT / math.sqrt(self.head_dim)
        place_BN, place_BM = (
            masking.relative_positions(mask, masking.accumulation_dtype(scores.dtype))
            for mask in (heads.q_mask, heads.kv_mask)
        )
        distance_B1NM = (place_BN[:, :, None] - place_BM[:, None, :]).abs()[:, None].to(scores.dtype)
        reach = torch.sigmoid(self.span.to(scores.dtype))
        within = ((self.softness + reach - distance_B1NM) / self.softness).clamp(0, 1)
        raised = masking.softmax(scores, heads.kv_mask) * within
        # Real keys in reach keep this sum away from 0, unless no token is real.
        total = raised.sum(-1, keepdim=True)
        weights = raised / total.masked_fill(total == 0, 1.0)
        return weights @ heads.v, weights if need_weights else None
