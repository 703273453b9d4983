"""Late fusion of features: concatenated summaries."""

from __future__ import annotations

import torch
from torch import Tensor

from mmbench.model.interfaces import Fusion, Kit, Summaries
from mmbench.registry import variant


@variant(
    "concat",
    title="concatenation",
    short="concat",
    source="the source article's late fusion; cf. Ngiam et al. 2011, Multimodal Deep Learning",
    core=True,
)
class Concat(Fusion):
    """Late fusion of features: logits = MLP([s_1; ...; s_M]), the summaries of the modalities concatenated.

    Shapes: M summaries (B, D) -> (B, M D) -> logits (B, C). O(M D^2). Modalities do not meet before the head.
    """

    family = "late (features)"

    def __init__(self, kit: Kit) -> None:
        super().__init__(kit)
        self.head = kit.head(kit.width * len(kit.modalities))

    def merge_outputs(self, summaries: Summaries) -> Tensor:
        return self.head(torch.cat([summaries[m] for m in self.modalities], dim=-1))
