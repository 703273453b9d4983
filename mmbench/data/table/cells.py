"""From the values of a manifest to cells: files below the root, texts, numbers. What is none is told with its row."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mmbench.data.files.endings import ending_of
from mmbench.data.files.problems import CellError
from mmbench.data.files.source import BytesSource, Root, SeveralSources, several
from mmbench.data.table.findings import quote
from mmbench.data.table.lists import lists
from mmbench.data.table.missing import is_missing
from mmbench.data.table.rows import Rows
from mmbench.data.table.table import Cell
from mmbench.data.table.values import number as as_number

LARGE = 1 << 12
"""Numbers from here on are kept in double precision where single would round them; decoders then see whether that
matters, as it does for times since 1970. Of smaller ones it is rare, and tables would be twice as large."""

LOOKED_AT = 20
"""Texts that may be names of files."""

SEPARATOR = "\n"
"""Between several texts of a row."""

TEXT_BYTES = 2**20
"""Of one text in a file of its own."""


@dataclass
class Cells:
    """Turns the values of one column into cells; what cannot be is told, and None. paths: whether they are names of
    files that were put together, and never numbers."""

    kind: str
    column: str
    rows: Rows
    root: Root
    paths: bool = False

    def texts(self) -> list[Cell | None]:
        cells: list[Cell | None] = []
        written = lists(self.rows.columns[self.column])
        for place, (number, value) in enumerate(self._values()):
            # Several texts of a row, such as five captions of a picture, are one.
            several_texts = _texts(value if written is None or value is None else written[place])
            if several_texts is not None:
                value = SEPARATOR.join(several_texts) or None
            if isinstance(value, (list, dict, bytes, np.ndarray)):
                self.rows.findings.add(number, f"is a {type(value).__name__}, not a text", column=self.column)
                value = None
            cells.append(None if value is None or is_missing(value) else str(value))
        self._doubt([cell for cell in cells if isinstance(cell, str)])
        return cells

    def _doubt(self, texts: Sequence[str]) -> None:
        """A note where texts are the names of files that are there."""
        looked_at = texts[:LOOKED_AT]
        if len(looked_at) > 1 and all(ending_of(text) and self.root.exists(text) for text in looked_at):
            self.rows.findings.notes.append(
                f"{quote(self.column)}: the names of files are read as the texts themselves ({quote(texts[0])!r}); "
                "`{text: {files: true}}` reads what files of text hold, another kind what others do"
            )

    def all(self) -> list[Cell | None]:
        return [None if value is None else self._one(number, value) for number, value in self._values()]

    def _values(self) -> Iterable[tuple[int, Any]]:
        return zip(self.rows.numbers, self.rows.columns[self.column], strict=True)

    def _one(self, number: int, value: Any) -> Cell | None:
        try:
            if isinstance(value, CellError):
                raise value
            numbers = self.kind in ("vector", "sequence") and not self.paths
            if numbers and (found := _inline(value, self.kind)) is not None:
                return found
            if isinstance(value, dict):
                # How the Hub's parquet files hold images and sounds.
                value = value.get("bytes") or value.get("path")
            if isinstance(value, bytes):
                return BytesSource(f"{self.rows.file} row {number}, {self.column}", value)
            if not isinstance(value, str):
                raise CellError(f"is a {type(value).__name__}, not the path of a file")
            return self._file(value)
        except CellError as error:
            said = value if isinstance(value, str) else None
            self.rows.findings.add(number, str(error), column=self.column, value=said)
            return None

    def _file(self, path: str) -> Cell:
        if "://" in path:
            raise CellError("is an address; download it, and name the file")
        if (paths := several(path)) and not self.root.exists(path) and self.root.exists(paths[0]):
            return self._several(path, paths)
        source = self.root.source(path)
        if self.kind != "text":
            return source
        with source.open() as stream:
            data = stream.read(TEXT_BYTES + 1)
        if len(data) > TEXT_BYTES:
            raise CellError(f"is longer than {TEXT_BYTES >> 20} MiB, too long for one text")
        try:
            text = data.decode("utf-8-sig").replace("\0", " ").strip()
        except UnicodeDecodeError as error:
            raise CellError(f"is not UTF-8 (byte {data[error.start]:#04x} at {error.start})") from None
        if not text:
            raise CellError("holds no text")
        return text

    def _several(self, cell: str, paths: Sequence[str]) -> Cell:
        """Pictures, in their order, as the frames of a film."""
        if self.kind != "video":
            frames = "; the kind `video` reads several pictures as frames" if self.kind == "image" else ""
            raise CellError(f"names {len(paths)} files, and {self.kind} is read from one{frames}")
        return SeveralSources(cell, tuple(self.root.source(path) for path in paths))


def _texts(value: Any) -> list[str] | None:
    """The texts of a list, without those that are missing; None where it is no list of texts."""
    items = value.tolist() if isinstance(value, np.ndarray) else value
    if not isinstance(items, list) or not all(item is None or isinstance(item, str) for item in items):
        return None
    return [item for item in items if item is not None and item.strip() and not is_missing(item)]


def _inline(value: Any, kind: str) -> np.ndarray | None:
    """Numbers that stand in the table itself; None where it is something else. Raises CellError."""
    if isinstance(value, str):
        if (single := as_number(value)) is not None:
            value = [single]
        elif not value.startswith("["):
            return None
        else:
            try:
                value = json.loads(value)
            except (ValueError, RecursionError):
                raise CellError("is no list of numbers such as [0.5, 1, 2]") from None
    if isinstance(value, (int, float)):
        value = [value]
    if not isinstance(value, (list, np.ndarray)):
        return None
    try:
        with np.errstate(over="ignore"):
            array = narrow(np.array(value if isinstance(value, np.ndarray) else _listed(value), np.float64))
    except (ValueError, TypeError, OverflowError):
        raise CellError("is no list of numbers of equal lengths") from None
    wanted = 1 if kind == "vector" else 2
    if kind == "sequence" and array.ndim == 1:
        array = array[:, None]
    if array.ndim != wanted or array.size == 0:
        raise CellError(f"has {array.ndim} dimensions and {array.size} numbers; a {kind} has {wanted} and at least one")
    if not np.isfinite(array).all():
        raise CellError("holds a NaN, an infinity or a number beyond float32")
    return array


def narrow(values: np.ndarray) -> np.ndarray:
    """float64 as float32, unless that would round a large number. What float32 cannot hold is infinite."""
    with np.errstate(over="ignore"):
        single = values.astype(np.float32)
    large = np.abs(values) >= LARGE
    return single if not np.isfinite(single).all() or (single[large] == values[large]).all() else values


def _listed(value: list[Any]) -> list[Any]:
    """Lists of numbers only: NumPy would take texts and truth values too."""
    for v in value:
        if isinstance(v, list):
            _listed(v)
        elif isinstance(v, bool) or not isinstance(v, (int, float)):
            raise TypeError
    return value


def check_sizes(kind: str, column: str, cells: Sequence[Cell | None], rows: Rows) -> None:
    """Inline vectors are of one length, and the steps of inline sequences too."""
    sizes = [(n, c.shape[-1]) for n, c in zip(rows.numbers, cells, strict=True) if isinstance(c, np.ndarray)]
    usual = Counter(size for _, size in sizes).most_common(1)
    for number, size in sizes:
        if size != usual[0][0]:
            what = f"has {size} numbers{' a step' if kind == 'sequence' else ''}, most others have {usual[0][0]}"
            rows.findings.add(number, what, column=column)


def by_prefix(columns: Sequence[str], name: str, rows: Rows) -> list[Cell | None]:
    """Columns of numbers, in the order of the header, as one vector. Missing where all of them are empty."""
    values = np.full((len(rows), len(columns)), np.nan)
    missing = np.zeros(values.shape, bool)
    for j, column in enumerate(columns):
        for i, value in enumerate(rows.columns[column]):
            found = None if value is None else as_number(value)
            missing[i, j] = value is None
            if found is not None and abs(found) <= float(np.finfo(np.float32).max):
                values[i, j] = found
            elif value is not None:
                rows.findings.add(rows.numbers[i], "is no (finite) number", column=column, value=value)
    for i in np.flatnonzero(missing.any(axis=1) & ~missing.all(axis=1)).tolist():
        empty = [columns[j] for j in np.flatnonzero(missing[i]).tolist()]
        what = f"{len(empty)} of {len(columns)} numbers are missing ({quote(', '.join(empty))}); give all or none"
        rows.findings.add(rows.numbers[i], what, column=name)
    whole = np.isfinite(values).all(axis=1).tolist()
    single = narrow(np.where(np.isfinite(values), values, 0))
    if single.dtype == np.float32:
        return [single[i] if whole[i] and columns else None for i in range(len(rows))]
    return [narrow(values[i]) if whole[i] and columns else None for i in range(len(rows))]
