"""What samples hold, as numbers: two cells of one number have the same content. And how much a content says."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Callable, Mapping

import numpy as np

from mmbench.data.decode.factory import decoder
from mmbench.data.decode.numbers import read_numbers
from mmbench.data.files.problems import CellError
from mmbench.data.files.source import Source
from mmbench.data.table.record import fields_of
from mmbench.data.table.table import Cell, Column, Table

SAYS = 10
"""A text of so many words, or numbers of which so many differ from the commonest, repeats because it was copied.
Shorter ones repeat by themselves: questions made from templates, "I don't know", an age, a one-hot vector."""

UNSPACED = r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]"
"""Scripts without spaces between words: two characters count as a word."""

_WORD = re.compile(rf"{UNSPACED}{{1,2}}|(?:(?!{UNSPACED})[^\W_])+")


def codes_of(table: Table) -> dict[str, np.ndarray]:
    """Of each modality (N,) one number for each content; -1 where there is none. Every file is read."""
    return {name: _codes(column) for name, column in table.modalities.items()}


def normal(text: str) -> str:
    """Without differences of case, space, punctuation and Unicode form."""
    return " ".join(_WORD.findall(unicodedata.normalize("NFKC", text).casefold()))


def _codes(column: Column) -> np.ndarray:
    """(N,) one number for each content; -1 where there is none."""
    numbers: dict[bytes, int] = {}
    sources: dict[Source, bytes] = {}
    codes = np.full(len(column.cells), -1, dtype=np.int64)
    for i, cell in enumerate(column.cells):
        if cell is None:
            continue
        if isinstance(cell, Source):
            if cell not in sources:
                sources[cell] = _digest(column, cell)
            key = sources[cell]
        else:
            key = _digest(column, cell)
        if key:
            codes[i] = numbers.setdefault(key, len(numbers))
    return codes


def _digest(column: Column, cell: Cell) -> bytes:
    """SHA-256 of what a cell holds; empty where that is nothing, or cannot be read."""
    if column.kind == "text":
        text = normal(_text(cell))
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest() if text else b""
    if isinstance(cell, Source):
        try:
            with cell.open() as stream:
                return hashlib.file_digest(stream, "sha256").digest()  # type: ignore[arg-type]
        except (CellError, OSError):
            return b""
    if isinstance(cell, str):
        return hashlib.sha256(cell.encode("utf-8", "surrogatepass")).digest()
    values = np.ascontiguousarray(cell)
    return hashlib.sha256(f"{values.shape}{values.dtype.str}".encode() + values.tobytes()).digest()


def _text(cell: Cell) -> str:
    if not isinstance(cell, Source):
        return str(cell)
    try:
        with cell.open() as stream:
            return stream.read().decode("utf-8", "replace")
    except (CellError, OSError):
        return ""


def cached(codes: np.ndarray, of: Callable[[int], int]) -> Callable[[int], int]:
    """`of` a sample, computed once for each content."""
    known: dict[int, int] = {}

    def one(i: int) -> int:
        code = int(codes[i])
        if code not in known:
            known[code] = of(i)
        return known[code]

    return one


def says(column: Column, i: int) -> int:
    """How much the cell of a sample says: words of a text, values of a table's row, numbers that differ from the
    commonest one; an image all or nothing."""
    cell = column.cells[i]
    assert cell is not None
    if column.kind == "text":
        return len(normal(_text(cell)).split())
    if column.kind == "table":
        return sum(value is not None for value in fields_of(cell).values())
    if column.kind == "image":
        from mmbench.data.split import near_duplicates

        return SAYS if near_duplicates.small([cell])[1][0] else 0
    values = _numbers(column, cell)
    if values is None:
        return SAYS
    _, counts = np.unique(values, return_counts=True)
    return int(values.size - counts.max(initial=0))


def _numbers(column: Column, cell: Cell) -> np.ndarray | None:
    """What is decoded from a cell; None where it cannot be read."""
    if isinstance(cell, np.ndarray):
        return cell
    try:
        if column.kind in ("vector", "sequence"):
            return read_numbers(cell, column.options.get("key"))
        reader = decoder(column.kind, column.options)
        reader.fit([cell])
        return reader.decode(cell)[0]
    except CellError:
        return None


def whole(table: Table, codes: Mapping[str, np.ndarray]) -> tuple[np.ndarray, Callable[[int], int]]:
    """(N,) one number for each combination of contents, -1 where there is none; and how much that of a sample says."""
    rows = np.stack(list(codes.values()), axis=1)
    same = np.unique(rows, axis=0, return_inverse=True)[1].reshape(-1)
    same[(rows < 0).all(1)] = -1

    def said(i: int) -> int:
        return sum(says(column, i) for name, column in table.modalities.items() if codes[name][i] >= 0)

    return same, cached(same, said)
