"""Several tables that make one manifest: shards, or a table for each split. Their rows are counted on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import PurePosixPath
from typing import Any

from mmbench.data.files.source import Root
from mmbench.data.table.card import Part
from mmbench.data.table.findings import Files, Findings
from mmbench.data.table.rows import Rows

OWN_FOLDER = ("metadata",)
"""A table of this name, of the Hub's, names files from its own folder on."""


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
