"""What two splits share, so that a test score would reward memory."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from mmbench.data.decode.factory import decoder
from mmbench.data.decode.numbers import read_numbers
from mmbench.data.files.problems import CellError, DataError, Problem
from mmbench.data.files.source import Source
from mmbench.data.split.splits import SPLITS
from mmbench.data.table.card import Leak as LeakKind
from mmbench.data.table.record import fields_of
from mmbench.data.table.table import Cell, Column, Table

SAYS = 10
"""A text of so many words, or numbers of which so many differ from the commonest, repeats because it was copied.
Shorter ones repeat by themselves: questions made from templates, "I don't know", an age, a one-hot vector."""

UNSPACED = r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]"
"""Scripts without spaces between words: two characters count as a word."""

_WORD = re.compile(rf"{UNSPACED}{{1,2}}|(?:(?!{UNSPACED})[^\W_])+")


@dataclass(frozen=True, kw_only=True)
class Leak:
    """A sample of validation or test, and the first one of an earlier split that it shares something with.

    modality: "" for a group or a whole sample. samples: their rows in the table, the earlier split's first.
    """

    kind: LeakKind
    modality: str
    samples: tuple[int, int]
    splits: tuple[str, str]
    places: tuple[str, str]

    @property
    def problem(self) -> Problem:
        what = f"{self.modality}: {self.kind}" if self.modality else self.kind
        return Problem(
            where=f"{self.places[1]} ({self.splits[1]})", what=f"{what} as {self.places[0]} ({self.splits[0]})"
        )


def check(table: Table, split: np.ndarray, accept: Sequence[LeakKind] = ()) -> list[Leak]:
    """The leaks that the card accepts. Raises DataError with every other one, and a summary before them."""
    leaks = find(table, split)
    wrong = [leak for leak in leaks if leak.kind not in accept]
    if not wrong:
        return leaks
    counts: dict[tuple[str, str], int] = {}
    for leak in wrong:
        counts[leak.modality, leak.kind] = counts.get((leak.modality, leak.kind), 0) + 1
    told = ", ".join(f"{n} {kind}{f' ({modality})' if modality else ''}" for (modality, kind), n in counts.items())
    kinds = ", ".join(sorted({leak.kind for leak in wrong}))
    what = (
        f"validation or test repeats what an earlier split has: {told}. Name the `group` whose samples belong "
        f"together, or correct the split; if this is intended, `accept: [{kinds}]` in the card says so"
    )
    raise DataError([Problem(where="leakage", what=what), *(leak.problem for leak in wrong)])


def find(table: Table, split: np.ndarray) -> list[Leak]:
    """Every leak, one for each sample, modality and kind: content, near duplicates, texts, whole samples, groups.

    split: (N,) of "train", "validation", "test". Cells that cannot be read are passed over; decoding tells of them.
    """
    rank = np.array([SPLITS.index(s) for s in split.tolist()], dtype=np.int64)
    leaks: list[Leak] = []

    def add(kind: LeakKind, modality: str, found: list[tuple[int, int]]) -> None:
        leaks.extend(
            Leak(
                kind=kind,
                modality=modality,
                samples=(first, second),
                splits=(str(split[first]), str(split[second])),
                places=(table.places[first], table.places[second]),
            )
            for first, second in found
        )

    codes, told = {}, np.zeros(len(table), bool)
    for name, column in table.modalities.items():
        codes[name] = _codes(column)
        repeated = _across(codes[name], rank)
        says = _cached(codes[name], lambda i, column=column: _says(column, i))  # type: ignore[misc]
        kept = [(a, b) for a, b in repeated if says(b) >= SAYS]
        add("same text" if column.kind == "text" else "same content", name, kept)
        told[[b for _, b in kept]] = True
        if column.kind == "image":
            add("near duplicate", name, _near(column, codes[name], rank))
    add("same content", "", [(a, b) for a, b in _whole(table, codes, rank) if not told[b]])
    if table.group is not None:
        numbers: dict[str, int] = {}
        group = np.array([numbers.setdefault(g, len(numbers)) if g else -1 for g in table.group], dtype=np.int64)
        add("same group", "", _across(group, rank))
    return leaks


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


def _across(codes: np.ndarray, rank: np.ndarray) -> list[tuple[int, int]]:
    """(first sample of the earliest split, sample of a later one) for every code that is in several splits."""
    known = np.flatnonzero(codes >= 0)
    order = known[np.lexsort((known, rank[known], codes[known]))]
    starts = np.flatnonzero(np.r_[True, np.diff(codes[order]) > 0])[: len(order)]
    first = np.repeat(order[starts], np.diff(np.r_[starts, len(order)]))
    later = rank[order] > rank[first]
    return sorted(zip(first[later].tolist(), order[later].tolist(), strict=True), key=lambda pair: pair[1])


def _cached(codes: np.ndarray, of: Callable[[int], int]) -> Callable[[int], int]:
    """`of` a sample, computed once for each content."""
    known: dict[int, int] = {}

    def one(i: int) -> int:
        code = int(codes[i])
        if code not in known:
            known[code] = of(i)
        return known[code]

    return one


def _says(column: Column, i: int) -> int:
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


def _near(column: Column, codes: np.ndarray, rank: np.ndarray) -> list[tuple[int, int]]:
    """Samples whose picture is a near duplicate, not a copy, of one in an earlier split."""
    from mmbench.data.split import near_duplicates

    contents, first = np.unique(codes, return_index=True)
    contents, first = contents[contents >= 0], first[contents >= 0]
    cells = [column.cells[i] for i in first]
    thumbs, good = near_duplicates.small([cell for cell in cells if cell is not None])
    earliest = np.full(int(codes.max(initial=-1)) + 1, len(SPLITS))
    np.minimum.at(earliest, codes[codes >= 0], rank[codes >= 0])
    first_in = {(int(codes[i]), int(rank[i])): i for i in np.flatnonzero(codes >= 0)[::-1].tolist()}
    found = []
    for later in range(1, len(SPLITS)):
        queries = contents[good & (earliest[contents] == later)]
        against = contents[good & (earliest[contents] < later)]
        at = dict(near_duplicates.pairs(thumbs, queries, against))
        for i in np.flatnonzero((rank == later) & np.isin(codes, list(at))).tolist():
            code = at[int(codes[i])]
            found.append((first_in[code, int(earliest[code])], i))
    return sorted(found, key=lambda pair: pair[1])


def _whole(table: Table, codes: dict[str, np.ndarray], rank: np.ndarray) -> list[tuple[int, int]]:
    """Samples all of whose modalities repeat one sample of an earlier split, and do not say nothing at all."""
    rows = np.stack(list(codes.values()), axis=1)
    same = np.unique(rows, axis=0, return_inverse=True)[1].reshape(-1)
    same[(rows < 0).all(1)] = -1

    def says(i: int) -> int:
        return sum(_says(column, i) for name, column in table.modalities.items() if codes[name][i] >= 0)

    told = _cached(same, says)
    return [(a, b) for a, b in _across(same, rank) if told(b) > 0]
