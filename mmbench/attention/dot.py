"""Dot-product attention without scaling: what the source article's own code computes."""

from __future__ import annotations

from torch import Tensor

from mmbench.model import masking
from mmbench.model.interfaces import Attention
from mmbench.registry import variant


@variant("dot", source="Luong et al. 2015, Effective Approaches to Attention-based NMT; the source article, 3.1.2")
class Dot(Attention):
    """Dot-product attention: y = softmax(q k^T) v, without the 1 / sqrt(d) of `scaled_dot_product`.

    Shapes: q (B, H, N, d), k and v (B, H, M, d) -> y (B, H, N, d). O(N M d) time through the fused kernel, no
    parameters of its own. Scores start sqrt(d) times as large, so attention starts sharper and its gradients smaller.
    Deviation: several heads; where no token is real, y is 0.
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
        return masking.softmax_attention(q_BHNd, k_BHMd, v_BHMd, kv_mask_BM, scale=1.0, need_weights=need_weights)
