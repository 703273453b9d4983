"""Late fusion of decisions: a product of experts, each as sharp as it is sure."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from mmbench.model.interfaces import Fusion, Kit, Summaries
from mmbench.registry import variant


@variant(
    "product_of_experts", short="PoE", source="Wu and Goodman 2018, Multimodal Generative Models (MVAE); Hinton 2002"
)
class ProductOfExperts(Fusion):
    """Late fusion of decisions: logits = sum_m t_m mu_m / (1 + sum_m t_m), (mu_m, t_m) predicted from s_m by an MLP.

    Every modality predicts a Gaussian N(mu_m, 1 / t_m) over each logit, t_m = softplus > 0; their product with the
    prior N(0, 1) is a Gaussian with this mean, as MVAE does for its latent variables. Shapes: M summaries s_m (B, D) ->
    M x (B, 2 C) -> logits (B, C). O(M D^2). Deviation: a product of the predicted class distributions themselves is,
    since softmax normalises, the sum of logits (`logit_sum`), hence Gaussians. Heads follow the architecture.
    """

    family = "late (decisions)"

    def __init__(self, kit: Kit) -> None:
        super().__init__(kit)
        self.means = kit.bank(lambda: kit.head(kit.width), "readout", kit.depth)
        self.precisions = kit.bank(lambda: kit.head(kit.width), "readout", kit.depth)

    def merge_outputs(self, summaries: Summaries) -> Tensor:
        mean_MBC = torch.stack([self.means[m](summaries[m]) for m in self.modalities])
        precision_MBC = F.softplus(torch.stack([self.precisions[m](summaries[m]) for m in self.modalities]))
        return (precision_MBC * mean_MBC).sum(0) / (1 + precision_MBC.sum(0))
