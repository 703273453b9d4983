"""Late fusion of decisions: Dempster's rule on Dirichlet evidence."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from mmbench.model.interfaces import Fusion, Kit, Summaries
from mmbench.registry import variant

TINY = 1e-6
"""Keeps a normalisation away from 0 when two modalities contradict each other in full."""


@variant("evidential", short="TMC", source="Han et al. 2021, Trusted Multi-View Classification (TMC)")
class Evidential(Fusion):
    """Late fusion of decisions: evidence e_m = softplus(MLP_m(s_m)), belief b_m = e_m / S_m, doubt u_m = C / S_m.

    S_m = sum_c (e_mc + 1). Dempster's rule combines two of them: b = (b_1 b_2 + b_1 u_2 + b_2 u_1) / (1 - k), u = u_1
    u_2 / (1 - k), k = sum_{i != j} b_1i b_2j the conflict; further modalities follow in turn (the rule is associative).
    logits = log(b + u / C), the log of the mean of the combined Dirichlet. Shapes: M summaries s_m (B, D) -> M x (B, C)
    -> log-probabilities (B, C). O(M D^2). Deviation: trained by the cross-entropy that all cells share, without the
    paper's digamma loss and its penalty on evidence for wrong classes. Heads follow the architecture.
    """

    family = "late (decisions)"

    def __init__(self, kit: Kit) -> None:
        super().__init__(kit)
        self.heads = kit.bank(lambda: kit.head(kit.width), "readout", kit.depth)

    def merge_outputs(self, summaries: Summaries) -> Tensor:
        belief: Tensor | None = None
        doubt: Tensor | None = None
        for m in self.modalities:
            evidence = F.softplus(self.heads[m](summaries[m]))
            total = (evidence + 1).sum(-1, keepdim=True)
            b, u = evidence / total, evidence.shape[-1] / total
            if belief is None or doubt is None:
                belief, doubt = b, u
                continue
            agreed, unsure = belief * b + belief * u + b * doubt, doubt * u
            # 1 - conflict is what all of these sum to.
            kept = (agreed.sum(-1, keepdim=True) + unsure).clamp(min=TINY)
            belief, doubt = agreed / kept, unsure / kept
        assert belief is not None and doubt is not None
        return torch.log(belief + doubt / belief.shape[-1])
