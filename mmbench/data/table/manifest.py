"""A person's own table (.csv, .parquet, .jsonl or .json) and its card -> a Table. No code, and no surprise.

Everything is checked before anything is decoded, and all that is wrong is told at once, each with its row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mmbench.data.files.problems import DataError, Problem
from mmbench.data.files.source import Root, several
from mmbench.data.table import elsewhere, filled_paths, missing, parts, path_pattern, targets
from mmbench.data.table.card import FILE, FILLED, SPLIT_NAMES, Card
from mmbench.data.table.cells import Cells, by_prefix, check_sizes
from mmbench.data.table.findings import quote
from mmbench.data.table.record import records
from mmbench.data.table.rows import Rows
from mmbench.data.table.spellings import spellings
from mmbench.data.table.table import Cell, Column, Table
from mmbench.data.table.values import label
from mmbench.errors import UserError, suggest
from mmbench.schema.task import Task

SPLITS = SPLIT_NAMES

LEFT_OUT = 10
"""Rows that a note names."""


@dataclass(frozen=True, kw_only=True)
class Survey:
    """What a manifest holds, as far as it can be read. A cell with a problem stands as None.

    broken: of each modality, the samples (counted from 0) whose cell has a problem. task, labels: None where the target
    has one. sound: whether splits and groups have none. problems: all of
    them, by row. named: what the columns of modalities say, of which some are paths. unused: columns that the card does
    not name; elsewhere: what they say, as far as it may be a path. notes: such as rows left out.
    """

    places: Sequence[str]
    modalities: dict[str, Column]
    task: Task | None
    labels: np.ndarray | None
    split: list[str] | None
    group: list[str] | None
    broken: dict[str, frozenset[int]]
    sound: bool
    problems: tuple[Problem, ...]
    named: frozenset[str] = frozenset()
    unused: tuple[str, ...] = ()
    elsewhere: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()


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
        notes=found.notes,
    )


def root_of(card: Card, folder: Path) -> Root:
    """The folder that the data set's files are read from. Raises UserError where there is none."""
    try:
        path = folder / Path(card.root).expanduser()
        there = path.is_dir()
    # A home of nobody; a name that is too long, or has a zero byte.
    except (RuntimeError, OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise UserError(f"{folder / FILE}: root: {quote(card.root)!r} cannot be a folder ({why})") from None
    if not there:
        raise UserError(f"{folder / FILE}: root: {quote(card.root)!r} is no folder ({path})")
    return Root(path)


def survey(card: Card, folder: Path) -> Survey:
    """Read the manifest with all that is wrong beside what could be read. Raises DataError where nothing could."""
    assert card.manifest is not None and card.target is not None, "the card was checked"
    root = root_of(card, folder)
    read_rows = parts.read(card, folder, root, _columns_in_use(card))
    missing.blank(card, read_rows, root)
    filled_paths.add(card, read_rows, root)
    rows, left_out = _without_empty(card, read_rows)
    if not len(rows):
        if not rows.findings.problems():
            rows.findings.add(1, "there are no samples below the header" if rows.columns else "there are no samples")
        return Survey(
            places=(),
            modalities={},
            task=None,
            labels=None,
            split=None,
            group=None,
            broken={},
            sound=False,
            problems=rows.findings.problems(),
        )
    present = _present(card, rows)
    read = {name: _column(name, card, rows, root, present) for name in card.columns}
    modalities = {name: c for name, c in read.items() if c is not None}
    told = rows.findings.rows()
    for i, number in enumerate(rows.numbers):
        if modalities and number not in told and all(c.cells[i] is None for c in modalities.values()):
            rows.findings.add(number, "no modality has a value; leave the row out")
    ready = all(present(c) for c in card.target.columns)
    made = targets.read(card.target, rows, card.metric) if ready else None
    before = len(rows.findings.problems())
    split = _split(card.split, rows) if card.split and present(card.split) else None
    split = list(rows.splits) if rows.splits is not None else split
    group = _group(card.group, rows) if card.group and present(card.group) else None
    sound = all(present(c) for c in (card.split, card.group) if c) and len(rows.findings.problems()) == before
    if card.id and present(card.id):
        _unique(card.id, rows)
    unused = [c for c in rows.columns if c not in {*_columns_in_use(card), *_fields(card, rows)}]
    return Survey(
        places=rows.places,
        modalities=modalities,
        task=made[0] if made else None,
        labels=made[1] if made else None,
        split=split,
        group=group,
        broken={name: _broken(name, card, c.cells, rows) for name, c in modalities.items()},
        sound=sound,
        problems=rows.findings.problems(),
        named=frozenset(
            path
            for c in _fields(card, rows)
            for v in rows.columns[c]
            if isinstance(v, str)
            for path in (v, *several(v))
        ),
        unused=tuple(unused),
        elsewhere=frozenset(v for c in unused for v in rows.columns[c] if isinstance(v, str) and "." in v[-10:]),
        notes=(*rows.findings.notes, *left_out),
    )


def _fields(card: Card, rows: Rows) -> list[str]:
    """The columns of modalities that there are."""
    found = [_fields_of(name, card, rows) for name in card.columns]
    return [column for columns in found for column in columns if column in rows.columns]


def _fields_of(name: str, card: Card, rows: Rows) -> Sequence[str]:
    """The columns of one modality, there or not."""
    c = card.columns[name]
    if c.path is not None:
        return (f"{FILLED}{name}",)
    return c.named(name) if c.prefix is None else _prefixed(c.prefix, card, rows)


def _without_empty(card: Card, rows: Rows) -> tuple[Rows, tuple[str, ...]]:
    """The rows in which some modality is given, and what is said of the others: there is nothing in them to see."""
    fields = [rows.columns[column] for column in _fields(card, rows)]
    empty = [fields != [] and all(values[i] is None for values in fields) for i in range(len(rows))]
    # Where all are empty, it is the card or the table that is wrong.
    if not any(empty) or all(empty):
        return rows, ()
    kept = [i for i, nothing in enumerate(empty) if not nothing]
    gone = [rows.numbers[i] for i, nothing in enumerate(empty) if nothing]
    left = [rows.findings.files.beside(number, gone[0]).removeprefix("row ") for number in gone[:LEFT_OUT]]
    more = f" and {len(gone) - LEFT_OUT} more" if len(gone) > LEFT_OUT else ""
    table = rows.findings.files.of(gone[0])[0]
    said = f"{len(gone)} row{'s' if len(gone) > 1 else ''} of {table} left out, every modality of which is missing"
    columns = {name: [values[i] for i in kept] if values else [] for name, values in rows.columns.items()}
    splits = None if rows.splits is None else tuple(rows.splits[i] for i in kept)
    thinned = replace(rows, columns=columns, numbers=[rows.numbers[i] for i in kept], splits=splits)
    return thinned, (f"{said}: {', '.join(left)}{more}",)


def _columns_in_use(card: Card) -> dict[str, str]:
    """Every column that the card names -> where it does."""
    assert card.target is not None
    uses: dict[str, list[str]] = {}
    for name, c in card.columns.items():
        for column in c.named(name):
            uses.setdefault(column, []).append(name)
    found = {column: f"columns: {', '.join(names)}" for column, names in uses.items()}
    found |= dict.fromkeys(card.target.columns, f"target: {card.target.kind}")
    return found | {c: key for key in ("split", "group", "id") if (c := getattr(card, key)) is not None}


def _present(card: Card, rows: Rows) -> Callable[[str], bool]:
    """Tells which columns there are; those that the card names and the manifest lacks are told as problems."""
    known = [name for name in rows.columns if not name.startswith(FILLED)]
    free = [name for name in known if name not in _columns_in_use(card)] or known
    # What names files may be named for something else too.
    paths = {column for c in card.columns.values() if c.path is not None for column in c.named("")}
    for column, key in _columns_in_use(card).items():
        if column not in rows.columns:
            hint = path_pattern.unknown(column, known) if column in paths else ""
            hint = hint or suggest(column, map(quote, known if column in paths else free))
            rows.findings.add(1, f"no column {quote(column)!r}, which {FILE} names ({key}){hint}")
    for name, c in card.columns.items():
        if c.prefix is not None and not _prefixed(c.prefix, card, rows):
            starts = dict.fromkeys(column[: len(c.prefix)] for column in rows.columns)
            what = f"no column begins with {quote(c.prefix)!r}, which {FILE} names (columns: {name})"
            rows.findings.add(1, what + suggest(c.prefix, map(quote, starts)))
    return rows.columns.__contains__


def _column(name: str, whole: Card, rows: Rows, root: Root, present: Callable[[str], bool]) -> Column | None:
    card = whole.columns[name]
    options = dict(card.options)
    files = card.kind == "text" and bool(options.pop("files", False))
    told = False
    if card.prefix is not None:
        named = tuple(_prefixed(card.prefix, whole, rows))
        cells = by_prefix(named, name, rows)
    elif card.pattern is not None:
        if (key := f"{FILLED}{name}") not in rows.columns:
            return None
        named, own = card.pattern.columns, filled_paths.alone(name, rows.columns[key], rows)
        cells = Cells(kind=card.kind, column=name, rows=own, root=root, paths=True).all()
        if all(c is None for c in cells):
            # A sample may lack its file; where all do, the path is wrong.
            paths = filled_paths.fill(card.pattern, rows, root, optional=False)
            told = elsewhere.tell(name, filled_paths.alone(name, paths, rows), root, "in `path`")
    elif card.columns:
        named = tuple(column for column in card.columns if present(column))
        cells = records(named, rows)
    elif present(column := card.column or name):
        named, inline = (column,), card.kind == "text" and not files
        reader = Cells(kind=card.kind, column=column, rows=rows, root=root)
        cells = reader.texts() if inline else reader.all()
        check_sizes(card.kind, column, cells, rows)
        if not inline and all(c is None for c in cells):
            told = elsewhere.tell(column, rows, root)
    else:
        return None
    if all(c is None for c in cells) and not told and not set(rows.numbers) <= rows.findings.rows():
        rows.findings.add(1, f"no sample has this modality; leave it out of {FILE}", column=name)
    return Column(
        kind=card.kind,
        cells=cells,
        options=options,
        named=named,
        files=files,
        path=card.path or "",
        optional=card.optional,
    )


def _prefixed(prefix: str, card: Card, rows: Rows) -> list[str]:
    """The columns that begin so and that the card does not name for something else."""
    other = _columns_in_use(card)
    found = [column for column in rows.columns if column.startswith(prefix) and column not in other]
    return [column for column in found if not column.startswith(FILLED)]


def _broken(name: str, card: Card, cells: Sequence[Cell | None], rows: Rows) -> frozenset[int]:
    """The samples that say something of this modality, of which nothing could be made."""
    named = _fields_of(name, card, rows)
    pairs = enumerate(zip(cells, *(rows.columns[c] for c in named if c in rows.columns), strict=True))
    return frozenset(i for i, (cell, *values) in pairs if cell is None and any(v is not None for v in values))


def _split(column: str, rows: Rows) -> list[str] | None:
    found = []
    for number, value in zip(rows.numbers, rows.columns[column], strict=True):
        name = "" if value is None else SPLITS.get(str(value).strip().lower())
        if name is None:
            what = f"is no split{suggest(quote(value).lower(), SPLITS)}; empty leaves it open"
            rows.findings.add(number, what, column=column, value=value)
        found.append(name or "")
    return found if any(found) else None


def _group(column: str, rows: Rows) -> list[str]:
    found = []
    for number, value in zip(rows.numbers, rows.columns[column], strict=True):
        if value is None:
            rows.findings.add(number, "has no group; a sample that belongs to none needs one of its own", column=column)
        found.append("" if value is None else label(value))
    spellings(column, (name for name in found if name), rows, "group")
    return found


def _unique(column: str, rows: Rows) -> None:
    first: dict[str, int] = {}
    for number, value in zip(rows.numbers, rows.columns[column], strict=True):
        name = "" if value is None else label(value)
        if not name:
            rows.findings.add(number, "has no identifier", column=column)
        elif first.setdefault(name, number) != number:
            where = rows.findings.files.beside(first[name], number)
            rows.findings.add(number, f"this identifier stands in {where} too", column=column, value=name)
