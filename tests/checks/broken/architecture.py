"""Broken architectures: weights per modality, spoilt in one place each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor, nn

from mmbench.architecture.independent import Independent
from mmbench.data.batches import Inputs
from mmbench.model.interfaces import Model, Part
from tests.checks.broken import fails


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


@fails("architecture", "padding_does_not_matter")
class ShiftedByRawPadding(Independent):
    """logits = f(inputs) + mean of the raw input, padding included, as a number without gradient."""

    def forward(self, inputs: Inputs) -> Tensor:
        return super().forward(inputs) + sum(x.values.detach().mean((1, 2))[:, None] for x in inputs.values())


@fails("architecture", "padding_gets_no_gradient")
class LeaksIntoGradients(Independent):
    """logits = f(inputs) + 0, a zero that carries the gradient of the whole raw input."""

    def forward(self, inputs: Inputs) -> Tensor:
        raw = [x.values.nan_to_num(0).sum((1, 2))[:, None] for x in inputs.values()]
        return super().forward(inputs) + sum(x - x.detach() for x in raw)


@fails("architecture", "shapes")
class SqueezesAtLengthOne(Independent):
    """logits = f(inputs), (C,) in place of (1, C) where there is one token in all."""

    def forward(self, inputs: Inputs) -> Tensor:
        logits = super().forward(inputs)
        return logits.squeeze(0) if all(x.values.shape[1] == 1 for x in inputs.values()) else logits


@fails("architecture", "gradients_reach_modalities")
class DetachesTheLastModality(Independent):
    """logits = f(inputs); the last modality is read as constants."""

    def forward(self, inputs: Inputs) -> Tensor:
        last = list(inputs)[-1]
        return super().forward({**inputs, last: replace(inputs[last], values=inputs[last].values.detach())})


@fails("architecture", "trained_tensors_are_registered")
class FactorsInAList(Independent):
    """logits = a f(inputs); the factor a lies in a plain list, where no optimiser sees it."""

    def __init__(self, make_branch: Callable[[tuple[str, ...]], Model], modalities: tuple[str, ...]) -> None:
        super().__init__(make_branch, modalities)
        self.factors = [torch.ones(1, requires_grad=True)]

    def forward(self, inputs: Inputs) -> Tensor:
        return self.factors[0] * super().forward(inputs)


@fails("architecture", "independent_of_batch_mates")
class CentresOverTheBatch(Independent):
    """logits = f(inputs) - mean over the batch / 2."""

    def forward(self, inputs: Inputs) -> Tensor:
        logits = super().forward(inputs)
        return logits - logits.mean(0, keepdim=True) / 2


@fails("architecture", "missing_modalities_are_finite")
class DividesByNothing(Independent):
    """logits = f(inputs) sum_m n_m / n_m, n_m the number of real tokens: 0/0 where a modality has none."""

    def forward(self, inputs: Inputs) -> Tensor:
        counts = [x.mask.sum(1, keepdim=True) for x in inputs.values() if x.mask is not None]
        return super().forward(inputs) * sum(n / n for n in counts)


@fails("architecture", "repeatable")
class RandomAtEvaluation(Independent):
    """logits = f(inputs) + noise, at evaluation too."""

    def forward(self, inputs: Inputs) -> Tensor:
        logits = super().forward(inputs)
        return logits * (1 + 1e-11 * torch.rand_like(logits))


@fails("architecture", "pickles")
class NotPicklable(Independent):
    """logits = f(inputs); keeps what builds its models."""

    def __init__(self, make_branch: Callable[[tuple[str, ...]], Model], modalities: tuple[str, ...]) -> None:
        super().__init__(make_branch, modalities)
        self.make_branch = make_branch


@fails("architecture", "state_is_complete")
class RandomMapOutsideTheState(Independent):
    """logits = R f(inputs); R is drawn at random and lost on saving."""

    def __init__(self, make_branch: Callable[[tuple[str, ...]], Model], modalities: tuple[str, ...]) -> None:
        super().__init__(make_branch, modalities)
        self.random = torch.randn(())

    def forward(self, inputs: Inputs) -> Tensor:
        logits = super().forward(inputs)
        return logits * self.random.to(logits.dtype)


@fails("architecture", "mixed_precision")
class CancelsInHalfPrecision(Independent):
    """logits = f(inputs) + c - c."""

    def forward(self, inputs: Inputs) -> Tensor:
        return (super().forward(inputs) + 3000) - 3000


@fails("architecture", "allots_every_part")
class KnowsThreeLayers(Independent):
    """logits = f(inputs); has no weights for a fourth layer."""

    @classmethod
    def allot(cls, name: str, part: Part, layer: int) -> str:
        return {0: name, 1: name, 2: name}[layer]


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


@fails("architecture", "dropout_acts_in_training_alone")
class ShiftedByRawPaddingInTraining(Independent):
    """logits = f(inputs), and in training + mean of the raw input, padding included, as a number without gradient."""

    def forward(self, inputs: Inputs) -> Tensor:
        raw = sum(x.values.detach().mean((1, 2))[:, None] for x in inputs.values())
        return super().forward(inputs) + (raw if self.training else 0.0)
