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
    parameters of its own. With k >= M it is exact. Deviations: of scores that tie with the k-th, only as many as make
    `k` are kept; where no token is real, y is 0.
    """

    def __init__(self, heads: int, head_dim: int, *, k: Annotated[int, Field(gt=0)] = 4) -> None:
        super().__init__(heads, head_dim)
        self.k = k

    def attend(self, heads: Heads, *, need_weights: bool = False) -> tuple[Tensor, Tensor | None]:
        scores = heads.q @ heads.k.mT / math.sqrt(self.head_dim)
        real = scores.detach().masked_fill(~heads.kv_mask[:, None, None, :], -torch.inf)
        best = real.topk(min(self.k, real.shape[-1])).indices
        # Exactly k: of keys that are equal, as where tokens repeat, it does not matter which are read. A threshold
        # would keep those that tie to the last bit, and how many these are depends on the order of the sums.
        kept = torch.zeros_like(real, dtype=torch.bool).scatter(-1, best, True)
        weights = masking.softmax(scores.masked_fill(~kept, -torch.inf), heads.kv_mask)
        return weights @ heads.v, weights if need_weights else None
