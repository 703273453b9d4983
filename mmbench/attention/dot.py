"""Dot-product attention without scaling: what the source article's own code computes."""

from __future__ import annotations

from torch import Tensor

from mmbench.model import masking
from mmbench.model.interfaces import Attention, Heads
from mmbench.registry import variant


@variant(
    "dot",
    title="dot-product",
    source="Luong et al. 2015, Effective Approaches to Attention-based NMT; the source article, 3.1.2",
)
class Dot(Attention):
    """Dot-product attention: y = softmax(q k^T) v, without the 1 / sqrt(d) of `scaled_dot_product`.

    Shapes: q (B, H, N, d), k and v (B, H, M, d) -> y (B, H, N, d). O(N M d) time through the fused kernel, no
    parameters of its own. Scores start sqrt(d) times as large, so attention starts sharper and its gradients smaller.
    Deviation: several heads; where no token is real, y is 0.
    """

    def attend(self, heads: Heads, *, need_weights: bool = False) -> tuple[Tensor, Tensor | None]:
        return masking.softmax_attention(heads.q, heads.k, heads.v, heads.kv_mask, scale=1.0, need_weights=need_weights)
