"""Sequences: a row of numbers a step, of any length."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from mmbench.data.decode.base import Decoder, Layout, typical
from mmbench.data.decode.numbers import read_numbers
from mmbench.data.files.problems import CellError
from mmbench.data.table.table import Cell

LONGEST, WIDEST = 128, 1 << 14
QUANTILE = 0.95
LOOKED_AT = 512


class SequenceDecoder(Decoder):
    """(T, F) float32 and a mask (T,) from an array, an .npy or .npz file, or a text table with a row a step.

    length: T; by default what holds 95 % of the training samples, at most 128. longer: of a longer one, the `mean` of
    T stretches as equal as can be, or the first T steps (`cut`). key: of the array in an .npz that has several.
    """

    fitted = ("steps", "features")
    light = True

    def __init__(
        self,
        *,
        length: Annotated[int, Field(ge=1, le=4096)] | None = None,
        longer: Literal["mean", "cut"] = "mean",
        key: str | None = None,
    ) -> None:
        self.length, self.longer, self.key = length, longer, key

    def fit(self, cells: Sequence[Cell]) -> Layout:
        shapes: list[tuple[int, int]] = self.measures(cells, LOOKED_AT)
        widths = [f for _, f in shapes]
        self.steps = self.length or typical([t for t, _ in shapes], QUANTILE, LONGEST)
        self.features = max(set(widths), key=lambda n: (widths.count(n), -n))
        how = "averaged to" if self.longer == "mean" else "cut to"
        return Layout(
            shape=(self.steps, self.features),
            dtype="float32",
            steps=self.steps,
            stem="feature",
            options={},
            normal_axis=1,
            note=f"sequences of up to {self.steps} steps of {self.features} numbers; longer ones {how} so many",
        )

    def measure(self, cell: Cell) -> tuple[int, int]:
        values = self._rows(cell)
        return values.shape[0], values.shape[1]

    def decode(self, cell: Cell) -> tuple[np.ndarray, np.ndarray]:
        values = self._rows(cell)
        if values.shape[1] != self.features:
            raise CellError(f"has {values.shape[1]} numbers a step where training samples have {self.features}")
        if len(values) > self.steps and self.longer == "mean":
            starts = np.linspace(0, len(values), self.steps + 1).round().astype(int)
            values = np.add.reduceat(values, starts[:-1], axis=0, dtype=np.float64) / np.diff(starts)[:, None]
        values = values[: self.steps]
        padded = np.zeros((self.steps, self.features), np.float32)
        padded[: len(values)] = values
        return padded, np.arange(self.steps) < len(values)

    def _rows(self, cell: Cell) -> np.ndarray:
        values = read_numbers(cell, self.key)
        if values.ndim == 1:
            values = values[:, None]
        if values.ndim != 2:
            raise CellError(f"has the shape {values.shape}; a sequence is (steps, features)")
        if values.shape[1] > WIDEST:
            raise CellError(f"has {values.shape[1]:,} numbers a step, more than {WIDEST:,}")
        return values
