"""Intermediate fusion: a learned latent array reads all streams, again and again."""

from __future__ import annotations

from typing import Annotated, cast

import torch
from pydantic import Field
from torch import Tensor, nn

from mmbench.model.interfaces import JOINT, Bank, Fusion, Kit, Segment, Stream, Streams, Summaries
from mmbench.registry import variant


@variant("latent_array", short="Perceiver", source="Jaegle et al. 2021, Perceiver")
class LatentArray(Fusion):
    """Intermediate fusion: A <- A + 1/M sum_m MLP_m(Attn(norm A, norm Z_m)), then the layers process A alone.

    A (K, D) are K = `latents` learned vectors; they read the streams as the stems made them before the first layer and
    again before every other one. The blocks that read follow the architecture: one a modality, or shared. Shapes:
    streams (B, L_m, D) -> one stream (B, K, D) that is no modality's own; its summary (B, D) -> logits (B, C). O(K sum
    L_m) attention for reading, O(K^2) in the layers, however long the streams. Deviations: modalities are read side by
    side, not as one array with modality codes; as deep as the other fusions.
    """

    family = "intermediate"

    def __init__(self, kit: Kit, *, latents: Annotated[int, Field(gt=0)] = 8) -> None:
        super().__init__(kit)
        self.latents = nn.Parameter(torch.randn(latents, kit.width))
        self.reads = nn.ModuleList(kit.bank(kit.cross, "exchange", i) for i in range(kit.depth))
        self.mlps = nn.ModuleList(kit.bank(kit.mlp, "mlp", i) for i in range(kit.depth))
        self.head = kit.head(kit.width)

    @classmethod
    def stream_names(cls, modalities: tuple[str, ...]) -> tuple[str, ...]:
        return (JOINT,)

    @classmethod
    def token_names(cls, modalities: tuple[str, ...]) -> tuple[str, ...]:
        return (JOINT,)

    def _read(self, place: int, array: Stream, inputs: Streams) -> Stream:
        reads, mlps = cast(Bank, self.reads[place]), cast(Bank, self.mlps[place])

        def update(name: str) -> Tensor:
            read = reads[name](array, inputs[name])
            return read + mlps[name](read)

        return array.with_tokens(torch.stack([update(m) for m in self.modalities]).mean(0))

    def merge_inputs(self, streams: Streams) -> Streams:
        masks = [streams[m].mask.any(-1) for m in self.modalities]
        tokens = self.latents.expand(len(masks[0]), -1, -1)
        some_B1 = torch.stack(masks).any(0)[:, None]
        segments = (Segment(modality=JOINT, length=tokens.shape[1]),)
        array = Stream(tokens=tokens, mask=some_B1.expand(-1, tokens.shape[1]), segments=segments)
        return {JOINT: self._read(0, array, streams)}

    def exchange(self, layer: int, streams: Streams, inputs: Streams) -> Streams:
        return {JOINT: self._read(layer + 1, streams[JOINT], inputs)}

    def merge_outputs(self, summaries: Summaries) -> Tensor:
        return self.head(summaries[JOINT])
