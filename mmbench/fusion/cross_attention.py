"""Intermediate fusion: between layers, each stream attends to every other."""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn

from mmbench.model.interfaces import Bank, IntermediateFusion, Kit, Streams, join
from mmbench.registry import variant


@variant(
    "cross_attention",
    title="cross-attention",
    short="cross",
    source="Tsai et al. 2019, Multimodal Transformer (MulT)",
    core=True,
)
class CrossAttention(IntermediateFusion):
    """Intermediate fusion: between layers, Z_m <- Z_m + Attn(norm Z_m, norm [Z_n for n != m]).

    Shapes: streams (B, L_m, D) -> the same; M summaries (B, D) -> logits (B, C). One attention a stream from L_m
    queries to sum_{n != m} L_n keys. All streams are read as they were before the exchange. Deviations: one block reads
    all other modalities at once, where MulT has one a pair and a second stack of layers behind it.
    """

    layers: nn.ModuleList

    def __init__(self, kit: Kit) -> None:
        super().__init__(kit, layers=kit.exchanges(kit.cross))

    def exchange(self, layer: int, streams: Streams, inputs: Streams) -> Streams:
        bank = cast(Bank, self.layers[layer])

        def read_others(name: str) -> Tensor:
            others = join([streams[n] for n in self.modalities if n != name])
            return bank[name](streams[name], others)

        return {name: stream.with_tokens(read_others(name)) for name, stream in streams.items()}
