"""Late fusion of features: the outer product of all summaries."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mmbench.model.interfaces import Fusion, Kit, Summaries
from mmbench.registry import variant

LARGEST = 2**16
"""Numbers in the outer product, beyond which summaries are projected to fewer dimensions."""


@variant("tensor", title="tensor fusion", short="TFN", source="Zadeh et al. 2017, Tensor Fusion Network (TFN)")
class TensorFusion(Fusion):
    """Late fusion of features: logits = MLP([s_1; 1] x ... x [s_M; 1]), x the outer product.

    Shapes: M summaries s_m (B, D) -> (B, (D + 1)^M) -> logits (B, C). O((D + 1)^M D): it grows fast. For more than
    three modalities, and wherever the product would have more than 65,536 numbers, summaries are first projected to E
    <= 16 dimensions, the most that fit.
    """

    family = "late (features)"

    def __init__(self, kit: Kit) -> None:
        super().__init__(kit)
        count, size = len(kit.modalities), kit.width
        if count > 3 or (size + 1) ** count > LARGEST:
            size = min(16, size, max(1, int(LARGEST ** (1 / count) + 1e-9) - 1))
            self.project = nn.ModuleDict({m: nn.Linear(kit.width, size) for m in kit.modalities})
        else:
            self.project = nn.ModuleDict({m: nn.Identity() for m in kit.modalities})
        self.head = kit.head((size + 1) ** count)

    def merge_outputs(self, summaries: Summaries) -> Tensor:
        product: Tensor | None = None
        for m in self.modalities:
            s = self.project[m](summaries[m])
            s = torch.cat([s, s.new_ones(len(s), 1)], dim=-1)
            product = s if product is None else (product[:, :, None] * s[:, None, :]).flatten(1)
        assert product is not None
        return self.head(product)
