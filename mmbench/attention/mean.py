"""No attention: masked mean of the tokens."""

from __future__ import annotations

from torch import Tensor

from mmbench.model import masking
from mmbench.model.interfaces import Pooling, Values
from mmbench.registry import variant


@variant(
    "mean",
    title="mean pooling",
    short="pooling",
    source="pooling; cf. Yu et al. 2022, MetaFormer (PoolFormer)",
    core=True,
)
class Mean(Pooling):
    """No attention: y = (1/|real|) sum_j v_j, the masked mean of the tokens.

    Shapes: v (B, H, M, d) -> y (B, H, 1, d), which broadcasts over queries. O(M) time, no parameters. Every query
    reads the same value, so queries and keys are not even projected. Weights are 1/|real| on the real tokens.
    Deviation from PoolFormer: the pooling window is the whole sequence, and the token itself is not subtracted.
    """

    def attend(self, heads: Values, *, need_weights: bool = False) -> tuple[Tensor, Tensor | None]:
        if not need_weights and masking.nothing_is_padding(heads.kv_mask):
            return heads.v.sum(2, keepdim=True) / max(1, heads.v.shape[2]), None
        real_BM = heads.kv_mask.to(heads.v.dtype)
        share_BM = real_BM / real_BM.sum(-1, keepdim=True).clamp(min=1)
        share_B11M = share_BM[:, None, None, :]
        return share_B11M @ heads.v, share_B11M.expand(-1, self.heads, -1, -1) if need_weights else None
