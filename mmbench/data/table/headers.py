"""Whether the first line of a table is a header or a sample, told by what stands below it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from mmbench.data.table.findings import quote

LOOKED_AT = 2000
FEWEST = 4
"""Rows below which nothing can be told from values that repeat."""

KNOWN = frozenset(
    (
        *("id", "uid", "key", "index", "name", "file", "filename", "file_name", "path", "url", "image", "img", "photo"),
        *("picture", "audio", "sound", "wav", "video", "film", "clip", "text", "caption", "sentence", "transcript"),
        *("question", "answer", "label", "labels", "class", "target", "y", "category", "score", "rating", "split"),
        *("fold", "set", "subset", "partition", "group", "speaker", "subject", "user", "patient", "tags", "genre"),
        *("description", "title", "text_input", "start", "end"),
    )
)
"""Words that head columns; a line that has one is a header."""

_FILE = re.compile(r"[^\s:*?\"<>|][^:*?\"<>|]*\.([A-Za-z][A-Za-z0-9]{1,4})", re.DOTALL)


def sample_like(first: Sequence[str], rest: Sequence[Sequence[str]]) -> str:
    """Why the first line looks like a sample and not like a header; "" where it does not.

    A file name above file names of its ending; a word that is a value of its column again and again; numbers above
    numbers that are no names of columns, as years and wavelengths may be.
    """
    below = [row for row in rest[:LOOKED_AT] if len(row) == len(first)]
    if not below:
        return ""
    columns = [[row[j].strip() for row in below if row[j].strip()] for j in range(len(first))]
    cells = [cell.strip() for cell in first]
    for cell, values in zip(cells, columns, strict=True):
        if (ending := _ending(cell)) and sum(_ending(v) == ending for v in values) >= 0.8 * max(len(values), 1):
            return f"{quote(cell)!r} is the name of a file, as below it"
    if any(cell.lower() in KNOWN for cell in cells) or len(below) < FEWEST:
        return ""
    if not all(cells):
        # A header of pandas, whose index has no name.
        return ""
    several = sum(_number(cell) for cell in cells)
    for cell, values in zip(cells, columns, strict=True):
        # Columns may well be numbered; beside words, one number that is a value below is a value itself.
        numbered = _number(cell) and several > 1
        if cell in values and not numbered and len(set(values)) * 2 <= len(values):
            return f"{quote(cell)!r} stands below it again, {values.count(cell)} times"
    measured = [
        float(cell) for cell, values in zip(cells, columns, strict=True) if _number(cell) and all(map(_number, values))
    ]
    if len(measured) == len(cells) and not _are_names(measured):
        return "it has numbers only"
    if any(not value.is_integer() for value in measured) and not _are_names(measured):
        return f"{measured[0]:g} is a number, as below it"
    return ""


def _are_names(numbers: Sequence[float]) -> bool:
    """Whether numbers may name columns: whole ones that rise or fall (years), others in even steps (wavelengths)."""
    steps = [b - a for a, b in pairwise(numbers)]
    if all(value.is_integer() for value in numbers):
        counted = list(numbers) in (
            [float(i) for i in range(len(numbers))],
            [float(i + 1) for i in range(len(numbers))],
        )
        return counted or (len(numbers) > 2 and (min(steps) > 0 or max(steps) < 0))
    return len(numbers) > 2 and min(steps) > 0 and max(steps) < 1.05 * min(steps)


def is_header(first: Sequence[str], rest: Sequence[Sequence[str]]) -> bool:
    """Whether a line below a comment, which could be the header too, is one itself."""
    return any(cell.strip().lower() in KNOWN for cell in first) and not sample_like(first, rest)


def is_worded(header: Sequence[str]) -> bool:
    """Whether a header has several fields and is not numbers alone, so that no sample looks like it by chance."""
    return len(header) > 1 and not all(_number(cell.strip()) for cell in header)


def _ending(cell: str) -> str:
    found = _FILE.fullmatch(cell)
    return found[1].lower() if found else ""


def _number(cell: str) -> bool:
    return re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", cell) is not None
