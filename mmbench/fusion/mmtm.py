"""Intermediate fusion: squeeze and excitation across modalities."""

from __future__ import annotations

from typing import cast

import torch
from torch import nn
from torch.nn import functional as F

from mmbench.model import masking
from mmbench.model.interfaces import Bank, IntermediateFusion, Kit, Streams
from mmbench.registry import variant


@variant("mmtm", title="MMTM", source="Joze et al. 2020, MMTM: Multimodal Transfer Module for CNN Fusion")
class MMTM(IntermediateFusion):
    """Intermediate fusion: h = ReLU(W [s_1; ...; s_M]), Z_m <- 2 sigmoid(W_m h) * Z_m, s_m the mean token of Z_m.

    Shapes: streams (B, L_m, D) -> the same; M summaries (B, D) -> logits (B, C). O(sum L_m D + M D^2), no attention. h
    has M D / 2 units, half of what is squeezed, as in the paper for two modalities.
    """

    squeeze: nn.ModuleList
    excite: nn.ModuleList

    def __init__(self, kit: Kit) -> None:
        all_widths = kit.width * len(kit.modalities)
        joint = max(1, all_widths // 2)
        super().__init__(
            kit,
            squeeze=nn.ModuleList(nn.Linear(all_widths, joint) for _ in range(kit.depth - 1)),
            excite=kit.exchanges(lambda: nn.Linear(joint, kit.width)),
        )

    def exchange(self, layer: int, streams: Streams, inputs: Streams) -> Streams:
        excite = cast(Bank, self.excite[layer])
        means = [masking.mean(streams[m].tokens, streams[m].mask) for m in self.modalities]
        joint = F.relu(self.squeeze[layer](torch.cat(means, dim=-1)))
        return {
            name: stream.with_tokens(2 * torch.sigmoid(excite[name](joint))[:, None] * stream.tokens)
            for name, stream in streams.items()
        }
