"""Words become embeddings."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mmbench.data.batches import Example
from mmbench.model.interfaces import Stem
from mmbench.registry import variant


@variant("text", source="Devlin et al. 2019, BERT (embedding layer)")
class Text(Stem):
    """Learned embedding of each word plus a learned position: (B, T) int -> (B, T, D).

    `shape` is (T,); identifiers lie in [0, vocabulary). Where no mask is given, identifier 0 is padding.
    """

    tiny = ((7,), {"vocabulary": 11})

    def __init__(self, width: int, shape: tuple[int, ...], *, vocabulary: int) -> None:
        super().__init__()
        self.embed = nn.Embedding(vocabulary, width)
        self.position = nn.Parameter(torch.randn(shape[0], width) * 0.02)

    def forward(self, example: Example) -> tuple[Tensor, Tensor]:
        ids = example.filled()
        mask = ids != 0 if example.mask is None else example.mask
        return self.embed(ids) + self.position[: ids.shape[1]], mask
