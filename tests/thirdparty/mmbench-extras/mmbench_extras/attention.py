"""An attention of a third party."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from mmbench.model.interfaces import Attention
from mmbench.registry import variant
from mmbench_extras.weights import shares


@variant("softplus", source="a third party")
class Softplus(Attention):
    """Softplus attention: y = w v, w_nm = softplus(s_nm) / sum_m softplus(s_nm), s = q k^T / sqrt(d).

    q (B, H, N, d), k, v (B, H, M, d) -> y (B, H, N, d). O(N M d) time, O(N M) memory.
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
        scores = q_BHNd @ k_BHMd.mT / self.head_dim**0.5
        weights = shares(F.softplus(scores), kv_mask_BM)
        return weights @ v_BHMd, weights if need_weights else None
