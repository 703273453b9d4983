"""From cells to arrays of one shape: one file a kind."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from mmbench.reading.problems import CellError
from mmbench.reading.table import Cell


@dataclass(frozen=True, kw_only=True)
class Layout:
    """What a decoder makes of every cell.

    shape, dtype: of `values` (the stored type: uint8 for pixels, float16 or float32 for numbers, int32 for words).
    steps: length of the mask, None where a present cell is always whole; a missing cell is then masked all the same.
    stem, options: the stem that takes it, and that stem's options. normal_axis: the axis of `shape` over which means
    and standard deviations are taken one by one (channels, bands, features); None: values are not normalised.
    """

    shape: tuple[int, ...]
    dtype: str
    steps: int
    stem: str
    options: dict[str, Any]
    normal_axis: int | None


class Decoder(ABC):
    """Reads the cells of one kind. Made as `SomeDecoder(**options)`; pickles, since cells are decoded in parallel.

    `fit` looks at training cells only, so nothing of validation and test reaches sizes and vocabularies. parallel:
    False for one that is not to be copied into other processes, such as a pretrained encoder on a GPU; it gets `batch`
    cells at a time.
    """

    parallel: ClassVar[bool] = True
    batch: ClassVar[int] = 1

    @abstractmethod
    def fit(self, cells: Sequence[Cell]) -> Layout:
        """Choose what is left open (length, size, vocabulary) from training cells. Raises CellError."""

    @abstractmethod
    def decode(self, cell: Cell) -> tuple[np.ndarray, np.ndarray | None]:
        """values (as the layout says) and mask (steps,) bool, None where all steps are real. Raises CellError only."""

    def decode_many(self, cells: Sequence[Cell]) -> list[tuple[np.ndarray, np.ndarray | None] | CellError]:
        """`decode` of each; the error in the place of a cell that cannot be read."""
        return [self._one(cell) for cell in cells]

    def _one(self, cell: Cell) -> tuple[np.ndarray, np.ndarray | None] | CellError:
        try:
            return self.decode(cell)
        except CellError as error:
            return error
