"""Several tables that make one manifest: shards, or a table for each split. Their rows are counted on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from mmbench.data.files.problems import CellError, DataError, Problem
from mmbench.data.files.source import Root
from mmbench.data.table import rows as reading_rows
from mmbench.data.table.card import CSV, FILE, Card, Part
from mmbench.data.table.findings import Files, Findings, quote
from mmbench.data.table.rows import Rows

MANY = 10
"""Tables that a note names."""
OWN_FOLDER = ("metadata",)
"""A table of this name, of the Hub's, names files from its own folder on."""


def read(card: Card, folder: Path, root: Root, columns: Mapping[str, str]) -> Rows:
    """The rows of every table of the card's manifest. columns: those it names -> where it does. Raises DataError where
    there is nothing to go on with."""
    prefixes = tuple(c.prefix for c in card.columns.values() if c.prefix)
    files = {
        c.column or name
        for name, c in card.columns.items()
        if c.kind != "table" and c.path is None and (c.kind != "text" or c.options.get("files"))
    }
    near, tables, size = Root(folder), [], 0
    for part in card.parts:
        try:
            source = (near if near.exists(part.file) else root).source(part.file)
            size += source.file.stat().st_size if source.file is not None else 0
            if size > reading_rows.MAX_BYTES and len(card.parts) > 1:
                what = (
                    f"with the tables before it is larger than {reading_rows.MAX_BYTES >> 30} GiB; name files in them"
                )
                raise DataError([Problem(where=f"{quote(part.file)} row 1", what=what)])
            with source.open() as stream:
                header = card.header if CSV.search(part.file) else None
                found = reading_rows.read(
                    part.file, stream, lambda name: name in columns or name.startswith(prefixes or "\0"), header
                )
        except CellError as error:
            where = "" if root.folder == near.folder else f" (looked for beside the card and in {root.folder})"
            raise DataError([Problem(where=f"{quote(part.file)} row 1", what=f"{error}{where}")]) from None
        if found.headless:
            what = (
                f"the first line looks like a sample and not like a header: {found.headless}. Write `header: false` in "
                f"{FILE} (the columns are column_1, column_2, ... then), or `header: true` where it is one"
            )
            raise DataError([Problem(where=f"{quote(part.file)} row 1", what=what)])
        from_own_folder(found, part.file, root, files.__contains__)
        tables.append(found)
    rows = joined(card.parts, tables)
    _whole(rows, columns)
    return rows


def _whole(rows: Rows, columns: Mapping[str, str]) -> None:
    """Tells columns that some tables of several lack. Raises DataError where samples have no target for that reason."""
    for column, key in columns.items():
        if files := rows.lacking.get(column):
            tables = ", ".join(map(quote, files[:MANY]))
            if not key.startswith("columns"):
                what = (
                    f"no column {quote(column)!r}, which {FILE} names ({key}); leave the table out, or add the column"
                )
                raise DataError([Problem(where=f"{quote(file)} row 1", what=what) for file in files])
            rows.findings.notes.append(f"{tables}: no column {quote(column)!r}; it is missing in all samples there")


def joined(parts: Sequence[Part], tables: Sequence[Rows]) -> Rows:
    """The rows of all. A column that a table lacks is empty in its rows, and in `lacking`."""
    if len(tables) == 1 and not parts[0].split:
        return tables[0]
    before = [0]
    for rows in tables[:-1]:
        last = max((*rows.numbers, *rows.findings.rows(), 1))
        before.append(before[-1] + last)
    files = Files(tuple(part.file for part in parts), tuple(before))
    findings = Findings(parts[0].file, tables=files)
    numbers: list[int] = []
    splits: list[str] = []
    names = dict.fromkeys(name for rows in tables for name in rows.columns)
    columns: dict[str, list[Any]] = {name: [] for name in names}
    for part, rows, offset in zip(parts, tables, before, strict=True):
        findings.take(rows.findings, offset)
        numbers += [offset + number for number in rows.numbers]
        splits += [part.split] * len(rows)
        for name, values in columns.items():
            # A column that nobody needs is not read: it has no values.
            values += rows.columns.get(name) or [None] * len(rows)
    lacking = {
        name: tuple(p.file for p, r in zip(parts, tables, strict=True) if name not in r.columns) for name in names
    }
    return Rows(
        file=parts[0].file,
        columns=columns,
        numbers=numbers,
        findings=findings,
        headless=next((rows.headless for rows in tables if rows.headless), ""),
        lacking={name: files for name, files in lacking.items() if files},
        splits=tuple(splits) if any(splits) else None,
    )


def from_own_folder(rows: Rows, file: str, root: Root, wanted: Callable[[str], bool]) -> None:
    """Lets the paths in a table of a sub-folder start from the root, in place, where they start from its own folder."""
    folder = PurePosixPath(file).parent
    if folder == PurePosixPath("."):
        return
    own = PurePosixPath(file).name.split(".")[0] in OWN_FOLDER
    for name, values in rows.columns.items():
        if not wanted(name):
            continue
        for i, value in enumerate(values):
            if not isinstance(value, str) or "\0" in value or len(value) > 4096:
                continue
            there = str(folder / value)
            if (own or not root.exists(value)) and root.exists(there):
                values[i] = there
