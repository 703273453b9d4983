"""Sequences: a row of numbers a step, of any length."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from mmbench.data.decode import number_text
from mmbench.data.decode.base import Blank, Layout, all_masked, sample, typical
from mmbench.data.decode.features import Features, Limit, Numbers
from mmbench.data.decode.numbers import TEXTS
from mmbench.data.files.problems import CellError
from mmbench.data.files.source import Source
from mmbench.data.table.table import Cell

LONGEST, WIDEST = 128, 1 << 14
QUANTILE = 0.95
LOOKED_AT = 512
DOUBTED = 16
"""Training samples that are looked at for what would look wrong in all of them."""

WIDER, EMBEDDED = 4, 64
"""Sequences of one length with so many times more numbers a step are probably transposed; unless those come in
multiples of this, as the features of networks do."""


class SequenceDecoder(Features):
    """(T, F) float32 and a mask (T,) from an array, an .npy or .npz file, or a text table with a row a step.

    length: T; by default what holds 95 % of the training samples, at most 128. longer: of a longer one, the `mean` of
    T stretches as equal as can be, or the first T steps (`cut`). transpose: whether samples are (F, T). The others: as
    `Features` has them.
    """

    fitted = ("steps", "features")

    def __init__(
        self,
        *,
        length: Annotated[int, Field(ge=1, le=4096)] | None = None,
        longer: Literal["mean", "cut"] = "mean",
        key: str | None = None,
        transpose: bool = False,
        header: bool | None = None,
        index: bool | None = None,
        missing: Numbers = None,
        clip: Limit = None,
        blank: Blank = "keep",
    ) -> None:
        super().__init__(key=key, header=header, index=index, missing=missing, clip=clip, blank=blank)
        self.length, self.longer, self.transpose = length, longer, transpose
        self.hint = ""

    def fit(self, cells: Sequence[Cell]) -> Layout:
        self.agree_on_header(cells, LOOKED_AT)
        shapes: list[tuple[int, int]] = self.measures(cells, LOOKED_AT)
        widths = [f for _, f in shapes]
        self.steps = self.length or typical([t for t, _ in shapes], QUANTILE, LONGEST)
        self.features = max(set(widths), key=lambda n: (widths.count(n), -n))
        self._doubt(cells, shapes)
        how = "averaged to" if self.longer == "mean" else "cut to"
        note = self.fit_features(cells, self.features, LOOKED_AT)
        return Layout(
            shape=(self.steps, self.features),
            dtype="float32",
            steps=self.steps,
            stem="feature",
            options={},
            normal_axis=1,
            note=f"sequences of up to {self.steps} steps of {self.features} numbers; longer ones {how} so many{note}",
        )

    def measure(self, cell: Cell) -> tuple[int, int]:
        values = self.rows(cell)
        return values.shape[0], values.shape[1]

    def decode(self, cell: Cell) -> tuple[np.ndarray, np.ndarray | None]:
        rows = self.rows(cell)
        if rows.shape[1] != self.features:
            raise CellError(
                f"has {rows.shape[1]} numbers a step where training samples have {self.features}{self.hint}"
            )
        values, real = self.finish(rows)
        if len(values) > self.steps and self.longer == "mean":
            starts = np.linspace(0, len(values), self.steps + 1).round().astype(int)
            values = np.add.reduceat(values, starts[:-1], axis=0, dtype=np.float64) / np.diff(starts)[:, None]
            real = np.logical_or.reduceat(real, starts[:-1])
        values, real = values[: self.steps], real[: self.steps]
        padded, mask = np.zeros((self.steps, self.features), np.float32), np.zeros(self.steps, bool)
        padded[: len(values)], mask[: len(values)] = values, real
        # Before anything was subtracted from it.
        blank = self.blank == "missing" and all_masked(rows, None, self.blank, timed=False) is not None
        return padded, np.zeros_like(mask) if blank else mask

    def rows(self, cell: Cell) -> np.ndarray:
        values = self.read(cell)
        if values.ndim == 1:
            values = values[:, None]
        if values.ndim != 2:
            raise CellError(f"has the shape {values.shape}; a sequence is (steps, features)")
        values = values.T if self.transpose else values
        values = values[:, 1:] if self._counted_array(cell, values) else values
        if values.shape[1] > WIDEST:
            raise CellError(f"has {values.shape[1]:,} numbers a step, more than {WIDEST:,}")
        return values

    def _counted_array(self, cell: Cell, values: np.ndarray) -> bool:
        """Whether the first column is to be left out, and was not already with a text table's header."""
        text = isinstance(cell, Source) and cell.suffix in TEXTS
        return bool(self.form.index) and not text and values.shape[1] > 1

    def _doubt(self, cells: Sequence[Cell], shapes: Sequence[tuple[int, int]]) -> None:
        """What looks wrong in all training samples: transposed, or a column that only counts."""
        heights, widths = {t for t, _ in shapes}, {f for _, f in shapes}
        self.hint = ""
        if len(heights) == 1 and len(shapes) > 1 and not self.transpose:
            (height,) = heights
            if len(widths) > 1 and height > 1:
                self.hint = f"; all have {height} rows: `transpose: true` if those are the numbers of a step"
            elif height > 1 and self.features >= WIDER * height and self.features % EMBEDDED:
                self.remarks += (
                    f"every sample has {height} steps of {self.features} numbers: `transpose: true` if it has "
                    f"{self.features} steps of {height}",
                )
        if self.form.index is not None:
            return
        doubted = list(sample(cells, DOUBTED))
        if all(self._has(number_text.counts_rows, cell) for cell in doubted):
            self.remarks += ("the first column counts the rows in every sample: `index: true` leaves it out",)
        elif all(self._has(number_text.only_grows, cell) for cell in doubted):
            self.remarks += (
                "the first column only grows, step by step, in every sample: if it is time, `index: true` leaves it "
                "out (the hour of a recording may tell its class)",
            )

    def _has(self, what: Callable[[np.ndarray], bool], cell: Cell) -> bool:
        try:
            return what(self.rows(cell))
        except CellError:
            return False
