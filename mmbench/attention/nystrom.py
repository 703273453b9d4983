"""Nystroem attention: the softmax matrix, rebuilt from a few landmark queries and keys."""

from __future__ import annotations

import math
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from mmbench.model import masking
from mmbench.model.interfaces import Attention, Heads
from mmbench.registry import variant


def pseudo_inverse(a: Tensor, iterations: int) -> Tensor:
    """Moore-Penrose inverse of matrices (..., S, S) of numbers >= 0, by the paper's iteration of order 3."""
    eye = torch.eye(a.shape[-1], dtype=a.dtype, device=a.device)
    # Largest row sum and largest column sum: the start makes the iteration converge.
    z = a.mT / (a.abs().sum(-1).amax(-1) * a.abs().sum(-2).amax(-1)).clamp(min=1e-12)[..., None, None]
    for _ in range(iterations):
        az = a @ z
        z = 0.25 * z @ (13 * eye - az @ (15 * eye - az @ (7 * eye - az)))
    return z


@variant("nystrom", title="Nyströmformer", source="Xiong et al. 2021, Nyströmformer")
class Nystrom(Attention):
    """Nystroem approximation: y = s(q k~^T) s(q~ k~^T)^+ s(q~ k^T) v, s(x) = softmax(x / sqrt(d)), ^+ pseudo-inverse.

    q~ and k~ (S, d) are landmarks: the means of S runs of equal length into which the real queries and keys are cut.
    Shapes: q (B, H, N, d), k and v (B, H, M, d) -> y (B, H, N, d). O((N + M) S d) time, no (N, M) matrix. The
    pseudo-inverse takes 6 iterations, as in the paper. With S >= N, M and as many iterations as it takes, it is exact.
    No parameters of its own, no weights: the rebuilt matrix may be negative. Deviations: no convolution beside it;
    padding takes no part in landmarks; where no token is real, y is 0.
    """

    ordered = True
    uses_query_mask = True

    def __init__(
        self,
        heads: int,
        head_dim: int,
        *,
        landmarks: Annotated[int, Field(gt=0)] = 4,
        iterations: Annotated[int, Field(gt=0)] = 6,
    ) -> None:
        super().__init__(heads, head_dim)
        self.landmarks = landmarks
        self.iterations = iterations

    def attend(self, heads: Heads, *, need_weights: bool = False) -> tuple[Tensor, Tensor | None]:
        with torch.autocast(heads.v.device.type, enabled=False):
            exact = torch.float64 if heads.v.dtype == torch.float64 else torch.float32
            q, k, v = heads.q.to(exact), heads.k.to(exact), heads.v.to(exact)
            # Landmarks beyond the number of tokens would all be empty.
            landmarks = min(self.landmarks, max(q.shape[2], k.shape[2]))
            of_query, of_key = (masking.slot_members(mask, landmarks) for mask in (heads.q_mask, heads.kv_mask))
            some_query, some_key = masking.slot_means(q, of_query), masking.slot_means(k, of_key)
            query_used, key_used = of_query.any(-1)[:, None, :, None], of_key.any(-1)
            scale = 1 / math.sqrt(self.head_dim)
            to_landmarks = masking.softmax(q @ some_key.mT * scale, key_used)
            between = masking.softmax(some_query @ some_key.mT * scale, key_used) * query_used
            read, _ = masking.softmax_attention(some_query, k, v, heads.kv_mask)
            y = to_landmarks @ (pseudo_inverse(between, self.iterations) @ (read * query_used))
        return y.to(heads.v.dtype), None
