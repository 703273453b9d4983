"""Spectrograms become runs of frames."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mmbench.data.batches import Example
from mmbench.model.interfaces import Stem
from mmbench.registry import variant


@variant("audio", source="Gong et al. 2021, AST (patches over time only)")
class Audio(Stem):
    """Runs of `frames` spectrogram frames, projected linearly, plus a learned position: (B, T, F) -> (B, T/frames, D).

    `shape` is (T, F); T must be a multiple of `frames`. A mask (B, T) marks real frames; a token is real when any of
    its frames is.
    """

    tiny = ((10, 3), {"frames": 2})

    def __init__(self, width: int, shape: tuple[int, ...], *, frames: int) -> None:
        super().__init__()
        steps, bands = shape
        if steps % frames:
            raise ValueError(f"spectrogram of {steps} frames does not divide into tokens of {frames}")
        self.frames = frames
        self.embed = nn.Linear(frames * bands, width)
        self.position = nn.Parameter(torch.randn(steps // frames, width) * 0.02)

    def forward(self, example: Example) -> tuple[Tensor, Tensor]:
        batch, steps, bands = example.values.shape
        runs = example.filled().reshape(batch, steps // self.frames, self.frames * bands)
        tokens = self.embed(runs) + self.position[: runs.shape[1]]
        if example.mask is None:
            return tokens, torch.ones(tokens.shape[:2], dtype=torch.bool, device=tokens.device)
        return tokens, example.mask.reshape(batch, -1, self.frames).any(-1)
