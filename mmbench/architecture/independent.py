"""A model of its own for every modality."""

from __future__ import annotations

from mmbench.model.interfaces import Architecture, Part
from mmbench.registry import variant


@variant(
    "independent",
    title="independent weights",
    short="independent",
    source="the source article, 3.2.2; cf. Liang et al. 2024, Mixture-of-Transformers",
    core=True,
)
class Independent(Architecture):
    """Weights per modality: a token is processed by the weights of the modality that it came from.

    logits = f(inputs). In a joint sequence the token-wise weights still follow each token's modality, while the
    attention spans the sequence. Parameters grow with the number of modalities.
    """

    @classmethod
    def allot(cls, name: str, part: Part, layer: int) -> str:
        return name
