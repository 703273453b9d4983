"""Intermediate fusion: features of a stream are scaled and shifted by what the others hold."""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn
from torch.nn import functional as F

from mmbench.model import masking
from mmbench.model.interfaces import Bank, IntermediateFusion, Kit, Streams, join
from mmbench.registry import variant


@variant("film", title="FiLM", source="Perez et al. 2018, FiLM: Visual Reasoning with a General Conditioning Layer")
class FiLM(IntermediateFusion):
    """Intermediate fusion: Z_m <- Z_m + gamma * norm Z_m + beta, with (gamma, beta) = W norm c_m.

    c_m is the mean token of the other modalities. Shapes: streams (B, L_m, D) -> the same; M summaries (B, D) -> logits
    (B, C). O(sum L_m D + M D^2), no attention. All tokens of a stream are modulated alike. Deviations: every modality
    conditions every other, where FiLM's text conditions the image; inside a residual connection; the condition is a
    mean token, since streams are sequences.
    """

    modulate: nn.ModuleList

    def __init__(self, kit: Kit) -> None:
        width = kit.width
        modulate = kit.exchanges(lambda: nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 2 * width)))
        super().__init__(kit, modulate=modulate)

    def exchange(self, layer: int, streams: Streams, inputs: Streams) -> Streams:
        modulate = cast(Bank, self.modulate[layer])

        def modulate_tokens(name: str) -> Tensor:
            own, others = streams[name].tokens, join([streams[n] for n in self.modalities if n != name])
            gamma, beta = modulate[name](masking.mean(others.tokens, others.mask))[:, None].chunk(2, dim=-1)
            return own + gamma * F.layer_norm(own, own.shape[-1:]) + beta

        return {name: stream.with_tokens(modulate_tokens(name)) for name, stream in streams.items()}
