"""Scaled dot-product attention, through PyTorch's fused kernel."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from mmbench.registry import variant
from mmbench.types import Attention


@variant("scaled_dot_product", source="Vaswani et al. 2017, Attention Is All You Need", core=True)
class ScaledDotProduct(Attention):
    """Scaled dot-product attention: y = softmax(q k^T / sqrt(d)) v.

    Shapes: q (B, H, N, d), k and v (B, H, M, d) -> y (B, H, N, d). O(N M d) time; the fused kernel holds no (N, M)
    matrix. No parameters of its own. Deviation: where no token is real, y is 0 (the formula is undefined there).
    """

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
        some_B1 = kv_mask_BM.any(-1, keepdim=True)
        # A row without any real token would be 0/0: let it look at everything, then silence it.
        seen_B11M = (kv_mask_BM | ~some_B1)[:, None, None, :]
        some_B111 = some_B1[:, :, None, None].to(v_BHMd.dtype)
        if need_weights:
            scores = q_BHNd @ k_BHMd.mT / math.sqrt(self.head_dim)
            weights = torch.softmax(scores.masked_fill(~seen_B11M, -torch.inf), -1) * some_B111
            return weights @ v_BHMd, weights
        return F.scaled_dot_product_attention(q_BHNd, k_BHMd, v_BHMd, attn_mask=seen_B11M) * some_B111, None
