"""Intermediate fusion: features of a stream are scaled and shifted by what the others hold."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mmbench.model import masking
from mmbench.model.interfaces import Bank, Fusion, Kit, Streams, Summaries, join
from mmbench.registry import variant


@variant("film", source="Perez et al. 2018, FiLM: Visual Reasoning with a General Conditioning Layer")
class FiLM(Fusion):
    """Intermediate fusion: Z_m <- Z_m + gamma * norm Z_m + beta, with (gamma, beta) = W norm c_m.

    c_m is the mean token of the other modalities. Shapes: streams (B, L_m, D) -> the same; M summaries (B, D) -> logits
    (B, C). O(sum L_m D + M D^2), no attention. All tokens of a stream are modulated alike. Deviations: every modality
    conditions every other, where FiLM's text conditions the image; inside a residual connection; the condition is a
    mean token, since streams are sequences.
    """

    family = "intermediate"

    def __init__(self, kit: Kit) -> None:
        super().__init__(kit)
        width, exchanges = kit.width, range(kit.depth - 1)
        self.modulate = nn.ModuleList(
            kit.bank(lambda: nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 2 * width)), "exchange", i + 1)
            for i in exchanges
        )
        self.head = kit.head(width * len(kit.modalities))

    @classmethod
    def cannot(cls, *, modalities: int, depth: int) -> str | None:
        if depth < 2:
            return "intermediate fusion acts between layers and needs a depth of at least 2"
        return super().cannot(modalities=modalities, depth=depth)

    def exchange(self, layer: int, streams: Streams, inputs: Streams) -> Streams:
        modulate = cast(Bank, self.modulate[layer])

        def modulated(name: str) -> Tensor:
            own, others = streams[name].tokens, join([streams[n] for n in self.modalities if n != name])
            gamma, beta = modulate[name](masking.mean(others.tokens, others.mask))[:, None].chunk(2, dim=-1)
            return own + gamma * F.layer_norm(own, own.shape[-1:]) + beta

        return {name: stream.with_tokens(modulated(name)) for name, stream in streams.items()}

    def merge_outputs(self, summaries: Summaries) -> Tensor:
        return self.head(torch.cat([summaries[m] for m in self.modalities], dim=-1))
