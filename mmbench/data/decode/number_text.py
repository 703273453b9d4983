"""Text tables of numbers (.csv, .tsv, .txt): which line is a header, and which column only counts the rows."""

from __future__ import annotations

import io
import math
import re
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np

from mmbench.data.files.problems import CellError, reason

MISSING = ("", "na", "n/a", "nan", "null", "none", "nil", "?", "-", "--", ".", "inf", "-inf", "+inf", "infinity")
"""What stands for a number that is not there: a line of data has it too, a header does not consist of it."""

NAMELESS = ("", "unnamed: 0")
"""What pandas and R write above the column that counts the rows."""

_BLANK = re.compile(r"(?:[^\S\n]*\n)+")

LONG, EVEN = 5, 0.5
"""Rows from which on a column may be of times; how far half of its steps may be from the middle one."""

FEW = 4
"""So many columns that a first line of 0, 1, 2, 3 is a header even where all other lines are whole numbers."""


@dataclass(frozen=True, kw_only=True)
class Form:
    """How tables of numbers are read. header: whether the first line is one; None: where it has names, or, with
    `counted`, counts the columns. index: whether the first column is left out; None: where its header has no name and
    it counts."""

    header: bool | None = None
    index: bool | None = None
    counted: bool = False


def read(data: bytes, form: Form) -> np.ndarray:
    """(rows, columns) float64. Raises CellError."""
    text = _decoded(data)
    first, second = _first_lines(text)
    separator = _separator(first)
    names, after = _fields(first, separator), _fields(second, separator)
    header = form.header
    if header is None:
        numbers = [name for name in names if _is_number(name)]
        named = _has_names(names) and (
            not numbers or (bool(after) and all(map(_is_number, after)) and _may_be_names(numbers))
        )
        header = named or (form.counted and _starts(names) is not None)
    try:
        values = _loaded(text, separator, int(header), None)
    except ValueError:
        # Slower, and seldom needed: empty fields and words for nothing, decimal commas.
        comma = separator in (";", "\t")
        try:
            values = _loaded(text, separator, int(header), lambda field: _number(field, comma=comma))
        except ValueError as error:
            raise CellError(f"is not a table of numbers ({reason(error)})") from None
    nameless = header and names[0].lower() in NAMELESS and len(names) == values.shape[1] and _counts(values[:, 0])
    if (nameless if form.index is None else form.index) and values.shape[1] > 1:
        return values[:, 1:]
    return values


def _loaded(text: str, separator: str | None, skipped: int, converter: Callable[[str], float] | None) -> np.ndarray:
    with warnings.catch_warnings():
        # That there is nothing is said by whoever asks for numbers.
        warnings.filterwarnings("ignore", message=".*input contained no data")
        return np.loadtxt(
            io.StringIO(text),
            delimiter=separator,
            ndmin=2,
            skiprows=skipped,
            quotechar='"',
            converters=converter,
        )


def _number(field: str, *, comma: bool) -> float:
    """NaN where there is none. comma: whether one may stand for the point. Raises ValueError."""
    text = field.strip()
    if text.lower() in MISSING:
        return float(text) if "inf" in text.lower() else math.nan
    return float(text.replace(",", ".", 1) if comma and text.count(",") == 1 and "." not in text else text)


def counts_columns(data: bytes) -> Literal["no", "maybe", "yes"]:
    """Whether the first line could be a header that counts the columns (0, 1, 2, ... or 1, 2, 3, ...), as pandas writes
    it where they have no names. Only what all files of a column have is one: "maybe" where it could be a row too."""
    first, second = _first_lines(_decoded(data))
    separator = _separator(first)
    names, after = _fields(first, separator), _fields(second, separator)
    start, width = _starts(names), len(names)
    if start is None or len(after) != width:
        return "no"
    if after == [str(i) for i in range(start + width, start + 2 * width)]:
        return "no"
    whole = all(field.lstrip("+-").isdecimal() for field in after)
    return "maybe" if width < FEW and whole else "yes"


def _starts(names: Sequence[str]) -> int | None:
    """Where the names count up from, 0 or 1."""
    if len(names) < 2 or names[0] not in ("0", "1"):
        return None
    start = int(names[0])
    return start if list(names) == [str(i) for i in range(start, start + len(names))] else None


def first_numbers(data: bytes) -> tuple[float, ...] | None:
    """The first line, where it is numbers."""
    first, _ = _first_lines(_decoded(data))
    names = _fields(first, _separator(first))
    return tuple(float(name.replace(",", ".", 1)) for name in names) if names and all(map(_is_number, names)) else None


def counts_rows(values: np.ndarray) -> bool:
    """Whether the first of several columns is 0, 1, 2, ... or 1, 2, 3, ... down the rows."""
    if values.ndim != 2 or values.shape[1] < 2 or len(values) < 3:
        return False
    return bool(values[0, 0] in (0, 1) and (np.diff(values[:, 0]) == 1).all())


def only_grows(values: np.ndarray) -> bool:
    """Whether the first of several columns grows in every step, by nearly as much each time, as time does, and not all
    others do too."""
    if values.ndim != 2 or values.shape[1] < 2 or len(values) < LONG:
        return False
    steps = np.diff(values[:, 0].astype(np.float64))
    if (np.diff(values[:, 1:].astype(np.float64), axis=0) > 0).all():
        return False
    return bool((steps > 0).all() and np.median(np.abs(steps - np.median(steps))) <= EVEN * np.median(steps))


def _counts(column: np.ndarray) -> bool:
    """Whole numbers, each greater than the one before: those of a slice do not begin at 0."""
    return bool((column == np.round(column)).all() and (np.diff(column) > 0).all())


def increases(numbers: Sequence[float]) -> bool:
    return len(numbers) >= 3 and all(a < b for a, b in pairwise(numbers))


def _decoded(data: bytes) -> str:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CellError(f"is not text in UTF-8: byte {error.start} is {data[error.start]:#04x}") from None
    # Empty lines alone: the first field of a line may be empty, and a tab end it.
    blank = _BLANK.match(text)
    return text[blank.end() :] if blank else text


def _first_lines(text: str) -> tuple[str, str]:
    """The first two lines with something in them; the second is empty where there is none."""
    lines = text.split("\n", 8)
    rest = [line for line in lines[1:8] if line.strip()]
    return lines[0].rstrip("\r"), rest[0].rstrip("\r") if rest else ""


def _separator(line: str) -> str | None:
    """Of a line whose numbers have decimal commas, what parts them."""
    for separator in ";\t":
        if separator in line and all(map(_is_number, line.split(separator))):
            return separator
    return next((s for s in ",;\t" if s in line), None)


def _fields(line: str, separator: str | None) -> list[str]:
    return [field.strip().strip('"').strip() for field in line.split(separator)]


def _has_names(fields: Sequence[str]) -> bool:
    """Whether a field is a name, or the first is empty as above pandas' index: then the others may count."""
    rest = [f for f in fields if f.lower() not in MISSING and not _is_number(f)]
    counted = fields[1:] == [str(i) for i in range(len(fields) - 1)]
    return bool(rest) or (len(fields) > 1 and fields[0] == "" and counted)


def _may_be_names(numbers: Sequence[str]) -> bool:
    """Whether numbers beside a name in the first line are names too, as whole ones, years and wavelengths may be: in a
    row with a mistake they are not, and it is not to be passed over."""
    return all(number.isdecimal() for number in numbers) or increases(
        [float(number.replace(",", ".", 1)) for number in numbers]
    )


def _is_number(field: str) -> bool:
    try:
        float(field.replace(",", ".", 1))
    except ValueError:
        return False
    return True
