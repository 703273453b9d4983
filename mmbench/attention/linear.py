"""Linear attention: a kernel in place of the softmax, so that the sum over keys is taken once for all queries."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from mmbench.model import masking
from mmbench.model.interfaces import Attention, Heads
from mmbench.registry import variant

SMALLEST = 1e-6
"""Added to every feature, so that a denominator never vanishes; the paper's code adds 1e-6 to the denominator."""


def feature(x: Tensor) -> Tensor:
    """elu(x) + 1 + 1e-6. In float32 elu + 1 alone is 0 from -17 on; added last, the constant outlives bfloat16."""
    return F.elu(x).add_(1).add_(SMALLEST)


@variant("linear", source="Katharopoulos et al. 2020, Transformers are RNNs")
class Linear(Attention):
    """Linear attention: y_n = f(q_n) sum_m f(k_m)^T v_m / (f(q_n) sum_m f(k_m)^T), f(x) = elu(x) + 1.

    Shapes: q (B, H, N, d), k and v (B, H, M, d) -> y (B, H, N, d). O((N + M) d^2) time, no (N, M) matrix. No parameters
    of its own. Deviations: a constant of 1e-6 on every feature; where no token is real, y is 0.
    """

    def attend(self, heads: Heads, *, need_weights: bool = False) -> tuple[Tensor, Tensor | None]:
        return masking.kernel_attention(
            feature(heads.q), feature(heads.k), heads.v, heads.kv_mask, need_weights=need_weights
        )
