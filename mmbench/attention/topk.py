"""Sparse attention on the k best keys of every query."""

from __future__ import annotations

import math
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from mmbench.model import masking
from mmbench.model.interfaces import Attention, Heads
from mmbench.registry import variant


@variant("topk", title="top-k", source="Zhao et al. 2019, Explicit Sparse Transformer")
class TopK(Attention):
    """Explicit sparse attention: y = softmax(s) v, s = q k^T / sqrt(d) where among the `k` largest of a row, else -inf.

    Shapes: q (B, H, N, d), k and v (B, H, M, d) -> y (B, H, N, d). O(N M d) time, an (N, M) matrix a head. No
    parameters of its own. With k >= M it is exact; scores that tie with the k-th are all kept. Deviation: where no
    token is real, y is 0.
    """

    def __init__(self, heads: int, head_dim: int, *, k: Annotated[int, Field(gt=0)] = 4) -> None:
        super().__init__(heads, head_dim)
        self.k = k

    def attend(self, heads: Heads, *, need_weights: bool = False) -> tuple[Tensor, Tensor | None]:
        scores = heads.q @ heads.k.mT / math.sqrt(self.head_dim)
        real = scores.detach().masked_fill(~heads.kv_mask[:, None, None, :], -torch.inf)
        least = real.topk(min(self.k, real.shape[-1])).values[..., -1:]
        # Real scores stay finite, so a row always keeps one; padding is left to the mask.
        weights = masking.softmax(scores.masked_fill(real < least, -torch.inf), heads.kv_mask)
        return weights @ heads.v, weights if need_weights else None
