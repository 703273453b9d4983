"""Early fusion: all tokens in one sequence."""

from __future__ import annotations

from torch import Tensor

from mmbench.model.interfaces import JOINT, Fusion, Kit, Streams, Summaries, join
from mmbench.registry import variant


@variant("early_concat", title="early concatenation", short="early", source="Li et al. 2019, VisualBERT", core=True)
class EarlyConcat(Fusion):
    """Early fusion: one joint sequence [Z_1; ...; Z_M], so attention spans all modalities from the first layer.

    Shapes: streams (B, L_m, D) -> one stream (B, sum L_m, D); its summary (B, D) -> logits (B, C). Costs what the
    attention costs at length sum L_m. No parameters but the head. Deviation: no text pre-training.
    """

    family = "early"

    def __init__(self, kit: Kit) -> None:
        super().__init__(kit)
        self.head = kit.head(kit.width)

    @classmethod
    def stream_names(cls, modalities: tuple[str, ...]) -> tuple[str, ...]:
        return (JOINT,)

    def merge_inputs(self, streams: Streams) -> Streams:
        return {JOINT: join([streams[m] for m in self.modalities])}

    def merge_outputs(self, summaries: Summaries) -> Tensor:
        return self.head(summaries[JOINT])
