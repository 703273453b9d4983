"""Intermediate fusion: streams meet only through a few tokens."""

from __future__ import annotations

from typing import Annotated, cast

import torch
from pydantic import Field
from torch import nn

from mmbench.model.interfaces import JOINT, Bank, IntermediateFusion, Kit, Segment, Stream, Streams
from mmbench.registry import variant


@variant(
    "bottleneck",
    title="bottleneck tokens",
    short="MBT",
    source="Nagrani et al. 2021, Attention Bottlenecks for Multimodal Fusion (MBT)",
)
class Bottleneck(IntermediateFusion):
    """Intermediate fusion: F_m = F + Attn(norm F, norm Z_m), F' = mean_m F_m, Z_m <- Z_m + Attn(norm Z_m, norm F').

    F (K, D) are K = `tokens` learned tokens, through which alone modalities meet. Shapes: streams (B, L_m, D) -> the
    same; M summaries (B, D) -> logits (B, C). O(K sum L_m) attention. A modality without real tokens takes no part in
    the mean. Deviations: the tokens are read and written between layers, not appended to each stream's own attention;
    every exchange has tokens of its own; six of them, since of the paper's four no mechanism with four slots,
    landmarks or best keys would leave anything out.
    """

    tokens: nn.ParameterList
    collect: nn.ModuleList
    spread: nn.ModuleList

    def __init__(self, kit: Kit, *, tokens: Annotated[int, Field(gt=0)] = 6) -> None:
        super().__init__(
            kit,
            tokens=nn.ParameterList(torch.randn(tokens, kit.width) for _ in range(kit.depth - 1)),
            collect=kit.exchanges(kit.cross),
            spread=kit.exchanges(kit.cross),
        )

    def exchange(self, layer: int, streams: Streams, inputs: Streams) -> Streams:
        collect, spread = cast(Bank, self.collect[layer]), cast(Bank, self.spread[layer])
        first = next(iter(streams.values()))
        tokens = self.tokens[layer].expand(len(first.tokens), -1, -1)
        mask = first.mask.new_ones(tokens.shape[:2])
        narrow = Stream(tokens=tokens, mask=mask, segments=(Segment(modality=JOINT, length=tokens.shape[1]),))
        there_MB11 = torch.stack([streams[m].mask.any(-1) for m in self.modalities])[:, :, None, None].to(tokens.dtype)
        read = torch.stack([collect[m](narrow, streams[m]) for m in self.modalities])
        met = narrow.with_tokens((read * there_MB11).sum(0) / there_MB11.sum(0).clamp(min=1))
        return {name: stream.with_tokens(spread[name](stream, met)) for name, stream in streams.items()}
