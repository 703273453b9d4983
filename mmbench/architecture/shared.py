"""One model for all modalities."""

from __future__ import annotations

from mmbench.model.interfaces import Architecture, Part
from mmbench.registry import variant


@variant(
    "shared",
    title="shared weights",
    short="shared",
    source="the source article, 3.2.2; cf. Likhosherstov et al. 2022, PolyViT",
    core=True,
)
class Shared(Architecture):
    """One set of weights processes the tokens of all modalities; a learned modality embedding tells them apart.

    logits = f(inputs). Only the stems and the embedding belong to a modality, so parameters hardly grow with their
    number.
    """

    modality_embedding = True

    @classmethod
    def allot(cls, name: str, part: Part, layer: int) -> str:
        return "all"
