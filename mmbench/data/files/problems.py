"""What is wrong with raw data: collected over all of it, told all at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mmbench.errors import UserError

SHOWN = 20


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
        lines = [str(p) for p in self.problems[:shown]]
        if len(self.problems) > shown:
            lines.append(f"and {len(self.problems) - shown} more problems; `mmbench data check` lists all")
        super().__init__("\n".join(lines))
