"""Performer: the softmax kernel, estimated by positive random features."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from mmbench.model import masking
from mmbench.model.interfaces import Attention, Heads
from mmbench.registry import variant

SMALLEST = 1e-6
"""Added to every feature, so that a denominator never vanishes; the paper's code adds 1e-4 or 1e-3."""


def orthogonal_rows(rows: int, columns: int) -> Tensor:
    """Random Gaussian directions, orthogonal within blocks of `columns` rows, with the lengths of Gaussian vectors."""

    def block() -> Tensor:
        # Without the signs of R's diagonal, Q is not uniform among rotations, and the estimate would be biased
        # (Mezzadri 2007, How to Generate Random Matrices from the Classical Compact Groups).
        q, r = torch.linalg.qr(torch.randn(columns, columns))
        return q * r.diagonal().sign()

    blocks = [block() for _ in range(-(-rows // columns))]
    return torch.cat(blocks)[:rows] * torch.randn(rows, columns).norm(dim=1, keepdim=True)


@variant(
    "performer", title="Performer", source="Choromanski et al. 2021, Rethinking Attention with Performers (FAVOR+)"
)
class Performer(Attention):
    """FAVOR+: y_n = f(q_n) sum_m f(k_m)^T v_m / (f(q_n) sum_m f(k_m)^T), f(x)_r = exp(w_r x - |x|^2 / 2).

    x is q or k divided by d^(1/4), so f(q) f(k)^T estimates exp(q k^T / sqrt(d)) without bias from r = 1 ... `features`
    random directions w_r, orthogonal in blocks. Shapes: q (B, H, N, d), k and v (B, H, M, d) -> y (B, H, N, d).
    O((N + M) r d) time, no (N, M) matrix. Directions are drawn once, a buffer of the state. Deviations: they are not
    drawn again while training; a constant of 1e-6 on every feature; where no token is real, y is 0.
    """

    directions: Tensor

    def __init__(self, heads: int, head_dim: int, *, features: Annotated[int, Field(gt=0)] = 32) -> None:
        super().__init__(heads, head_dim)
        drawn = torch.stack([orthogonal_rows(features, head_dim) for _ in range(heads)])
        self.register_buffer("directions", drawn)

    def _features(self, x_BHLd: Tensor, mask_BL: Tensor | None) -> Tensor:
        """(B, H, L, d) -> (B, H, L, r), up to a factor: one a query where there is no mask, else one for all keys."""
        x = x_BHLd.float() if x_BHLd.dtype != torch.float64 else x_BHLd
        x = x * self.head_dim**-0.25
        logs = x @ self.directions.to(x.dtype).mT - x.square().sum(-1, keepdim=True) / 2
        # The factor cancels in y, so it needs no gradient.
        if mask_BL is None:
            largest = logs.detach().amax(-1, keepdim=True)
        else:
            logs = logs.masked_fill(~mask_BL[:, None, :, None], -torch.inf)
            largest = logs.detach().amax((-2, -1), keepdim=True).clamp(min=torch.finfo(x.dtype).min)
        return (logs - largest).exp() + SMALLEST

    def attend(self, heads: Heads, *, need_weights: bool = False) -> tuple[Tensor, Tensor | None]:
        with torch.autocast(heads.v.device.type, enabled=False):
            query, key = self._features(heads.q, None), self._features(heads.k, heads.kv_mask)
            y, weights = masking.kernel_attention(
                query, key, heads.v.to(query.dtype), heads.kv_mask, need_weights=need_weights
            )
        return y.to(heads.v.dtype), weights
