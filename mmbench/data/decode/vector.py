"""Vectors: one row of numbers a sample."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import numpy as np
from pydantic import Field

from mmbench.data.decode.base import Decoder, Layout
from mmbench.data.decode.numbers import read_numbers
from mmbench.data.files.problems import CellError
from mmbench.data.table.table import Cell

LONGEST = 1 << 16
LOOKED_AT = 64
TOKENS = 8


class VectorDecoder(Decoder):
    """(F,) float32 from an array, an .npy or .npz file, or a text table of one row or column.

    tokens: into how many tokens it is cut; at least 8 where there are so many numbers. key: of the array in an .npz
    that has several.
    """

    fitted = ("length",)
    light = True

    def __init__(self, *, tokens: Annotated[int, Field(ge=1, le=512)] | None = None, key: str | None = None) -> None:
        self.tokens, self.key = tokens, key

    def fit(self, cells: Sequence[Cell]) -> Layout:
        lengths: list[int] = self.measures(cells, LOOKED_AT)
        self.length = max(set(lengths), key=lambda n: (lengths.count(n), -n))
        tokens = self.tokens or _choose_tokens(self.length)
        return Layout(
            shape=(self.length,),
            dtype="float32",
            steps=_count_tokens(self.length, tokens),
            whole=True,
            stem="feature",
            options={"tokens": tokens},
            normal_axis=0,
            note=f"vectors of {self.length} numbers",
        )

    def measure(self, cell: Cell) -> int:
        values = read_numbers(cell, self.key)
        if values.size != max(values.shape, default=1):
            raise CellError(f"has the shape {values.shape}; a vector is one row (kind `sequence` takes several)")
        if values.size > LONGEST:
            raise CellError(f"has {values.size:,} numbers, more than {LONGEST:,}")
        return values.size

    def decode(self, cell: Cell) -> tuple[np.ndarray, None]:
        values = read_numbers(cell, self.key)
        if values.size != max(values.shape, default=1):
            raise CellError(f"has the shape {values.shape}; a vector is one row (kind `sequence` takes several)")
        if values.size != self.length:
            raise CellError(f"has {values.size} numbers where training samples have {self.length}")
        return values.reshape(-1), None


def _count_tokens(length: int, tokens: int) -> int:
    """How many tokens the stem `feature` makes: chunks of ceil(length / tokens)."""
    return -(-length // -(-length // tokens))


def _choose_tokens(length: int) -> int:
    """The fewest tokens, at least TOKENS, that the stem really makes; all there are where they are fewer."""
    return next((n for n in range(TOKENS, length) if _count_tokens(length, n) >= TOKENS), length)
