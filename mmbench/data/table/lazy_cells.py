"""Cells that are made when they are asked for, so that a table of a data set larger than memory is small."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any, overload

from mmbench.data.table.table import Cell


class Lazy(Sequence[Cell | None]):
    """`size` cells; the i-th is `make(i)`."""

    def __init__(self, size: int, make: Callable[[int], Cell | None]) -> None:
        self.size, self.make = size, make

    def __len__(self) -> int:
        return self.size

    @overload
    def __getitem__(self, index: int) -> Cell | None: ...
    @overload
    def __getitem__(self, index: slice) -> list[Cell | None]: ...
    def __getitem__(self, index: Any) -> Any:
        chosen = range(self.size)[index]
        return [self.make(i) for i in chosen] if isinstance(chosen, range) else self.make(chosen)


def chain(parts: Sequence[Sequence[Cell | None]]) -> Lazy:
    """The cells of all parts, one part after another."""
    ends = list(accumulate(map(len, parts), initial=0))

    def make(index: int) -> Cell | None:
        part = bisect_right(ends, index) - 1
        return parts[part][index - ends[part]]

    return Lazy(ends[-1], make)
