"""Vectors, or sequences of vectors, become tokens."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mmbench.data.batches import Example
from mmbench.model.interfaces import Stem
from mmbench.registry import variant


@variant("feature", source="linear projection; cf. Gorishniy et al. 2021, FT-Transformer")
class Feature(Stem):
    """Feature sequences, projected linearly, plus a learned position: (B, T, F) -> (B, T, D).

    `shape` is (T, F) for a sequence, or (F,) for one vector, which is cut into `tokens` tokens: chunks of
    ceil(F / tokens) features, the last padded with zeros, each with a projection of its own; a mask is then (B, L) over
    these tokens.
    """

    tiny = ((7, 3), {})

    def __init__(self, width: int, shape: tuple[int, ...], *, tokens: int = 8) -> None:
        super().__init__()
        self.chunk = -(-shape[0] // tokens) if len(shape) == 1 else 0
        length, features = (-(-shape[0] // self.chunk), self.chunk) if self.chunk else shape
        weight = torch.empty(length if self.chunk else 1, features, width)
        self.weight = nn.Parameter(nn.init.uniform_(weight, -(features**-0.5), features**-0.5))
        self.position = nn.Parameter(torch.randn(length, width) * 0.02)

    def forward(self, example: Example) -> tuple[Tensor, Tensor]:
        if self.chunk:
            x = nn.functional.pad(example.values, (0, len(self.position) * self.chunk - example.values.shape[1]))
            example = Example(values=x.reshape(len(x), len(self.position), self.chunk), mask=example.mask)
        x = example.filled()
        # Weights that all steps share need no copy a step, with many models at once least of all.
        tokens = (x.unsqueeze(2) @ self.weight).squeeze(2) if self.chunk else x @ self.weight[0]
        tokens = tokens + self.position[: x.shape[1]]
        if example.mask is None:
            return tokens, torch.ones(tokens.shape[:2], dtype=torch.bool, device=tokens.device)
        return tokens, example.mask
