"""What is wrong with a table, row by row, in words that fit a terminal."""

from __future__ import annotations

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


class Places(Sequence[str]):
    """`manifest.csv row 17` of each sample, made when asked for."""

    def __init__(self, file: str, numbers: Sequence[int]) -> None:
        self.file, self.numbers = file, numbers

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, i: Any) -> Any:
        return Places(self.file, self.numbers[i]) if isinstance(i, slice) else f"{self.file} row {self.numbers[i]}"


@dataclass
class Findings:
    """Problems of one manifest, told in the order of its rows."""

    file: str
    _found: list[tuple[int, Problem]] = field(default_factory=list)

    def add(self, row: int, what: str, *, column: str = "", value: object = None, unit: str = "row") -> None:
        where = f"{self.file} {unit} {row}"
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
