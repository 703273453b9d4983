"""Late fusion of features: the outer product, weighted by low-rank factors and never formed."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn

from mmbench.model.interfaces import Fusion, Kit, Summaries
from mmbench.registry import variant


@variant(
    "low_rank_tensor",
    title="low-rank tensor",
    short="LMF",
    source="Liu et al. 2018, Efficient Low-rank Multimodal Fusion (LMF)",
)
class LowRankTensor(Fusion):
    """Late fusion of features: h = sum_r w_r prod_m F_m^r [s_m; 1] + b, logits = MLP(h), r = 1 ... `rank`.

    That is the outer product of all [s_m; 1] under a weight tensor of that rank. Shapes: M summaries s_m (B, D),
    factors F_m (R, D + 1, D) -> (B, D) -> logits (B, C). O(M R D^2). The factors are registered parameters (in the
    published code they lie in a plain list and are never trained).
    """

    family = "late (features)"

    def __init__(self, kit: Kit, *, rank: Annotated[int, Field(gt=0)] = 4) -> None:
        super().__init__(kit)
        width = kit.width
        self.factors = nn.ParameterDict({m: torch.randn(rank, width + 1, width) / width**0.5 for m in kit.modalities})
        self.weight = nn.Parameter(torch.full((rank,), rank**-0.5))
        self.bias = nn.Parameter(torch.zeros(width))
        self.head = kit.head(width)

    def merge_outputs(self, summaries: Summaries) -> Tensor:
        product: Tensor | None = None
        for m in self.modalities:
            s = summaries[m]
            term_BRD = torch.einsum("bi,rid->brd", torch.cat([s, s.new_ones(len(s), 1)], dim=-1), self.factors[m])
            product = term_BRD if product is None else product * term_BRD
        assert product is not None
        return self.head(torch.einsum("brd,r->bd", product, self.weight) + self.bias)
