"""Files that were added to a folder become rows of its drafted manifest; what a person wrote in it stays."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass

from mmbench.data.draft.guess import kind_of
from mmbench.data.files.problems import DataError
from mmbench.data.table.findings import quote
from mmbench.data.table.rows import Rows, read
from mmbench.errors import UserError


@dataclass(frozen=True, kw_only=True)
class Updated:
    """text: of the manifest. added, completed, gone: rows that are new, that got a file, whose file is not there."""

    text: str
    added: int
    completed: int
    gone: int


def update(old: bytes, new: str, exists: Callable[[str], bool]) -> Updated:
    """old: the manifest as it is. new: as it would be drafted today. exists: whether there is a file of this name.

    Raises UserError where new files are of a kind for which the manifest has no column; DataError where it is broken.
    """
    before, after = (read("manifest.csv", io.BytesIO(text), header=True) for text in (old, new.encode()))
    if problems := before.findings.problems():
        raise DataError(problems)
    kinds = [name for name, values in after.columns.items() if any(v and kind_of(v) and exists(v) for v in values)]
    if missing := [name for name in kinds if name not in before.columns]:
        raise UserError(
            f"manifest.csv has no column {', '.join(map(quote, missing))} for the new files; add it, or draft "
            "the table again with --force"
        )
    rows = [_row(before, i) for i in range(len(before))]
    place = {row[kind]: row for row in rows for kind in kinds if row[kind] is not None}
    added = completed = 0
    for i in range(len(after)):
        row = _row(after, i)
        mine = next((place[row[kind]] for kind in kinds if row[kind] in place), None)
        if mine is None:
            rows.append({name: row.get(name) for name in before.columns})
            added += 1
            continue
        free = [kind for kind in kinds if mine[kind] is None and row[kind] is not None and row[kind] not in place]
        mine.update({kind: row[kind] for kind in free})
        completed += bool(free)
    gone = sum(any((file := row[kind]) is not None and not exists(file) for kind in kinds) for row in rows)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(before.columns)
    writer.writerows(["" if value is None else value for value in row.values()] for row in rows)
    return Updated(text=text.getvalue(), added=added, completed=completed, gone=gone)


def _row(rows: Rows, i: int) -> dict[str, str | None]:
    return {name: values[i] for name, values in rows.columns.items()}
