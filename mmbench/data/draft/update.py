"""Files that were added to a folder become rows of its drafted manifest; what a person wrote in it stays."""

from __future__ import annotations

import csv
import io
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import cache

from mmbench.data.files.endings import kind_below, stem_of
from mmbench.data.files.problems import DataError
from mmbench.data.table.findings import quote
from mmbench.data.table.rows import Rows, read
from mmbench.errors import UserError

Row = dict[str, str | None]


@dataclass(frozen=True, kw_only=True)
class Updated:
    """text: of the manifest. added, completed, gone: rows that are new, that got a file, that name one which is not
    there. waiting: of the person's own table, rows that are not in the manifest and none of whose files is there."""

    text: str
    added: int
    completed: int
    gone: int
    waiting: int = 0


def update(
    old: bytes, new: str, exists: Callable[[str], bool], *, joined: bool = False, key: str | None = None
) -> Updated:
    """old: the manifest as it is. new: as it would be drafted today. exists: whether there is a file of this name.
    joined: whether rows are those of a table, whose files may come later; key: its column that names them, if any.

    A second call changes nothing. Raises UserError where new files are of a kind for which the manifest has no column;
    DataError where it is broken.
    """
    exists = cache(exists)
    before, after = (read("manifest.csv", io.BytesIO(text), header=True) for text in (old, new.encode()))
    if problems := before.findings.problems():
        raise DataError(problems)
    kinds = [name for name, values in after.columns.items() if any(v and kind_below(v) and exists(v) for v in values)]
    if missing := [name for name in kinds if name not in before.columns]:
        raise UserError(
            f"manifest.csv has no column {', '.join(map(quote, missing))} for the new files; add it, or draft "
            "the table again with --force"
        )
    rows = [_row(before, i) for i in range(len(before))]
    here = {file for kind in kinds for file in after.columns[kind] if file is not None}
    found = _Known(rows, kinds, exists, here, joined=joined, key=key)
    added = completed = waiting = 0
    for row in (_row(after, i) for i in range(len(after))):
        mine = found.row_of(row)
        if mine is not None:
            completed += found.complete(mine, row)
        elif any(exists(file) for kind in kinds if (file := row[kind]) is not None):
            # A row without a file would only be a mistake more; it is added when its file is there.
            rows.append({name: found.spelt(name, row.get(name)) for name in before.columns})
            added += 1
        else:
            waiting += 1
    gone = sum(any((file := row[kind]) is not None and not exists(file) for kind in kinds) for row in rows)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(before.columns)
    writer.writerows(["" if value is None else value for value in row.values()] for row in rows)
    return Updated(text=text.getvalue(), added=added, completed=completed, gone=gone, waiting=waiting)


def agreement(old: bytes, new: str) -> float:
    """The share of the rows of a manifest that a draft has too: whether it reads the folder as that was read."""
    before, after = (read("manifest.csv", io.BytesIO(text)) for text in (old, new.encode()))
    shared = [name for name in before.columns if name in after.columns]
    drafted = {_said(_row(after, i), shared) for i in range(len(after))}
    same = sum(_said(_row(before, i), shared) in drafted for i in range(len(before)))
    return same / max(1, len(before)) if set(after.columns) & set(before.columns) else 0.0


class _Known:
    """The rows of the manifest, by what tells that a drafted row is one of them."""

    def __init__(
        self,
        rows: Sequence[Row],
        kinds: Sequence[str],
        exists: Callable[[str], bool],
        here: Collection[str],
        *,
        joined: bool,
        key: str | None,
    ) -> None:
        """here: the files of today, as they are written."""
        self.kinds, self.exists = kinds, exists
        self.key = key if rows and key in rows[0] else None
        self.place = {file: row for row in rows for kind in kinds if (file := row[kind]) is not None}
        # Copied from another system, a folder may come back with its names in the other Unicode form.
        self.renamed = {_form(file): row for file, row in self.place.items() if file not in here}
        self.spellings = {(name, _form(v)): v for row in rows for name, v in row.items() if name not in kinds and v}
        self.taken: set[int] = set()
        # Of a table, rows whose files were not there. Of a folder, a file of the same name is another sample.
        self.open: dict[tuple[str, ...], list[Row]] = defaultdict(list)
        for row in rows if joined else ():
            if not any(exists(file) for kind in kinds if (file := row[kind]) is not None):
                for way in self._ways(row):
                    self.open[way].append(row)

    def _ways(self, row: Row) -> list[tuple[str, ...]]:
        """What may tell that two rows are one: the name of the sample, of its files, or all else that they say."""
        ways: list[tuple[str, ...]] = (
            [("key", _form(str(row[self.key])))] if self.key is not None and row.get(self.key) else []
        )
        ways += [
            ("name", kind, _form(stem_of(file)).casefold()) for kind in self.kinds if (file := row[kind]) is not None
        ]
        return ways or [self._own(row)]

    def _own(self, row: Row) -> tuple[str, ...]:
        return ("own", *(_form(row[name] or "") for name in row if name not in self.kinds))

    def row_of(self, row: Row) -> Row | None:
        """The row of the manifest that a drafted one is; None where it is new."""
        for kind in self.kinds:
            if (file := row[kind]) is not None and (mine := self._named(file)) is not None:
                return mine
        for way in [*self._ways(row), self._own(row)] if self.open else ():
            free = [mine for mine in self.open.get(way, ()) if id(mine) not in self.taken]
            # Two rows that say the same and name nothing cannot be told apart.
            if free and (way[0] != "own" or len(free) == 1):
                self.taken.add(id(free[0]))
                return free[0]
        return None

    def spelt(self, column: str, value: str | None) -> str | None:
        """A value as the manifest spells it already, such as a class; what names a file stays as it is."""
        return self.spellings.get((column, _form(value)), value) if value is not None else None

    def _named(self, file: str) -> Row | None:
        return self.place.get(file) or self.renamed.get(_form(file))

    def complete(self, mine: Row, row: Row) -> bool:
        """Give a row the files that are there, of kinds of which it has none that is. Whether it got one."""
        free = {
            kind: file
            for kind in self.kinds
            if (file := row[kind]) is not None
            and self._named(file) is None
            and self.exists(file)
            and self._lacks(mine, kind)
        }
        mine.update(free)
        self.place |= dict.fromkeys(free.values(), mine)
        return bool(free)

    def _lacks(self, row: Row, kind: str) -> bool:
        """Whether a row has no file of a kind, or names one of another folder or ending that is not there."""
        file = row[kind]
        return file is None or not self.exists(file)


def _said(row: Row, columns: Sequence[str]) -> tuple[str | None, ...]:
    return tuple(None if (value := row[name]) is None else _form(value) for name in columns)


def _form(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def _row(rows: Rows, i: int) -> Row:
    return {name: values[i] for name, values in rows.columns.items()}
