"""Clips become tubelets."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mmbench.data.batches import Example
from mmbench.model.interfaces import Stem
from mmbench.registry import variant


@variant("video", source="Arnab et al. 2021, ViViT (tubelet embedding)")
class Video(Stem):
    """Non-overlapping tubelets, projected linearly, plus a learned position.

    (B, T, Ch, Y, X) -> (B, T/t * Y/p * X/p, D) with t = `frames` and p = `patch`. `shape` is (T, Ch, Y, X), each a
    multiple of its divisor. A mask (B, T) marks real frames; a tubelet is real when any of its frames is.
    """

    tiny = ((6, 1, 4, 6), {"frames": 2, "patch": 2})

    def __init__(self, width: int, shape: tuple[int, ...], *, frames: int, patch: int) -> None:
        super().__init__()
        steps, channels, height, breadth = shape
        if steps % frames or height % patch or breadth % patch:
            raise ValueError(
                f"clip of {steps} x {height} x {breadth} does not divide into {frames} x {patch} x {patch}"
            )
        self.frames, self.patch = frames, patch
        self.per_step = (height // patch) * (breadth // patch)
        self.embed = nn.Linear(frames * channels * patch * patch, width)
        self.position = nn.Parameter(torch.randn((steps // frames) * self.per_step, width) * 0.02)

    def forward(self, example: Example) -> tuple[Tensor, Tensor]:
        batch, steps, channels, height, breadth = example.values.shape
        t, p = self.frames, self.patch
        cut = example.filled().reshape(batch, steps // t, t, channels, height // p, p, breadth // p, p)
        tubelets = cut.permute(0, 1, 4, 6, 2, 3, 5, 7).reshape(batch, (steps // t) * self.per_step, -1)
        tokens = self.embed(tubelets) + self.position[: tubelets.shape[1]]
        if example.mask is None:
            return tokens, torch.ones(tokens.shape[:2], dtype=torch.bool, device=tokens.device)
        real = example.mask.reshape(batch, -1, t).any(-1)
        return tokens, real.repeat_interleave(self.per_step, dim=1)
