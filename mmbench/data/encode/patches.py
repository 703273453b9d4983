"""Pixels as encoders of images take them, and where the tokens are that come back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from mmbench.data.encode.model import Model
from mmbench.data.encode.token_pooling import Field, rectangle

if TYPE_CHECKING:
    from torch import Tensor


def pixels(model: Model, frames: Sequence[np.ndarray]) -> dict[str, Tensor]:
    """From (3, height, width) uint8."""
    images = [Image.fromarray(np.ascontiguousarray(f.transpose(1, 2, 0))) for f in frames]
    # Keywords differ between the processors of images and of frames; the first argument is the same.
    return {"pixel_values": model.prepare(images, return_tensors="pt")["pixel_values"]}


def picture(hidden: Tensor, pixels: Tensor, config: Any) -> Field:
    if hidden.ndim == 3:
        return Field(grid=hidden.movedim(0, -1))
    size = patches(len(hidden), pixels, config)
    if size is None:
        return Field(grid=hidden)
    apart = len(hidden) - size[0] * size[1]
    return Field(grid=hidden[apart:].unflatten(0, size), first=hidden[:apart])


def patches(tokens: int, pixels: Tensor, config: Any) -> tuple[int, int] | None:
    patch = getattr(config, "patch_size", None)
    patch = patch[-1] if isinstance(patch, list | tuple) else patch
    return rectangle(tokens, pixels.shape[-2], pixels.shape[-1], patch)
