"""A person's own table (.csv, .parquet or .jsonl) and its card -> a Table. No code, and no surprise.

Everything is checked before anything is decoded, and all that is wrong is told at once, each with its row.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from mmbench.config import Task
from mmbench.reading import rows as reading_rows
from mmbench.reading import targets
from mmbench.reading.card import FILE, Card, ColumnCard
from mmbench.reading.findings import shown
from mmbench.reading.problems import CellError, DataError, Problem
from mmbench.reading.rows import Rows
from mmbench.reading.source import BytesSource, Root
from mmbench.reading.table import Cell, Column, Table
from mmbench.registry import UserError, suggest

SPLITS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("validation", "valid", "val", "dev", "development"), "validation"),
    **dict.fromkeys(("test", "testing"), "test"),
}
"""How people write the splits -> how mmbench does."""
TEXT_BYTES = 2**20
"""Of one text in a file of its own."""
HINTS = 20
"""Missing files for which a name alike is looked for."""


@dataclass(frozen=True, kw_only=True)
class Survey:
    """What a manifest holds, as far as it can be read. A cell with a problem stands as None.

    task, labels: None where the target has a problem. problems: all of them, by row.
    """

    places: Sequence[str]
    modalities: dict[str, Column]
    task: Task | None
    labels: np.ndarray | None
    split: list[str] | None
    group: list[str] | None
    problems: tuple[Problem, ...]


def table(card: Card, folder: Path) -> Table:
    """The samples of the card's manifest. folder: in which the card lies.

    Raises DataError with everything that is wrong, by row.
    """
    found = survey(card, folder)
    if found.problems:
        raise DataError(found.problems)
    assert found.task is not None and found.labels is not None, "without a task there is a problem"
    return Table(
        places=found.places,
        modalities=found.modalities,
        task=found.task,
        labels=found.labels,
        split=found.split,
        group=found.group,
    )


def root_of(card: Card, folder: Path) -> Root:
    """The folder that the data set's files are read from. Raises UserError where there is none."""
    path = folder / Path(card.root).expanduser()
    if not path.is_dir():
        raise UserError(f"{folder / FILE}: root: {shown(card.root)!r} is no folder ({path})")
    return Root(path)


def survey(card: Card, folder: Path) -> Survey:
    """Read the manifest with all that is wrong beside what could be read. Raises DataError where nothing could."""
    assert card.manifest is not None and card.target is not None, "the card was checked"
    root = root_of(card, folder)
    rows = _rows(card, folder, root)
    if not len(rows):
        rows.findings.add(1, "there are no samples below the header" if rows.columns else "there are no samples")
        return Survey(
            places=(), modalities={}, task=None, labels=None, split=None, group=None, problems=rows.findings.problems()
        )
    present = _present(card, rows)
    read = {name: _column(name, c, rows, root, present) for name, c in card.columns.items()}
    modalities = {name: c for name, c in read.items() if c is not None}
    told = rows.findings.rows()
    for i, number in enumerate(rows.numbers):
        if modalities and number not in told and all(c.cells[i] is None for c in modalities.values()):
            rows.findings.add(number, "every modality is missing; leave the row out")
    ready = all(present(c) for c in card.target.columns)
    made = targets.read(card.target, rows, card.metric) if ready else None
    split = _split(card.split, rows) if card.split and present(card.split) else None
    group = _group(card.group, rows) if card.group and present(card.group) else None
    if card.id and present(card.id):
        _unique(card.id, rows)
    return Survey(
        places=rows.places,
        modalities=modalities,
        task=made[0] if made else None,
        labels=made[1] if made else None,
        split=split,
        group=group,
        problems=rows.findings.problems(),
    )


def _rows(card: Card, folder: Path, root: Root) -> Rows:
    """The manifest lies beside the card, or below the root."""
    assert card.manifest is not None
    columns, prefixes = _named(card), tuple(c.prefix for c in card.columns.values() if c.prefix)
    near = Root(folder)
    try:
        source = (near if near.exists(card.manifest) else root).source(card.manifest)
        with source.open() as stream:
            return reading_rows.read(
                card.manifest, stream, lambda name: name in columns or name.startswith(prefixes or "\0")
            )
    except CellError as error:
        where = "" if root.folder == near.folder else f" (looked for beside the card and in {root.folder})"
        raise DataError([Problem(where=f"{shown(card.manifest)} row 1", what=f"{error}{where}")]) from None


def _named(card: Card) -> dict[str, str]:
    """Every column that the card names -> where it does."""
    assert card.target is not None
    found = {c.column or name: f"columns: {name}" for name, c in card.columns.items() if c.prefix is None}
    found |= dict.fromkeys(card.target.columns, f"target: {card.target.kind}")
    return found | {c: key for key in ("split", "group", "id") if (c := getattr(card, key)) is not None}


def _present(card: Card, rows: Rows) -> Callable[[str], bool]:
    """Tells which columns there are; those that the card names and the manifest lacks are told as problems."""
    free = [name for name in rows.columns if name not in _named(card)] or list(rows.columns)
    for column, key in _named(card).items():
        if column not in rows.columns:
            hint = suggest(column, map(shown, free))
            rows.findings.add(1, f"no column {shown(column)!r}, which {FILE} names ({key}){hint}")
    for name, c in card.columns.items():
        if c.prefix is not None and not any(column.startswith(c.prefix) for column in rows.columns):
            starts = dict.fromkeys(column[: len(c.prefix)] for column in rows.columns)
            what = f"no column begins with {shown(c.prefix)!r}, which {FILE} names (columns: {name})"
            rows.findings.add(1, what + suggest(c.prefix, map(shown, starts)))
    return rows.columns.__contains__


def _column(name: str, card: ColumnCard, rows: Rows, root: Root, present: Callable[[str], bool]) -> Column | None:
    options = dict(card.options)
    if card.prefix is not None:
        cells = _by_prefix(card.prefix, name, rows)
    elif present(column := card.column or name):
        inline = card.kind == "text" and not options.pop("files", False)
        reader = _Cells(kind=card.kind, column=column, rows=rows, root=root)
        cells = reader.texts() if inline else reader.all()
        _same_size(card.kind, column, cells, rows)
    else:
        return None
    if all(c is None for c in cells) and not set(rows.numbers) <= rows.findings.rows():
        rows.findings.add(1, f"no sample has this modality; leave it out of {FILE}", column=name)
    return Column(kind=card.kind, cells=cells, options=options)


@dataclass
class _Cells:
    """Turns the values of one column into cells; what cannot be is told, and None."""

    kind: str
    column: str
    rows: Rows
    root: Root
    hints: int = HINTS

    def texts(self) -> list[Cell | None]:
        cells: list[Cell | None] = []
        for number, value in self._values():
            if isinstance(value, (list, dict, bytes, np.ndarray)):
                self.rows.findings.add(number, f"is a {type(value).__name__}, not a text", column=self.column)
                value = None
            cells.append(None if value is None else str(value))
        return cells

    def all(self) -> list[Cell | None]:
        return [None if value is None else self._one(number, value) for number, value in self._values()]

    def _values(self) -> Iterable[tuple[int, Any]]:
        return zip(self.rows.numbers, self.rows.columns[self.column], strict=True)

    def _one(self, number: int, value: Any) -> Cell | None:
        try:
            if self.kind in ("vector", "sequence") and (found := _inline(value, self.kind)) is not None:
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
        source = self.root.source(path)
        if not self.root.exists(path):
            raise CellError(f"there is no such file below {self.root.folder}{self._alike(path)}")
        if self.kind != "text":
            return source
        with source.open() as stream:
            data = stream.read(TEXT_BYTES + 1)
        if len(data) > TEXT_BYTES:
            raise CellError(f"is longer than {TEXT_BYTES >> 20} MiB, too long for one text")
        try:
            return data.decode("utf-8-sig").replace("\0", " ").strip()
        except UnicodeDecodeError as error:
            raise CellError(f"is not UTF-8 (byte {data[error.start]:#04x} at {error.start})") from None

    def _alike(self, path: str) -> str:
        """`; did you mean …?`, for the first few: a folder may hold a million files."""
        if "\\" in path:
            return "; write / between folders"
        if not self.hints:
            return ""
        self.hints -= 1
        pure = PurePosixPath(path)
        try:
            beside = self.root.path(str(pure.parent))
            names = [p.name for p, _ in zip(sorted(beside.iterdir()), range(5000), strict=False)]
        except (CellError, OSError, ValueError):
            return f"; there is no folder {shown(str(pure.parent))!r}"
        hint = suggest(pure.name, names)
        return shown(hint) if hint.startswith("; did you mean") else ""


def _inline(value: Any, kind: str) -> np.ndarray | None:
    """Numbers that stand in the table itself; None where it is something else. Raises CellError."""
    if isinstance(value, str):
        if (single := targets.number(value)) is not None:
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
        array = np.array(value if isinstance(value, np.ndarray) else _listed(value), np.float32)
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


def _listed(value: list[Any]) -> list[Any]:
    """Lists of numbers only: NumPy would take texts and truth values too."""
    for v in value:
        if isinstance(v, list):
            _listed(v)
        elif isinstance(v, bool) or not isinstance(v, (int, float)):
            raise TypeError
    return value


def _same_size(kind: str, column: str, cells: Sequence[Cell | None], rows: Rows) -> None:
    """Inline vectors are of one length, and the steps of inline sequences too."""
    sizes = [(n, c.shape[-1]) for n, c in zip(rows.numbers, cells, strict=True) if isinstance(c, np.ndarray)]
    usual = Counter(size for _, size in sizes).most_common(1)
    for number, size in sizes:
        if size != usual[0][0]:
            what = f"has {size} numbers{' a step' if kind == 'sequence' else ''}, most others have {usual[0][0]}"
            rows.findings.add(number, what, column=column)


def _by_prefix(prefix: str, name: str, rows: Rows) -> list[Cell | None]:
    """Columns of numbers, in the order of the header, as one vector. Missing where all of them are empty."""
    columns = [column for column in rows.columns if column.startswith(prefix)]
    values = np.full((len(rows), len(columns)), np.nan, np.float32)
    missing = np.zeros(values.shape, bool)
    for j, column in enumerate(columns):
        for i, value in enumerate(rows.columns[column]):
            found = None if value is None else targets.number(value)
            missing[i, j] = value is None
            if found is not None and math.isfinite(found):
                values[i, j] = found
            elif value is not None:
                rows.findings.add(rows.numbers[i], "is no (finite) number", column=column, value=value)
    for i in np.flatnonzero(missing.any(axis=1) & ~missing.all(axis=1)).tolist():
        empty = [columns[j] for j in np.flatnonzero(missing[i]).tolist()]
        what = f"{len(empty)} of {len(columns)} numbers are missing ({shown(', '.join(empty))}); give all or none"
        rows.findings.add(rows.numbers[i], what, column=name)
    whole: np.ndarray = np.isfinite(values).all(axis=1)
    return [values[i] if whole[i] and columns else None for i in range(len(rows))]


def _split(column: str, rows: Rows) -> list[str] | None:
    found = []
    for number, value in zip(rows.numbers, rows.columns[column], strict=True):
        name = "" if value is None else SPLITS.get(str(value).strip().lower())
        if name is None:
            what = f"is no split{suggest(shown(value).lower(), SPLITS)}; empty leaves it open"
            rows.findings.add(number, what, column=column, value=value)
        found.append(name or "")
    return found if any(found) else None


def _group(column: str, rows: Rows) -> list[str]:
    found = []
    for number, value in zip(rows.numbers, rows.columns[column], strict=True):
        if value is None:
            rows.findings.add(number, "has no group; a sample that belongs to none needs one of its own", column=column)
        found.append("" if value is None else targets.label(value))
    return found


def _unique(column: str, rows: Rows) -> None:
    first: dict[str, int] = {}
    for number, value in zip(rows.numbers, rows.columns[column], strict=True):
        name = "" if value is None else targets.label(value)
        if not name:
            rows.findings.add(number, "has no identifier", column=column)
        elif first.setdefault(name, number) != number:
            rows.findings.add(number, f"this identifier stands in row {first[name]} too", column=column, value=name)
