"""Vectors: one row of numbers a sample."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import numpy as np
from pydantic import Field

from mmbench.data.decode.base import Blank, Layout, all_masked
from mmbench.data.decode.features import Features, Limit, Numbers
from mmbench.data.files.problems import CellError
from mmbench.data.table.table import Cell

LONGEST = 1 << 16
LOOKED_AT = 64
TOKENS = 8


class VectorDecoder(Features):
    """(F,) float32 from an array, an .npy or .npz file, or a text table of one row or column.

    tokens: into how many tokens it is cut; at least 8 where there are so many numbers. The others: as `Features` has
    them; a vector all of whose numbers are missing is missing as a whole.
    """

    fitted = ("length",)

    def __init__(
        self,
        *,
        tokens: Annotated[int, Field(ge=1, le=512)] | None = None,
        key: str | None = None,
        header: bool | None = None,
        missing: Numbers = None,
        clip: Limit = None,
        blank: Blank = "keep",
    ) -> None:
        super().__init__(key=key, header=header, index=None, missing=missing, clip=clip, blank=blank)
        self.tokens = tokens

    def fit(self, cells: Sequence[Cell]) -> Layout:
        self.agree_on_header(cells, LOOKED_AT)
        lengths: list[int] = self.measures(cells, LOOKED_AT)
        self.length = max(set(lengths), key=lambda n: (lengths.count(n), -n))
        tokens = self.tokens or _choose_tokens(self.length)
        note = self.fit_features(cells, self.length, LOOKED_AT)
        return Layout(
            shape=(self.length,),
            dtype="float32",
            steps=_count_tokens(self.length, tokens),
            whole=not self.drops,
            stem="feature",
            options={"tokens": tokens},
            normal_axis=0,
            note=f"vectors of {self.length} numbers{note}",
        )

    def measure(self, cell: Cell) -> int:
        return self.rows(cell).shape[1]

    def rows(self, cell: Cell) -> np.ndarray:
        values = self.read(cell)
        if values.size != max(values.shape, default=1):
            raise CellError(f"has the shape {values.shape}; a vector is one row (kind `sequence` takes several)")
        if values.size > LONGEST:
            raise CellError(f"has {values.size:,} numbers, more than {LONGEST:,}")
        return values.reshape(1, -1)

    def decode(self, cell: Cell) -> tuple[np.ndarray, np.ndarray | None]:
        rows = self.rows(cell)
        if rows.size != self.length:
            raise CellError(f"has {rows.size} numbers where training samples have {self.length}")
        values, real = self.finish(rows)
        mask = all_masked(rows, None if real.all() else np.zeros(1, bool), self.blank, timed=False)
        return values.astype(np.float32, copy=False).reshape(-1), mask


def _count_tokens(length: int, tokens: int) -> int:
    """How many tokens the stem `feature` makes: chunks of ceil(length / tokens)."""
    return -(-length // -(-length // tokens))


def _choose_tokens(length: int) -> int:
    """The fewest tokens, at least TOKENS, that the stem really makes; all there are where they are fewer."""
    return next((n for n in range(TOKENS, length) if _count_tokens(length, n) >= TOKENS), length)
