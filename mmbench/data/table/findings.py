"""What is wrong with a table, row by row, in words that fit a terminal."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from mmbench.data.files.problems import Problem

SHOWN = 60
"""Characters of a value in a message."""


def quote(value: object) -> str:
    """A value for a message: short, and harmless on a terminal."""
    text = value if isinstance(value, str) else str(value)
    text = text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"
    return text if text.isprintable() else ascii(text)[1:-1]


@dataclass(frozen=True)
class Files:
    """The tables that make a manifest, whose rows are counted on from one to the next. before: the number of each that
    its own first row comes after."""

    names: tuple[str, ...]
    before: tuple[int, ...] = (0,)

    def of(self, row: int) -> tuple[str, int]:
        """The table that a row stands in, and its number there."""
        at = max(bisect_left(self.before, row) - 1, 0)
        return self.names[at], row - self.before[at]

    def place(self, row: int, unit: str = "row") -> str:
        """`manifest.csv row 17`."""
        name, number = self.of(row)
        return f"{name} {unit} {number}"

    def beside(self, row: int, other: int) -> str:
        """`row 17`, with its table where that is not the other row's."""
        return self.place(row) if self.of(row)[0] != self.of(other)[0] else f"row {self.of(row)[1]}"


class Places(Sequence[str]):
    """`manifest.csv row 17` of each sample, made when asked for."""

    def __init__(self, files: Files, numbers: Sequence[int]) -> None:
        self.files, self.numbers = files, numbers

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, i: Any) -> Any:
        return Places(self.files, self.numbers[i]) if isinstance(i, slice) else self.files.place(self.numbers[i])


@dataclass
class Findings:
    """Problems of one manifest, told in the order of its rows. notes: what is no problem, but should be known. tables:
    those that make the manifest, where they are several."""

    file: str
    _found: list[tuple[int, Problem]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    tables: Files | None = None

    @property
    def files(self) -> Files:
        return self.tables or Files((self.file,))

    def take(self, other: Findings, before: int) -> None:
        """All that another table's say, whose rows are counted on from `before`."""
        self._found += [(row + before, problem) for row, problem in other._found]
        self.notes += other.notes

    def add(self, row: int, what: str, *, column: str = "", value: object = None, unit: str = "row") -> None:
        where = self.files.place(row, unit)
        where += f", {quote(column)}" if column else ""
        where += f" ({quote(value)})" if value not in (None, "") else ""
        self._found.append((row, Problem(where=where, what=what)))

    def rows(self) -> set[int]:
        """The rows that have a problem."""
        return {row for row, _ in self._found}

    def by_row(self) -> dict[int, str]:
        """All that is wrong with a row, in one line."""
        found: dict[int, list[str]] = {}
        for row, problem in self._found:
            found.setdefault(row, []).append(str(problem))
        return {row: "; ".join(dict.fromkeys(what)) for row, what in found.items()}

    def problems(self) -> tuple[Problem, ...]:
        """Each once, by row."""
        return tuple(dict.fromkeys(p for _, p in sorted(self._found, key=lambda found: found[0])))
