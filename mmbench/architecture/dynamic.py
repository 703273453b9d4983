"""A gate chooses, sample by sample, how much of the fused and of the single-modality models to use."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from mmbench.data.batches import Inputs
from mmbench.model import masking
from mmbench.model.interfaces import Architecture, Model, Part
from mmbench.registry import variant


@variant("dynamic", source="Xue and Marculescu 2023, Dynamic Multimodal Fusion (DynMM)")
class Dynamic(Architecture):
    """Dynamic fusion: logits = g_0 f(all inputs) + sum_m g_m f_m(input m), g = softmax(gate(inputs)) a sample.

    f is the fused model with weights per modality, f_m a whole model of modality m alone; none share weights. The gate
    is linear in the mean token of every modality, as the fused model's stems make it, normalised. Costs about twice the
    independent architecture. Deviations: the gate is soft in training and at test (the paper's becomes hard, to save
    time), and no loss asks for cheap choices.
    """

    def __init__(self, make_branch: Callable[[tuple[str, ...]], Model], modalities: tuple[str, ...]) -> None:
        super().__init__(make_branch, modalities)
        self.single = nn.ModuleDict({m: make_branch((m,)) for m in modalities})
        width = self.fused.width
        self.norms = nn.ModuleDict({m: nn.LayerNorm(width) for m in modalities})
        self.gate = nn.Linear(width * len(modalities), 1 + len(modalities))

    @classmethod
    def allot(cls, name: str, part: Part, layer: int) -> str:
        return name

    def gates(self, inputs: Inputs) -> Tensor:
        """How much of the fused model and of every single one (B, 1 + M) a sample takes; sums to 1."""
        streams = self.fused.embed(inputs)
        means = [self.norms[m](masking.mean(streams[m].tokens, streams[m].mask)) for m in self.norms]
        return torch.softmax(self.gate(torch.cat(means, dim=-1)), -1)

    def forward(self, inputs: Inputs) -> Tensor:
        logits = torch.stack([self.fused(inputs), *(branch(inputs) for branch in self.single.values())], dim=1)
        return torch.einsum("bm,bmc->bc", self.gates(inputs), logits)
