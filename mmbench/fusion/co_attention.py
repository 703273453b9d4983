"""Intermediate fusion: every pair of streams exchanges keys and values."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from mmbench.model.interfaces import Bank, Fusion, Kit, Streams, Summaries
from mmbench.registry import variant


@variant("co_attention", source="Lu et al. 2019, ViLBERT")
class CoAttention(Fusion):
    """Intermediate fusion: Y_m = Z_m + 1/(M-1) sum_{n != m} Attn(norm Z_m, norm Z_n), then Z_m <- Y_m + MLP(norm Y_m).

    Every pair of streams swaps keys and values, and a feed-forward network follows, as in ViLBERT's co-attentional
    layer; unlike `cross_attention`, each partner is read by itself, so none competes with another for attention.
    Shapes: streams (B, L_m, D) -> the same; M summaries (B, D) -> logits (B, C). One attention a pair, L_m queries and
    L_n keys. All streams are read as they were before. Deviations: pre-norm; one block reads all partners of a stream,
    in turn.
    """

    family = "intermediate"

    def __init__(self, kit: Kit) -> None:
        super().__init__(kit)
        self.reads = nn.ModuleList(kit.bank(kit.cross, "exchange", i + 1) for i in range(kit.depth - 1))
        self.mlps = nn.ModuleList(kit.bank(kit.mlp, "mlp", i + 1) for i in range(kit.depth - 1))
        self.head = kit.head(kit.width * len(kit.modalities))

    @classmethod
    def cannot(cls, *, modalities: int, depth: int) -> str | None:
        if depth < 2:
            return "intermediate fusion acts between layers and needs a depth of at least 2"
        return super().cannot(modalities=modalities, depth=depth)

    def exchange(self, layer: int, streams: Streams, inputs: Streams) -> Streams:
        reads, mlps = cast(Bank, self.reads[layer]), cast(Bank, self.mlps[layer])

        def swapped(name: str) -> Tensor:
            own = streams[name]
            read = torch.stack([reads[name](own, streams[n]) for n in self.modalities if n != name]).mean(0)
            return read + mlps[name](read)

        return {name: stream.with_tokens(swapped(name)) for name, stream in streams.items()}

    def merge_outputs(self, summaries: Summaries) -> Tensor:
        return self.head(torch.cat([summaries[m] for m in self.modalities], dim=-1))
