"""Broken stems: the projection of feature sequences, spoilt in one place each."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from mmbench.data.batches import Example
from mmbench.model.interfaces import Stem
from tests.checks.broken import fails


class Sound(Stem):
    """Z = x W + p: (B, T, F) -> (B, T, D), with places where the broken ones put their fault."""

    tiny = ((7, 3), {})

    def __init__(self, width: int, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.embed = nn.Linear(shape[1], width)
        self.position = nn.Parameter(torch.randn(shape[0], width))

    def read(self, example: Example) -> Tensor:
        return example.filled()

    def finish(self, tokens: Tensor) -> Tensor:
        return tokens

    def forward(self, example: Example) -> tuple[Tensor, Tensor]:
        x = self.read(example)
        tokens = self.finish(self.embed(x) + self.position[: x.shape[1]])
        mask = torch.ones(tokens.shape[:2], dtype=torch.bool) if example.mask is None else example.mask
        return tokens, mask


@fails("stem", "documented")
class NoDocstring(Sound):
    pass


@fails("stem", "options_are_a_schema")
class SwallowsOptions(Sound):
    """Z = x W + p: (B, T, F) -> (B, T, D)."""

    def __init__(self, width: int, shape: tuple[int, ...], **options: Any) -> None:
        super().__init__(width, shape)


@fails("stem", "shapes")
class SinglePrecision(Sound):
    """Z = x W + p: (B, T, F) -> (B, T, D), in the wrong type for a model in float64."""

    def finish(self, tokens: Tensor) -> Tensor:
        return tokens.float()


@fails("stem", "masks_follow_input", "padding_does_not_matter")
class IgnoresTheMask(Sound):
    """Z = x W + p: (B, T, F) -> (B, T, D); every token counts as real."""

    def forward(self, example: Example) -> tuple[Tensor, Tensor]:
        return super().forward(Example(values=example.values))


@fails("stem", "masks_follow_input")
class AlwaysOneRealToken(Sound):
    """Z = x W + p: (B, T, F) -> (B, T, D); where no step is real, the first token counts as real."""

    def forward(self, example: Example) -> tuple[Tensor, Tensor]:
        tokens, mask = super().forward(example)
        first = torch.arange(mask.shape[1]) == 0
        return tokens, mask | (first & ~mask.any(-1, keepdim=True))


@fails("stem", "whole_input_is_read")
class DropsTheLastFeature(Sound):
    """Z = x W + p: (B, T, F) -> (B, T, D), without the last feature."""

    def read(self, example: Example) -> Tensor:
        x = example.filled()
        return torch.cat([x[..., :-1], x[..., :1]], -1)


@fails("stem", "gradients_reach_parameters")
class IgnoresAParameter(Sound):
    """Z = x W + p: (B, T, F) -> (B, T, D); owns a parameter that it never uses."""

    def __init__(self, width: int, shape: tuple[int, ...]) -> None:
        super().__init__(width, shape)
        self.gain = nn.Parameter(torch.ones(width))


@fails("stem", "trained_tensors_are_registered")
class FactorsInAList(Sound):
    """Z = f (x W + p): (B, T, F) -> (B, T, D); the factor f lies in a plain list."""

    def __init__(self, width: int, shape: tuple[int, ...]) -> None:
        super().__init__(width, shape)
        self.factors = [torch.ones(width, requires_grad=True)]

    def finish(self, tokens: Tensor) -> Tensor:
        return tokens * self.factors[0]


@fails("stem", "independent_of_batch_mates")
class NormalisesOverTheBatch(Sound):
    """Z = x W + p - mean over the batch: (B, T, F) -> (B, T, D)."""

    def finish(self, tokens: Tensor) -> Tensor:
        return tokens - 0.5 * tokens.mean(0, keepdim=True)


@fails("stem", "padding_does_not_matter")
class ReadsPadding(Sound):
    """Z = x W + p: (B, T, F) -> (B, T, D); convolves over masked steps."""

    def read(self, example: Example) -> Tensor:
        x = example.values
        return x + torch.cat([x[:, 1:], x[:, :1]], dim=1)


@fails("stem", "repeatable")
class RandomAtEvaluation(Sound):
    """Z = x W + p + noise: (B, T, F) -> (B, T, D)."""

    def finish(self, tokens: Tensor) -> Tensor:
        return tokens * (1 + 1e-11 * torch.rand_like(tokens))


@fails("stem", "pickles")
class NotPicklable(Sound):
    """Z = x W + p: (B, T, F) -> (B, T, D); keeps a lambda."""

    def __init__(self, width: int, shape: tuple[int, ...]) -> None:
        super().__init__(width, shape)
        self.length = lambda: shape[0]


@fails("stem", "state_is_complete")
class RandomMapOutsideTheState(Sound):
    """Z = R (x W + p): (B, T, F) -> (B, T, D); R is drawn at random and lost on saving."""

    def __init__(self, width: int, shape: tuple[int, ...]) -> None:
        super().__init__(width, shape)
        self.random = torch.randn(width)

    def finish(self, tokens: Tensor) -> Tensor:
        return tokens * self.random.to(tokens.dtype)
