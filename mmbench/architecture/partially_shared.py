"""Own weights below, one set of weights above."""

from __future__ import annotations

from mmbench.model.interfaces import Architecture, Part
from mmbench.registry import variant


@variant(
    "partially_shared",
    title="partially shared weights",
    short="partly shared",
    source="Liang et al. 2022, High-Modality Multimodal Transformer (HighMMT)",
)
class PartiallyShared(Architecture):
    """Lower weights per modality, upper weights tied: the first layer is the modality's own, all above serve everyone.

    logits = f(inputs). Exchanges after the first layer, later layers and read-outs are tied. The first layer tells
    modalities apart, so there is no modality embedding. Deviation: HighMMT finds by clustering which modalities to tie.
    """

    @classmethod
    def allot(cls, name: str, part: Part, layer: int) -> str:
        return name if layer == 0 else "all"
