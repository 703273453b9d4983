"""Late fusion of features: a gated multimodal unit."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mmbench.model.interfaces import Fusion, Kit, Summaries
from mmbench.registry import variant


@variant("gated_unit", short="GMU", source="Arevalo et al. 2017, Gated Multimodal Units for Information Fusion (GMU)")
class GatedUnit(Fusion):
    """Late fusion of features: logits = MLP(sum_m g_m * tanh(W_m s_m)), g_m = sigmoid(V_m [s_1; ...; s_M]).

    Shapes: M summaries s_m (B, D) -> (B, D) -> logits (B, C). O(M^2 D^2). As in the paper's unit for more than two
    modalities; its unit for two ties g_2 to 1 - g_1.
    """

    family = "late (features)"

    def __init__(self, kit: Kit) -> None:
        super().__init__(kit)
        width = kit.width
        self.features = nn.ModuleDict({m: nn.Linear(width, width) for m in kit.modalities})
        self.gates = nn.Linear(width * len(kit.modalities), width * len(kit.modalities))
        self.head = kit.head(width)

    def merge_outputs(self, summaries: Summaries) -> Tensor:
        together = torch.cat([summaries[m] for m in self.modalities], dim=-1)
        features = torch.cat([torch.tanh(self.features[m](summaries[m])) for m in self.modalities], dim=-1)
        gated = torch.sigmoid(self.gates(together)) * features
        return self.head(gated.unflatten(-1, (len(self.modalities), -1)).sum(1))
