"""Intermediate fusion: every pair of streams exchanges keys and values."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from mmbench.model.interfaces import Bank, IntermediateFusion, Kit, Streams
from mmbench.registry import variant


@variant("co_attention", title="co-attention", short="co-att.", source="Lu et al. 2019, ViLBERT")
class CoAttention(IntermediateFusion):
    """Intermediate fusion: Y_m = Z_m + 1/(M-1) sum_{n != m} Attn(norm Z_m, norm Z_n), then Z_m <- Y_m + MLP(norm Y_m).

    Every pair of streams swaps keys and values, and a feed-forward network follows, as in ViLBERT's co-attentional
    layer; unlike `cross_attention`, each partner is read by itself, so none competes with another for attention.
    Shapes: streams (B, L_m, D) -> the same; M summaries (B, D) -> logits (B, C). One attention a pair, L_m queries and
    L_n keys. All streams are read as they were before. Deviations: pre-norm; one block reads all partners of a stream,
    in turn.
    """

    reads: nn.ModuleList
    mlps: nn.ModuleList

    def __init__(self, kit: Kit) -> None:
        super().__init__(kit, reads=kit.exchanges(kit.cross), mlps=kit.exchanges(kit.mlp, "mlp"))

    def exchange(self, layer: int, streams: Streams, inputs: Streams) -> Streams:
        reads, mlps = cast(Bank, self.reads[layer]), cast(Bank, self.mlps[layer])

        def attend_to_others(name: str) -> Tensor:
            own = streams[name]
            read = torch.stack([reads[name](own, streams[n]) for n in self.modalities if n != name]).mean(0)
            return read + mlps[name](read)

        return {name: stream.with_tokens(attend_to_others(name)) for name, stream in streams.items()}
