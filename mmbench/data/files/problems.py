"""What is wrong with raw data: collected over all of it, told all at once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from mmbench.errors import UserError

SHOWN = 20
ALIKE, ROWS = 3, 5
"""Problems of one kind up to which each has a line, and rows that a line for more of them names."""

_PLACE = re.compile(r"^(?P<table>.*?) (?:row|line) (?P<row>\d+)(?P<rest>.*)$", re.DOTALL)
_NAME = re.compile(r"'(?:[^'\\]|\\.)*'")
_OWN = re.compile(r"'(?:[^'\\]|\\.)*'|\([^)]*\)|[^\s']*\d[^\s']*")
"""What differs from one problem of a kind to the next: names, values, numbers."""


@dataclass(frozen=True, kw_only=True, order=True)
class Problem:
    """where: file and row, such as `manifest.csv row 17, photo (img/7.png)`. what: what is wrong, and what would be
    right."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


class CellError(ValueError):
    """One cell cannot be read. The message is the `what` of a Problem; whoever knows the row adds the `where`."""


def reason(error: BaseException) -> str:
    """What the error says, in one line; its type where it says nothing."""
    return " ".join(str(error).split()) or type(error).__name__


class DataError(UserError):
    """Raw data that cannot be used. `problems` has all of them; the message shows the first ones."""

    def __init__(self, problems: Sequence[Problem], *, shown: int = SHOWN) -> None:
        self.problems = tuple(problems)
        told = by_kind(self.problems)
        lines = [line for line, _ in told[:shown]]
        if left := sum(count for _, count in told[shown:]):
            lines.append(f"and {left} more problems; `mmbench data check` lists all")
        super().__init__("\n".join(lines))


def by_kind(problems: Sequence[Problem]) -> list[tuple[str, int]]:
    """A line and how many problems it tells. Of many that are alike only the first is told, with the rows of others."""
    kinds: dict[tuple[str, str], list[Problem]] = {}
    for problem in problems:
        kinds.setdefault(_kind(problem), []).append(problem)
    lines: list[tuple[str, int]] = []
    for alike in kinds.values():
        if len(alike) <= ALIKE:
            lines += [(str(problem), 1) for problem in alike]
            continue
        rows = [match["row"] for problem in alike[1:] if (match := _PLACE.match(problem.where))]
        more = ", …" if len(rows) > ROWS else ""
        where = f": rows {', '.join(rows[:ROWS])}{more}" if len(rows) == len(alike) - 1 else ""
        lines.append((f"{alike[0]} (and {len(alike) - 1:,} more like it{where})", len(alike)))
    return lines


def _kind(problem: Problem) -> tuple[str, str]:
    match = _PLACE.match(problem.where)
    where = _NAME.sub("", problem.where) if match is None else f"{match['table']}{_OWN.sub('', match['rest'])}"
    return where, _OWN.sub("", problem.what)
