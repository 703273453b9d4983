"""Scaled dot-product attention, through PyTorch's fused kernel."""

from __future__ import annotations

from torch import Tensor

from mmbench.model import masking
from mmbench.model.interfaces import Attention, Heads
from mmbench.registry import variant


@variant(
    "scaled_dot_product",
    title="scaled dot-product",
    short="SDPA",
    source="Vaswani et al. 2017, Attention Is All You Need",
    core=True,
)
class ScaledDotProduct(Attention):
    """Scaled dot-product attention: y = softmax(q k^T / sqrt(d)) v.

    Shapes: q (B, H, N, d), k and v (B, H, M, d) -> y (B, H, N, d). O(N M d) time; the fused kernel holds no (N, M)
    matrix. No parameters of its own. Deviation: where no token is real, y is 0 (the formula is undefined there).
    """

    def attend(self, heads: Heads, *, need_weights: bool = False) -> tuple[Tensor, Tensor | None]:
        return masking.softmax_attention(heads.q, heads.k, heads.v, heads.kv_mask, need_weights=need_weights)
