"""No attention: masked mean of the tokens."""

from __future__ import annotations

from torch import Tensor

from mmbench.model import masking
from mmbench.model.interfaces import Attention
from mmbench.registry import variant


@variant("mean", source="pooling; cf. Yu et al. 2022, MetaFormer (PoolFormer)", core=True)
class Mean(Attention):
    """No attention: y = (1/|real|) sum_j v_j, the masked mean of the tokens.

    Shapes: v (B, H, M, d) -> y (B, H, 1, d), which broadcasts over queries. O(M) time, no parameters. Every query
    reads the same value, so queries and keys are not even projected. Weights are 1/|real| on the real tokens.
    Deviation from PoolFormer: the pooling window is the whole sequence, and the token itself is not subtracted.
    """

    content_based = False

    def attend(
        self,
        q_BHNd: Tensor | None,
        k_BHMd: Tensor | None,
        v_BHMd: Tensor,
        kv_mask_BM: Tensor,
        *,
        need_weights: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        queries = 1 if q_BHNd is None else q_BHNd.shape[2]
        if not need_weights and masking.nothing_is_padding(kv_mask_BM):
            y_BH1d = v_BHMd.sum(2, keepdim=True) / max(1, v_BHMd.shape[2])
            return y_BH1d.expand(-1, -1, queries, -1), None
        real_BM = kv_mask_BM.to(v_BHMd.dtype)
        share_BM = real_BM / real_BM.sum(-1, keepdim=True).clamp(min=1)
        y_BH1d = share_BM[:, None, None, :] @ v_BHMd
        if not need_weights:
            return y_BH1d.expand(-1, -1, queries, -1), None
        batch, heads, keys, _ = v_BHMd.shape
        weights = share_BM[:, None, None, :].expand(batch, heads, queries, keys)
        return y_BH1d.expand(-1, -1, queries, -1), weights
