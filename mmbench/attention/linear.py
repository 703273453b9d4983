"""Linear attention: a kernel in place of the softmax, so that the sum over keys is taken once for all queries."""

from __future__ import annotations

import torch
from torch import Tensor

from mmbench import masked
from mmbench.registry import variant
from mmbench.types import Attention


def features(x: Tensor) -> Tensor:
    """elu(x) + 1, always > 0: written so, -1 + 1 would round to 0 below x = -17, and a sum of zeros divides."""
    return torch.where(x > 0, x + 1, x.clamp(max=0).exp())


@variant("linear", source="Katharopoulos et al. 2020, Transformers are RNNs")
class Linear(Attention):
    """Linear attention: y_n = f(q_n) sum_m f(k_m)^T v_m / (f(q_n) sum_m f(k_m)^T), f(x) = elu(x) + 1.

    Shapes: q (B, H, N, d), k and v (B, H, M, d) -> y (B, H, N, d). O((N + M) d^2) time, no (N, M) matrix. No parameters
    of its own. Deviation: where no token is real, y is 0.
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
        return masked.kernel_attention(
            features(q_BHNd), features(k_BHMd), v_BHMd, kv_mask_BM, need_weights=need_weights
        )
