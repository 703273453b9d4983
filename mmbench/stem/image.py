"""Images become patches."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mmbench.data.batches import Example
from mmbench.model.interfaces import Stem
from mmbench.registry import variant


@variant("image", source="Dosovitskiy et al. 2021, ViT")
class Image(Stem):
    """Non-overlapping patches, projected linearly, plus a learned position: (B, Ch, Y, X) -> (B, Y/p * X/p, D).

    `shape` is (Ch, Y, X); Y and X must be multiples of `patch`. All tokens are real, unless a mask
    (B, Y/p * X/p) over the patches says otherwise.
    """

    tiny = ((2, 4, 6), {"patch": 2})

    def __init__(self, width: int, shape: tuple[int, ...], *, patch: int) -> None:
        super().__init__()
        channels, height, breadth = shape
        if height % patch or breadth % patch:
            raise ValueError(f"image of {height} x {breadth} does not divide into patches of {patch}")
        self.patch = patch
        self.embed = nn.Linear(channels * patch * patch, width)
        tokens = (height // patch) * (breadth // patch)
        self.position = nn.Parameter(torch.randn(tokens, width) * 0.02)

    def forward(self, example: Example) -> tuple[Tensor, Tensor]:
        batch, channels, height, breadth = example.values.shape
        p = self.patch
        patches = example.values.reshape(batch, channels, height // p, p, breadth // p, p)
        patches = patches.permute(0, 2, 4, 1, 3, 5).reshape(batch, len(self.position), channels * p * p)
        mask = example.mask
        if mask is None:
            mask = torch.ones(batch, len(self.position), dtype=torch.bool, device=patches.device)
        else:
            patches = patches.masked_fill(~mask[..., None], 0)
        return self.embed(patches) + self.position, mask
