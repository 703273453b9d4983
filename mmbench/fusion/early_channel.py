"""Early fusion: streams resampled to one length, their features side by side."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn

from mmbench.model import masking
from mmbench.model.interfaces import JOINT, Fusion, Kit, Segment, Stream, Streams, Summaries
from mmbench.registry import variant


def resample(stream: Stream, length: int) -> Tensor:
    """The R real tokens, spread evenly over `length` places by area: (B, L, D) -> (B, T, D); zeros where R is 0.

    Place t averages the stretch [t R / T, (t + 1) R / T) of the sequence, so no token is passed over, and fewer tokens
    than places are repeated.
    """
    rank, number = masking.ranks(stream.mask)
    step = number[:, :, None].to(masking.accumulation_dtype(stream.tokens.dtype)) / length
    start = torch.arange(length, device=rank.device)[None, :, None] * step
    first = rank[:, None, :]
    overlap = (torch.minimum(first + 1, start + step) - torch.maximum(first + 0.0, start)).clamp(min=0)
    share = (overlap / step.clamp(min=1e-12)).masked_fill(~stream.mask[:, None, :], 0)
    return share.to(stream.tokens.dtype) @ stream.tokens


@variant(
    "early_channel",
    title="early channels",
    source="the source article's EarlyFusion; cf. Ngiam et al. 2011, Multimodal Deep Learning",
)
class EarlyChannel(Fusion):
    """Early fusion: x_t = W [f_1(u_1t); ...; f_M(u_Mt)], u_m the stream Z_m resampled to T tokens.

    f_m(u) = g(C g'(u)), g'(u) = u + B g(A norm u), g = GELU, is a small network whose matrices A, B, C follow the
    architecture: one a modality, or shared. Shapes: streams (B, L_m, D) -> one stream (B, T, D) that is no modality's
    own; its summary (B, D) -> logits (B, C). O(T M D^2) beside the attention at length T = `length`. Resampling
    averages over real tokens, by area. Deviation from the article: tokens are aligned and projected, not whole inputs
    stacked.
    """

    family = "early"

    def __init__(self, kit: Kit, *, length: Annotated[int, Field(gt=0)] = 12) -> None:
        super().__init__(kit)
        self.length = length
        width = kit.width
        self.lower = kit.bank(
            lambda: nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width), nn.GELU()), "tokens", 0
        )
        self.middle = kit.bank(lambda: nn.Linear(width, width), "mlp", 0)
        self.upper = kit.bank(lambda: nn.Sequential(nn.Linear(width, width), nn.GELU()), "tokens", 1)
        self.mix = nn.Linear(width * len(kit.modalities), width)
        self.head = kit.head(width)

    @classmethod
    def stream_names(cls, modalities: tuple[str, ...]) -> tuple[str, ...]:
        return (JOINT,)

    @classmethod
    def token_names(cls, modalities: tuple[str, ...]) -> tuple[str, ...]:
        return (JOINT,)

    def merge_inputs(self, streams: Streams) -> Streams:
        def features(name: str) -> Tensor:
            u = resample(streams[name], self.length)
            return self.upper[name](u + self.middle[name](self.lower[name](u)))

        tokens = self.mix(torch.cat([features(m) for m in self.modalities], dim=-1))
        some_B1 = torch.stack([streams[m].mask.any(-1) for m in self.modalities]).any(0)[:, None]
        segments = (Segment(modality=JOINT, length=self.length),)
        return {JOINT: Stream(tokens=tokens, mask=some_B1.expand(-1, self.length), segments=segments)}

    def merge_outputs(self, summaries: Summaries) -> Tensor:
        return self.head(summaries[JOINT])
