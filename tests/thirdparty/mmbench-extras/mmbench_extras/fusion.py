"""A fusion of a third party."""

from __future__ import annotations

import torch
from torch import Tensor

from mmbench.model.interfaces import Fusion, Kit, Summaries
from mmbench.registry import variant


@variant("maximum", source="a third party")
class Maximum(Fusion):
    """Late fusion of features: logits = MLP(max_m s_m), elementwise. Summaries s_m (B, D) -> logits (B, C)."""

    family = "late (features)"

    def __init__(self, kit: Kit) -> None:
        super().__init__(kit)
        self.head = kit.head(kit.width)

    def merge_outputs(self, summaries: Summaries) -> Tensor:
        return self.head(torch.stack([summaries[m] for m in self.modalities]).amax(0))
