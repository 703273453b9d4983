"""Attention shared, feed-forward networks per modality and one joint."""

from __future__ import annotations

from mmbench.model.interfaces import Architecture, Part
from mmbench.registry import variant


@variant(
    "modality_experts", short="experts", source="Bao et al. 2022, VLMo; cf. Liang et al. 2024, Mixture-of-Transformers"
)
class ModalityExperts(Architecture):
    """Attention and projections are shared; the first layer's MLP is the modality's own, those above one joint expert.

    logits = f(inputs). Tokens carry a learned modality embedding, as with shared weights. Deviation: VLMo's joint
    expert takes the last layers of a deep model; here it takes all but the first.
    """

    modality_embedding = True

    @classmethod
    def allot(cls, name: str, part: Part, layer: int) -> str:
        return name if part == "mlp" and layer == 0 else "all"
