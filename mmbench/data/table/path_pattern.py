"""Names of files that are put together from the columns of a row: `scans/{patient}/visit{visit}/flair.png`."""

from __future__ import annotations

import datetime
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from mmbench.data.files.problems import CellError
from mmbench.data.table.findings import quote
from mmbench.data.table.missing import is_missing
from mmbench.data.table.values import label

SHOWN = "`{path: scans/{patient}/visit{visit}.png}`"
_TOKEN = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]|[^{}]+")
_PADDED = re.compile(r"(.*):0(\d{1,2})d?", re.DOTALL)
_WHOLE = re.compile(r"(-?)(\d+)")

Value = str | CellError | None
"""Of one row: the path of its file, why there can be none, or None where the sample has no such file."""


@dataclass(frozen=True)
class Field:
    """What a column says, in its place. width: digits of a whole number, with zeros in front; 0: as it is written."""

    column: str
    width: int = 0

    def __str__(self) -> str:
        return f"{{{self.column}:0{self.width}}}" if self.width else f"{{{self.column}}}"


@dataclass(frozen=True)
class Pattern:
    """Texts and fields, in their order."""

    parts: tuple[str | Field, ...]

    def __str__(self) -> str:
        return "".join(p.replace("{", "{{").replace("}", "}}") if isinstance(p, str) else str(p) for p in self.parts)

    @property
    def columns(self) -> tuple[str, ...]:
        """Those that it names, each once."""
        return tuple(dict.fromkeys(p.column for p in self.parts if isinstance(p, Field)))

    def path(self, said: Mapping[str, str]) -> str:
        """The path of a row whose columns say this. Raises CellError where what is to have zeros is no number."""
        return "".join(p if isinstance(p, str) else _padded(said[p.column], p) for p in self.parts)

    def find(self, values: Mapping[str, Any], exists: Callable[[str], bool], *, optional: bool) -> Value:
        """What a row names. values: of its columns, None where empty. optional: whether a sample may have no file."""
        try:
            # 3 for 3.0, which tables with gaps make of it; 3.0 where that is what the file is called.
            said = {c: _name(c, values[c]) for c in self.columns if values[c] is not None}
            written = {c: str(values[c]).strip() for c in said}
            words = [c for c in said if is_missing(values[c])]
            if len(said) < len(self.columns) or (words and not exists(self.path(said))):
                return self._nothing([c for c in self.columns if c not in said or c in words], optional=optional)
            path = self.path(said)
            if written != said and not exists(path) and exists(other := self.path(written)):
                return other
        except CellError as error:
            return error
        return None if optional and not exists(path) else path

    def _nothing(self, empty: Sequence[str], *, optional: bool) -> Value:
        if optional or len(empty) == len(self.columns):
            return None
        names, are = ", ".join(map(quote, empty)), "are" if len(empty) > 1 else "is"
        return CellError(
            f"{names} {are} empty, so that its file has no name; fill it in, or write `optional: true` where a sample "
            "may lack it"
        )


@lru_cache(maxsize=256)
def parse(text: str) -> Pattern:
    """Columns stand in braces, their names in one Unicode form. Raises ValueError, which says what would be right."""
    parts: list[str | Field] = []
    for token in _TOKEN.finditer(text):
        found = token[0]
        if token[1] is not None:
            if not token[1].strip():
                raise ValueError(f"`path` {quote(text)!r} has braces without a column, `{found}`; write its name there")
            parts.append(_field(token[1]))
        elif found in ("{", "}"):
            raise ValueError(
                f"`path` {quote(text)!r} has a {found} that stands alone; a column is `{{name}}`, and a brace of the "
                f"file's name is written twice, {found * 2}"
            )
        else:
            plain = found[0] if found in ("{{", "}}") else found
            parts.append(parts.pop() + plain if parts and isinstance(parts[-1], str) else plain)  # type: ignore[operator]
    made = Pattern(tuple(parts))
    _check(text, made)
    return made


def _field(text: str) -> Field:
    padded = _PADDED.fullmatch(text)
    name, width = (padded[1], int(padded[2])) if padded and padded[1].strip() else (text, 0)
    return Field(unicodedata.normalize("NFC", name), width)


def _check(text: str, made: Pattern) -> None:
    """Raises ValueError for what names no file below the folder, or one file for all rows."""
    plain = "".join("x" if isinstance(p, Field) else p for p in made.parts)
    shown = f"`path` {quote(text)!r}"
    if not made.columns:
        raise ValueError(f"{shown} names no column, and so one file for all rows; put columns in braces, as in {SHOWN}")
    if "://" in plain:
        raise ValueError(f"{shown} is an address; download the files, and name them relative to `root`")
    if "\\" in plain and not re.match(r"[A-Za-z]:\\", plain):
        raise ValueError(f"{shown}: write / between folders, not \\")
    if PurePosixPath(plain).is_absolute() or re.match(r"[A-Za-z]:[\\/]", plain):
        raise ValueError(f"{shown} is absolute; write what comes after `root`, the folder that files are read from")
    if ".." in PurePosixPath(plain).parts:
        raise ValueError(f"{shown} leads out of the folder with `..`; name files below `root`")
    if not plain.isprintable():
        raise ValueError(f"{shown} has a control character in it; take it out")


def unknown(column: str, known: Sequence[str]) -> str:
    """What is said further of a column that is not there, where it is one with a form that is none: `id:>5`."""
    name, _, form = column.rpartition(":")
    digits = re.search(r"\d+", form)
    if name not in known:
        return ""
    return f"; the only form is zeros in front, as in `{Field(name, int(digits[0][-2:]) if digits else 5)}`"


def _name(column: str, value: Any) -> str:
    if isinstance(value, (str, int, float, np.integer, datetime.date)):
        return label(value)
    raise CellError(f"{quote(column)} is a {type(value).__name__}, which is no part of a file's name")


def _padded(said: str, field: Field) -> str:
    if not field.width:
        return said
    if (whole := _WHOLE.fullmatch(said)) is None:
        raise CellError(
            f"{quote(field.column)} is {quote(said)!r}, no whole number that could have zeros in front; write "
            f"`{Field(field.column)}` where names are as in the table"
        )
    return whole[1] + whole[2].zfill(field.width - len(whole[1]))
