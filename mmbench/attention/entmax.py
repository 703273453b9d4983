"""Adaptively sparse attention: alpha-entmax in place of softmax, alpha learned."""

from __future__ import annotations

import math
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn

from mmbench.model.interfaces import Attention, Heads
from mmbench.registry import variant

NEAREST = 0.01
"""How near alpha comes to 1 (softmax), where the formula divides by zero."""


def entmax(scores: Tensor, alpha: Tensor, seen: Tensor | None = None, *, iterations: int = 12) -> Tensor:
    """alpha-entmax along the last axis: p = [(alpha - 1) s - tau]_+^(1 / (alpha - 1)), tau so that p sums to 1.

    scores (..., M) finite; alpha broadcasts against them, 1 < alpha <= 2; seen, bool, says where p may be above 0
    (everywhere if None; somewhere in every row). tau is found by Newton's method on the norm of order
    1 / (alpha - 1), which is convex and falls in tau, so that it converges from below without overshooting. The last
    step is taken with gradients: it is the implicit function theorem, for scores and for alpha.
    """
    power = 1 / (alpha - 1)
    z = scores * (alpha - 1)
    if seen is not None:
        z = z.masked_fill(~seen, -torch.inf)
    z = z - z.detach().amax(-1, keepdim=True)
    with torch.no_grad():
        tau = torch.full_like(z[..., :1], -1.0)
        for _ in range(iterations):
            base = (z - tau).clamp(min=0)
            less = _raise(base, power - 1)
            total, slope = (less * base).sum(-1, keepdim=True), power * less.sum(-1, keepdim=True)
            # On the norm total^(1 / power), whose derivative is slope / power * total^(1 / power - 1).
            tau = tau + (total - total.pow(1 - 1 / power)) * power / slope
    base = (z - tau).clamp(min=0)
    slope = (power * _raise(base, power - 1)).sum(-1, keepdim=True).detach()
    excess = _raise(base, power).sum(-1, keepdim=True) - 1
    return _raise((z - tau - excess / slope).clamp(min=0), power)


def _raise(base: Tensor, power: Tensor) -> Tensor:
    """base^power where base > 0, else 0, and no gradient there."""
    positive = base > 0
    return torch.where(positive, torch.where(positive, base, 1.0).pow(power), 0)


@variant("entmax", source="Correia et al. 2019, Adaptively Sparse Transformers")
class Entmax(Attention):
    """Adaptively sparse attention: y = alpha-entmax(q k^T / sqrt(d)) v, alpha in (1, 2) learned a head.

    alpha -> 1 is softmax, alpha = 2 sparsemax; between them, weights become exactly 0 and how many do is learned. It
    starts at 1.5. Shapes: q (B, H, N, d), k and v (B, H, M, d) -> y (B, H, N, d). O(N M d) time, an (N, M) matrix a
    head. Deviations: alpha stays 0.01 away from 1; where no token is real, y is 0.
    """

    def __init__(self, heads: int, head_dim: int, *, iterations: Annotated[int, Field(gt=0)] = 8) -> None:
        super().__init__(heads, head_dim)
        self.iterations = iterations
        self.shape = nn.Parameter(torch.zeros(heads, 1, 1))

    def alpha(self) -> Tensor:
        """(H, 1, 1)"""
        return 1 + NEAREST + (1 - NEAREST) * torch.sigmoid(self.shape)

    def attend(self, heads: Heads, *, need_weights: bool = False) -> tuple[Tensor, Tensor | None]:
        with torch.autocast(heads.v.device.type, enabled=False):
            exact = torch.float64 if heads.v.dtype == torch.float64 else torch.float32
            scores = heads.q.to(exact) @ heads.k.to(exact).mT / math.sqrt(self.head_dim)
            some_B111 = heads.kv_mask.any(-1)[:, None, None, None]
            seen_B11M = heads.kv_mask[:, None, None, :] | ~some_B111
            weights = entmax(scores, self.alpha(), seen_B11M, iterations=self.iterations)
            weights = (weights * some_B111).to(heads.v.dtype)
        return weights @ heads.v, weights if need_weights else None
