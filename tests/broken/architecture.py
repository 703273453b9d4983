"""Broken architectures: weights per modality, spoilt in one place each."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from mmbench.architecture.independent import Independent
from mmbench.types import Inputs, Model, Part
from tests.broken import fails


@fails("architecture", "documented")
class NoFormula(Independent):
    """Weights for all."""


@fails("architecture", "options_are_a_schema")
class SwallowsOptions(Independent):
    """logits = f(inputs)."""

    def __init__(
        self, make_branch: Callable[[tuple[str, ...]], Model], modalities: tuple[str, ...], **gates: float
    ) -> None:
        super().__init__(make_branch, modalities)


@fails("architecture", "padding_does_not_matter", "padding_gets_no_gradient")
class GateOnRawPadding(Independent):
    """logits = f(inputs) + mean of the raw input, padding included."""

    def forward(self, inputs: Inputs) -> Tensor:
        return super().forward(inputs) + sum(x.values.mean((1, 2))[:, None] for x in inputs.values())


@fails("architecture", "gradients_reach_parameters")
class DropsItsSingles(Independent):
    """logits = f(inputs); builds models of the single modalities and leaves them out."""

    def __init__(self, make_branch: Callable[[tuple[str, ...]], Model], modalities: tuple[str, ...]) -> None:
        super().__init__(make_branch, modalities)
        self.single = nn.ModuleDict({m: make_branch((m,)) for m in modalities})


@fails("architecture", "allots_every_part", "state_is_complete")
class AllotsAnew(Independent):
    """logits = f(inputs); every question gets another answer."""

    asked = 0

    @classmethod
    def allot(cls, name: str, part: Part, layer: int) -> str:
        cls.asked += 1
        return f"{name}_{cls.asked}"
