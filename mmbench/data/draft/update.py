"""Files that were added to a folder become rows of its drafted manifest; what a person wrote in it stays."""

from __future__ import annotations

import csv
import io
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

from mmbench.data.files.endings import kind_below, stem_of
from mmbench.data.files.problems import DataError
from mmbench.data.table.findings import quote
from mmbench.data.table.rows import Rows, read
from mmbench.errors import UserError

Row = dict[str, str | None]

SHOWN = 3
"""Rows that a note names."""


@dataclass(frozen=True, kw_only=True)
class Updated:
    """text: of the manifest. added, completed, gone: rows that are new, that got a file, that name one which is not
    there. waiting: of the person's own table, rows that are not in the manifest and none of whose files is there; late:
    a file of each. unclear: rows of the manifest that could mean several files, by their number, with these."""

    text: str
    added: int
    completed: int
    gone: int
    waiting: int = 0
    late: tuple[str, ...] = ()
    unclear: Mapping[int, Sequence[str]] = field(default_factory=dict)

    def notes(self) -> list[str]:
        """What a person should know of rows: the cause, which they are, and what to do."""
        said = []
        if self.unclear:
            rows = [f"row {row}: {' or '.join(map(quote, files))}" for row, files in self.unclear.items()]
            many = _rows(len(self.unclear))
            said.append(
                f"several files have the name that {many} of manifest.csv give{'s' if len(rows) == 1 else ''} "
                f"{_some(rows)}: write the path of the right one there"
            )
        if self.waiting:
            said.append(
                f"no file is there of {_rows(self.waiting)} of the table {_some([quote(file) for file in self.late])}: "
                f"{'it is' if self.waiting == 1 else 'they are'} not added; run this again when the files are there"
            )
        return said


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count:,} rows"


def _some(items: Sequence[str]) -> str:
    return f"({', '.join(items[:SHOWN])}{', ...' if len(items) > SHOWN else ''})"


def update(
    old: bytes,
    new: str,
    exists: Callable[[str], bool],
    *,
    joined: bool = False,
    key: str | None = None,
    several: Mapping[int, Sequence[str]] | None = None,
) -> Updated:
    """old: the manifest as it is. new: as it would be drafted today. exists: whether there is a file of this name.
    joined: whether rows are those of a table, whose files may come later; key: its column that names them, if any;
    several: of drafted rows, counted from 0, that could mean several files, these.

    A second call changes nothing. Raises UserError where new files are of a kind for which the manifest has no column;
    DataError where it is broken.
    """
    exists = cache(exists)
    before, after = (read("manifest.csv", io.BytesIO(text), header=True) for text in (old, new.encode()))
    if problems := before.findings.problems():
        raise DataError(problems)
    kinds = [name for name, values in after.columns.items() if any(v and kind_below(v) and exists(v) for v in values)]
    if not kinds:
        raise UserError(
            "no column of manifest.csv names files: the card's `path` puts their names together, and new rows are for "
            "you to add; --force drafts the table again"
        )
    if missing := [name for name in kinds if name not in before.columns]:
        raise UserError(
            f"manifest.csv has no column {', '.join(map(quote, missing))} for the new files; add it, or draft "
            "the table again with --force"
        )
    rows = [_row(before, i) for i in range(len(before))]
    number = {id(row): before.numbers[i] for i, row in enumerate(rows)}
    here = {file for kind in kinds for file in after.columns[kind] if file is not None}
    found = _Known(rows, kinds, exists, here, joined=joined, key=key)
    added = completed = 0
    late: list[str] = []
    unclear: dict[int, Sequence[str]] = {}
    doubtful = several or {}
    drafted = [_row(after, i) for i in range(len(after))]

    def is_there(row: Row) -> bool:
        return any(exists(file) for kind in kinds if (file := row[kind]) is not None)

    # Those without a file first: of rows that say the same, as many stay as they are.
    for i, row in sorted(enumerate(drafted), key=lambda one: is_there(one[1])):
        mine = found.row_of(row)
        if mine is not None:
            completed += found.complete(mine, row)
            if i in doubtful and id(mine) in number and not is_there(mine):
                unclear[number[id(mine)]] = doubtful[i]
        elif any(found.has(file) for file in doubtful.get(i, ())):
            # A person has written which file it is.
            continue
        elif is_there(row):
            # A row without a file would only be a mistake more; it is added when its file is there.
            rows.append({name: found.spelt(name, row.get(name)) for name in before.columns})
            added += 1
        else:
            late.append(next((file for kind in kinds if (file := row[kind]) is not None), f"row {after.numbers[i]}"))
    gone = [row for row in rows if any((file := row[kind]) is not None and not exists(file) for kind in kinds)]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(before.columns)
    writer.writerows(["" if value is None else value for value in row.values()] for row in rows)
    return Updated(
        text=text.getvalue(),
        added=added,
        completed=completed,
        gone=sum(number.get(id(row)) not in unclear for row in gone),
        waiting=len(late),
        late=tuple(late),
        unclear=dict(sorted(unclear.items())),
    )


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
                # Of several rows of one name, each gets the file that has just been given to the first.
                return (self._free(row) if id(mine) in self.taken else None) or mine
        return self._free(row)

    def _free(self, row: Row) -> Row | None:
        """A row without a file that the drafted one may be. Of several that say the same, it is no matter which."""
        for way in [*self._ways(row), self._own(row)] if self.open else ():
            free = next((mine for mine in self.open.get(way, ()) if id(mine) not in self.taken), None)
            if free is not None:
                self.taken.add(id(free))
                return free
        return None

    def spelt(self, column: str, value: str | None) -> str | None:
        """A value as the manifest spells it already, such as a class; what names a file stays as it is."""
        return self.spellings.get((column, _form(value)), value) if value is not None else None

    def has(self, file: str) -> bool:
        """Whether a row names this file."""
        return self._named(file) is not None

    def _named(self, file: str) -> Row | None:
        return self.place.get(file) or self.renamed.get(_form(file))

    def complete(self, mine: Row, row: Row) -> bool:
        """Give a row the files that are there, of kinds of which it has none that is. Whether it got one."""
        free = {
            kind: file
            for kind in self.kinds
            if (file := row[kind]) is not None
            and ((other := self._named(file)) is None or id(other) in self.taken)
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
