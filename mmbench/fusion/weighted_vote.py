"""Late fusion of decisions: a weighted mean whose weights depend on the input."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mmbench.model.interfaces import Fusion, Kit, Summaries
from mmbench.registry import variant


@variant("weighted_vote", source="Jacobs et al. 1991, Adaptive Mixtures of Local Experts")
class WeightedVote(Fusion):
    """Late fusion of decisions: logits = log sum_m a_m softmax(MLP_m(s_m)), a = softmax(W [s_1; ...; s_M]).

    The mixture of the modalities' predicted distributions, weighted by a learned gate that sees all summaries. Shapes:
    M summaries s_m (B, D) -> M x (B, C) -> log-probabilities (B, C). O(M D^2). Heads follow the architecture: one a
    modality, or shared.
    """

    family = "late (decisions)"

    def __init__(self, kit: Kit) -> None:
        super().__init__(kit)
        self.heads = kit.bank(lambda: kit.head(kit.width), "readout", kit.depth)
        self.gate = nn.Linear(kit.width * len(kit.modalities), len(kit.modalities))

    def merge_outputs(self, summaries: Summaries) -> Tensor:
        gate_BM = torch.log_softmax(self.gate(torch.cat([summaries[m] for m in self.modalities], dim=-1)), -1)
        votes_BMC = torch.stack([self.heads[m](summaries[m]) for m in self.modalities], dim=1)
        return torch.logsumexp(gate_BM[:, :, None] + torch.log_softmax(votes_BMC, -1), dim=1)
