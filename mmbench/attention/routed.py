"""Routed attention: every token chooses how much of several mechanisms it wants."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mmbench.attention.linear import Linear
from mmbench.attention.local import Local
from mmbench.attention.mean import Mean
from mmbench.attention.scaled_dot_product import ScaledDotProduct
from mmbench.model.interfaces import Attention, Heads
from mmbench.registry import variant


@variant("routed", source="own; the source article, 5.1; cf. Shazeer et al. 2017, Outrageously Large Neural Networks")
class Routed(Attention):
    """A mixture of mechanisms: y_n = sum_e g_ne y_ne, g_n = softmax(q_n W), over the experts e.

    The experts are `mean`, `scaled_dot_product`, `linear` and `local`; W (d, 4) a head is learned. Shapes: q (B, H, N,
    d), k and v (B, H, M, d) -> y (B, H, N, d). Costs the sum of its experts: O(N M d). Weights are the experts', mixed
    alike. The gate is soft, so that every expert is trained; no loss balances them. Where no token is real, y is 0.
    """

    ordered = True
    uses_query_mask = True

    def __init__(self, heads: int, head_dim: int) -> None:
        super().__init__(heads, head_dim)
        self.experts = nn.ModuleList(kind(heads, head_dim) for kind in (Mean, ScaledDotProduct, Linear, Local))
        self.router = nn.Parameter(torch.randn(heads, head_dim, len(self.experts)) / head_dim**0.5)

    def gates(self, q_BHNd: Tensor) -> Tensor:
        """How much of every expert (B, H, N, E) a query takes; sums to 1."""
        return torch.softmax(q_BHNd @ self.router, -1)

    def attend(self, heads: Heads, *, need_weights: bool = False) -> tuple[Tensor, Tensor | None]:
        gates = self.gates(heads.q)
        read = [expert(heads, need_weights=need_weights) for expert in self.experts]
        # The mean is one row for all queries.
        y = torch.einsum("bhne,ebhnd->bhnd", gates, torch.stack([y.expand_as(heads.q) for y, _ in read]))
        if not need_weights:
            return y, None
        weights = torch.stack([w.expand(*heads.q.shape[:3], -1) for _, w in read])
        return y, torch.einsum("bhne,ebhnm->bhnm", gates, weights)
