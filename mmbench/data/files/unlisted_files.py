"""What lies among a data set's files and is not used: files that no row of its table names, columns that the card does
not."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from mmbench.data.files.archive import is_archive
from mmbench.data.files.endings import ending_of, is_table, kind_of
from mmbench.data.files.folder import Contents, contents
from mmbench.data.files.left_out import LeftOut, Passed, Why, told

COLUMNS = 5
"""Columns that a line names."""


@dataclass(frozen=True, kw_only=True)
class Unlisted:
    """files: that no row names, of an ending that others have which are named. left: all else that is not used."""

    files: list[str]
    left: list[LeftOut]


def unnamed(
    root: Path,
    named: Collection[str],
    tables: Collection[str] = (),
    *,
    passed: Sequence[Passed] = (),
    elsewhere: Collection[str] = (),
) -> Unlisted:
    """What of a folder no row names. named: values of the table's columns, of which some are relative paths. tables:
    paths of those that are used. passed: files of which it is known why they are in no row. elsewhere: values
    of columns that are not used. Archives are looked into where a row names a member."""
    paths = {composed(str(PurePosixPath(name))) for name in named}
    outer = _archives(paths)
    lies = contents(root, opens=lambda path: composed(path) in outer)
    endings = {ending_of(file) for file in lies.files if composed(file) in paths} - {""}
    known = [p for p in passed if composed(p.path) not in paths and p.path not in tables]
    known += named_elsewhere(lies, {*paths, *tables, *(p.path for p in known)}, elsewhere)
    apart = {*paths, *tables, *(p.path for p in known)}
    files = [f for f in lies.files if f not in apart and composed(f) not in apart and ending_of(f) in endings]
    left = left_out(lies, named={*paths, *tables}, passed=(*lies.passed, *known), told_apart=files)
    return Unlisted(files=files, left=left)


def named_elsewhere(lies: Contents, but: Collection[str], values: Collection[str]) -> list[Passed]:
    """Files that are named in columns that are not used. but: those of which something else is said."""
    return [Passed(f, "named") for f in lies.files if f in values and f not in but and composed(f) not in but]


def left_out(
    lies: Contents, *, named: Collection[str], passed: Iterable[Passed], told_apart: Sequence[str] = ()
) -> list[LeftOut]:
    """Everything in a folder that is not used, a line for each reason. named: what the table names. passed: what was
    left out for a reason of its own. told_apart: files of which something else is said."""
    paths = {composed(str(PurePosixPath(name))) for name in named if name}
    known = list(passed)
    apart = {*paths, *told_apart, *(p.path for p in known)}
    kinds = {kind_of(path) for path in paths} - {None}
    holders = _archives(paths)
    found = [*known]
    for file in lies.files:
        if file in apart or composed(file) in apart or composed(file) in holders:
            continue
        found.append(Passed(file, _why(file, kinds)))
    return told(found)


def _archives(paths: Iterable[str]) -> set[str]:
    """The archives in which paths lie."""
    found = set()
    for path in paths:
        parts = path.split("/")
        found |= {"/".join(parts[: i + 1]) for i, part in enumerate(parts[:-1]) if is_archive(part)}
    return found


def _why(file: str, kinds: Collection[str | None]) -> Why:
    if is_archive(file):
        return "archive"
    if is_table(file):
        return "table"
    kind = kind_of(file)
    return "ending" if kind is None else "no row" if kind in kinds else "kind"


def columns_left_out(columns: Sequence[str], table: str) -> list[LeftOut]:
    """A line for the columns of a table that are not used."""
    if not columns:
        return []
    shown = ", ".join(name if name.isprintable() else ascii(name)[1:-1] for name in columns[:COLUMNS])
    are = "columns" if len(columns) > 1 else "column"
    more = f" and {len(columns) - COLUMNS} more" if len(columns) > COLUMNS else ""
    return [LeftOut(why="column", count=len(columns), what=f"{len(columns):,} {are} of {table}: {shown}{more}")]


def composed(name: str) -> str:
    """A name in one Unicode form; file systems and tables have either."""
    return name if name.isascii() else unicodedata.normalize("NFC", name)
