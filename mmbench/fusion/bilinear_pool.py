"""Late fusion of features: factorised bilinear pooling."""

from __future__ import annotations

from functools import reduce
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from mmbench.model.interfaces import Fusion, Kit, Summaries
from mmbench.registry import variant

SOFT = 1e-4
"""Rounds off the square root at 0, where its slope is infinite."""


@variant(
    "bilinear_pool", title="bilinear pooling", short="MFB", source="Yu et al. 2017, MFB; Ben-younes et al. 2017, MUTAN"
)
class BilinearPool(Fusion):
    """Late fusion of features: z = sum_k prod_m U_m^k s_m, y = z / sqrt|z| / |z / sqrt|z||_2, logits = MLP(sqrt(D) y).

    Shapes: M summaries s_m (B, D), U_m (D, D K) -> (B, D) -> logits (B, C). O(M D^2 K) with K = `factors`. Signed
    square root and normalisation to length 1 are MFB's. Deviations: the product runs over all modalities, where the
    papers have two; the square root is rounded off below 1e-4; a factor sqrt(D) gives the MLP numbers of order 1; no
    dropout.
    """

    family = "late (features)"

    def __init__(self, kit: Kit, *, factors: Annotated[int, Field(gt=0)] = 4) -> None:
        super().__init__(kit)
        self.factors = factors
        self.project = nn.ModuleDict({m: nn.Linear(kit.width, kit.width * factors) for m in kit.modalities})
        self.head = kit.head(kit.width)

    def merge_outputs(self, summaries: Summaries) -> Tensor:
        product = reduce(torch.mul, [self.project[m](summaries[m]) for m in self.modalities])
        z = product.unflatten(-1, (-1, self.factors)).sum(-1)
        rooted = z * (z.square() + SOFT**2).pow(-0.25)
        return self.head(F.normalize(rooted, dim=-1, eps=SOFT) * z.shape[-1] ** 0.5)
