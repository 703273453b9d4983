"""What people call the tokens of a modality: words, patches, frames, columns."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from mmbench.data.decode.base import Decoder
from mmbench.schema.dataset import Modality


def token_names(
    modality: Modality, count: int, values: np.ndarray, decoder: Decoder | None, columns: Sequence[str] = ()
) -> list[str]:
    """A name for each of `count` tokens of one sample. values: of the sample, as prepared data hold it. decoder: that
    read it, None of arrays. columns: of the table that it is made of."""
    tokenizer: Any = getattr(decoder, "tokenizer", None)
    if tokenizer is not None and values.shape == (count,):
        # Parts of words are decoded one by one; a single one may be no whole character.
        return [tokenizer.decode([int(i)], skip_special_tokens=False).strip() or "▁" for i in values]
    if len(columns) == count > 1:
        return list(columns)
    across = grid(modality, count)
    if across is not None:
        return [f"row {i // across + 1}, column {i % across + 1}" for i in range(count)]
    frames = modality.options.get("frames")
    if modality.kind == "audio" and frames:
        return [f"frames {i * frames + 1} to {(i + 1) * frames}" for i in range(count)]
    return [f"{'word' if modality.kind == 'text' else 'token'} {i + 1}" for i in range(count)]


def grid(modality: Modality, count: int) -> int | None:
    """How many patches lie side by side, where tokens are those of one image."""
    patch = modality.options.get("patch")
    if modality.kind != "image" or not patch or len(modality.shape) != 3:
        return None
    sides = [side // int(patch) for side in modality.shape[1:]]
    return sides[1] if prod(sides) == count else None
