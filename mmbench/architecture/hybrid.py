"""Several models, of the fused and of the single modalities, outputs added."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from mmbench.data.batches import Inputs
from mmbench.model.interfaces import Architecture, Model, Part
from mmbench.registry import variant


@variant(
    "hybrid",
    source="the source article, 3.2.2; cf. Wang et al. 2020, What Makes Training Multi-Modal Networks Hard?",
    core=True,
)
class Hybrid(Architecture):
    """Several models whose outputs are added: logits = f(all inputs) + sum_m f_m(input m).

    f is the fused model with weights per modality, f_m a whole model of modality m alone; none share weights. Costs
    about twice the independent architecture.
    """

    def __init__(self, make_branch: Callable[[tuple[str, ...]], Model], modalities: tuple[str, ...]) -> None:
        super().__init__(make_branch, modalities)
        self.single = nn.ModuleDict({m: make_branch((m,)) for m in modalities})

    @classmethod
    def allot(cls, name: str, part: Part, layer: int) -> str:
        return name

    def forward(self, inputs: Inputs) -> Tensor:
        logits = self.fused(inputs)
        for branch in self.single.values():
            logits = logits + branch(inputs)
        return logits
