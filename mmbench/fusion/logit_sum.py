"""Late fusion of decisions: the sum of the modalities' logits."""

from __future__ import annotations

import torch
from torch import Tensor

from mmbench.model.interfaces import Fusion, Kit, Summaries
from mmbench.registry import variant


@variant("logit_sum", title="sum of logits", source="Kittler et al. 1998, On Combining Classifiers")
class LogitSum(Fusion):
    """Late fusion of decisions: logits = sum_m MLP_m(s_m).

    Shapes: M summaries s_m (B, D) -> M x (B, C) -> logits (B, C). O(M D^2). Since softmax normalises, this is also the
    product of the modalities' predicted distributions. Heads follow the architecture: one a modality, or shared.
    """

    family = "late (decisions)"

    def __init__(self, kit: Kit) -> None:
        super().__init__(kit)
        self.heads = kit.bank(lambda: kit.head(kit.width), "readout", kit.depth)

    def merge_outputs(self, summaries: Summaries) -> Tensor:
        return torch.stack([self.heads[m](summaries[m]) for m in self.modalities]).sum(0)
