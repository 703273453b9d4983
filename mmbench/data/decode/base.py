"""From cells to arrays of one shape: one file a kind."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, TypeVar

import numpy as np

from mmbench.data.files.problems import CellError
from mmbench.data.table.table import Cell


@dataclass(frozen=True, kw_only=True)
class Layout:
    """What a decoder makes of every cell.

    shape, dtype: of `values` (the stored type: uint8 for pixels, float16 or float32 for numbers, int32 for words).
    steps: length of the mask. whole: a present cell is always whole, so that a mask is stored only where some sample
    lacks the modality. stem, options: the stem that takes it, and that stem's options. normal_axis: the axis of `shape`
    over which means and standard deviations are taken one by one (channels, bands, features); None: values are not
    normalised. note: what was chosen, for people.
    """

    shape: tuple[int, ...]
    dtype: str
    steps: int
    whole: bool = False
    stem: str
    options: dict[str, Any]
    normal_axis: int | None
    note: str = ""


class Decoder(ABC):
    """Reads the cells of one kind. Made as `SomeDecoder(**options)`; pickles, since cells are decoded in parallel.

    `fit` looks at training cells only, so nothing of validation and test reaches sizes and vocabularies. fitted: the
    attributes that it sets, for `state`. parallel:
    False for one that is not to be copied into other processes, such as a pretrained encoder on a GPU; it gets `batch`
    cells at a time. light: cells that are in memory already are decoded sooner than they are sent to another process.
    remarks: what `fit` found that may not be meant so, for `mmbench data check`; no part of prepared data. drops:
    whether its options let it read a cell as missing.
    """

    fitted: ClassVar[tuple[str, ...]] = ()
    parallel: ClassVar[bool] = True
    batch: ClassVar[int] = 1
    light: ClassVar[bool] = False
    remarks: tuple[str, ...] = ()
    drops: bool = False

    @abstractmethod
    def fit(self, cells: Sequence[Cell]) -> Layout:
        """Choose what is left open (length, size, vocabulary) from training cells. Raises CellError."""

    def state(self) -> dict[str, Any]:
        """What `fit` chose, for JSON: a decoder of the same options that is given it back decodes alike."""
        return {name: getattr(self, name) for name in self.fitted}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take back what `state` gave, in place of `fit`. Raises KeyError where something of it is missing."""
        for name in self.fitted:
            setattr(self, name, state[name])

    @abstractmethod
    def decode(self, cell: Cell) -> tuple[np.ndarray, np.ndarray | None]:
        """values (as the layout says) and mask bool, of each step (steps,) or of all (1,); None where all are real.
        Raises CellError only."""

    def measure(self, cell: Cell) -> Any:
        """What `fit` wants to know of a cell, where that is quicker than decoding it. Raises CellError."""
        return None

    def decode_many(self, cells: Sequence[Cell]) -> list[tuple[np.ndarray, np.ndarray | None] | CellError]:
        """`decode` of each; the error in the place of a cell that cannot be read."""
        return [self._one(cell) for cell in cells]

    def _one(self, cell: Cell) -> tuple[np.ndarray, np.ndarray | None] | CellError:
        try:
            return self.decode(cell)
        except CellError as error:
            return error
        except MemoryError:
            return CellError("needs more memory than there is")

    def measures(self, cells: Sequence[Cell], most: int, of: Callable[[Cell], Any] | None = None) -> list[Any]:
        """`measure`, or another look, of at most so many cells, evenly spaced; those that cannot be read are passed
        over, since decoding will tell of them. Raises CellError where none can be read."""
        found, first, look = [], None, of or self.measure
        for cell in sample(cells, most):
            try:
                found.append(look(cell))
            except CellError as error:
                first = first or error
        if not found:
            raise first or CellError("no training sample has it")
        return found


Blank = Literal["keep", "missing"]
"""Whether a sample of one value throughout (a white picture, silence) is kept, or read as missing."""

T = TypeVar("T")


def is_blank(values: np.ndarray, channels: int | None = None) -> bool:
    """Whether all are one value; with the axis of `channels`, one colour."""
    first = tuple(slice(None) if axis == channels else slice(1) for axis in range(values.ndim))
    return values.size > 0 and bool((values == values[first]).all())


def all_masked(
    values: np.ndarray, mask: np.ndarray | None, blank: Blank, *, timed: bool, channels: int | None = None
) -> np.ndarray | None:
    """The mask; with nothing in it, for all steps, where the sample is blank and that means missing. timed: whether the
    mask is over the first axis of the values. channels: as of `is_blank`."""
    if blank == "keep":
        return mask
    real = values[mask] if timed and mask is not None else values
    return np.zeros(1 if mask is None else len(mask), bool) if is_blank(real, channels) else mask


def describe_cut(lengths: Iterable[float], most: float, option: str) -> str:
    """For a note: which share of the training samples, that are so long, is cut, and which option changes it."""
    longer = [length > most for length in lengths]
    share = sum(longer) / len(longer)
    if not share:
        return "none of the training samples is cut"
    said = "less than 1%" if share < 0.01 else f"{share:.0%}"
    return f"{said} of training samples are longer and are cut (option {option})"


def sample(cells: Sequence[T], most: int) -> Iterable[T]:
    """At most so many, evenly spaced."""
    return (cells[i] for i in np.unique(np.linspace(0, len(cells) - 1, min(most, len(cells))).round().astype(int)))


def typical(lengths: Sequence[int], quantile: float, most: int) -> int:
    """A length that holds so large a share of what was measured, at most `most`."""
    return max(1, min(most, int(np.quantile(lengths, quantile, method="higher"))))
