"""An attention of a third party."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from mmbench.model.interfaces import Attention, Heads
from mmbench.registry import variant
from mmbench_extras.weights import shares


@variant("softplus", source="a third party")
class Softplus(Attention):
    """Softplus attention: y = w v, w_nm = softplus(s_nm) / sum_m softplus(s_nm), s = q k^T / sqrt(d).

    q (B, H, N, d), k, v (B, H, M, d) -> y (B, H, N, d). O(N M d) time, O(N M) memory.
    """

    def attend(self, heads: Heads, *, need_weights: bool = False) -> tuple[Tensor, Tensor | None]:
        scores = heads.q @ heads.k.mT / self.head_dim**0.5
        weights = shares(F.softplus(scores), heads.kv_mask)
        return weights @ heads.v, weights if need_weights else None
