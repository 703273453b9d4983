"""What is told of finished trials, kept beside the ledger so that it is found without opening a hundred thousand files.

The index is made from the ledger and can be deleted at any time. An entry holds as long as the trial's files are those
from which it was made: their sizes and the moments of their last change are compared.
"""

from __future__ import annotations

import json
import os
import sqlite3
import zlib
from collections.abc import Collection, Iterable
from contextlib import closing, suppress
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from mmbench.ledger.briefs import Brief, Fingerprints
from mmbench.schema.metric import METRICS
from mmbench.schema.result import State

LAYOUT = 1
"""Counts changes of the table and of what makes a file of the ledger valid."""
AT_ONCE = 256
"""Entries that are written together."""


class Stamp(NamedTuple):
    """Tells whether a trial's files are those that were there before.

    Attributes:
        own: Of its JSON and what was measured.
        outputs: Of these; None where they were not looked at.
    """

    own: int
    outputs: int | None

    def holds(self, now: Stamp) -> bool:
        return self.own == now.own and (now.outputs is None or self.outputs == now.outputs)


def stamp_of(trial_id: str, folder: int, names: Collection[str] | None = None, *, outputs: bool = True) -> Stamp | None:
    """None where the trial has no JSON.

    folder: opened. names: of all that is in it, where they are known. outputs: whether to look at them as well.
    """
    own = _facts(f"{trial_id}.json", folder, names)
    if own is None:
        return None
    beside = _facts(f"{trial_id}.measured.json", folder, names)
    kept = f"{trial_id}.safetensors"
    there = _facts(kept, folder, names) if outputs else None
    # Of whole numbers, Python's hash is the same in every process.
    return Stamp(hash((own, beside or 0)), hash(there or 0) if outputs else None)


def _facts(name: str, folder: int, names: Collection[str] | None) -> tuple[int, int] | None:
    """The moment of the last change, which nobody can set, and the size; None where there is no such file."""
    if names is not None and name not in names:
        return None
    try:
        found = os.stat(name, dir_fd=folder)
    except OSError:
        return None
    return found.st_ctime_ns, found.st_size


def _version() -> int:
    """What is odd about a result depends on the metrics that are installed: with others, all is read again."""
    return zlib.crc32(" ".join([str(LAYOUT), *sorted(METRICS)]).encode()) & 0x7FFFFFFF


@lru_cache(maxsize=4096)
def _common(text: str) -> tuple[dict[str, float | None], Fingerprints | None]:
    """What most trials share."""
    limits, fingerprints = json.loads(text)
    return limits, None if fingerprints is None else Fingerprints(*fingerprints)


class Index:
    """Of one ledger. An index that cannot be read or written is none: all is found by reading the ledger."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._new: dict[str, tuple[Stamp, Brief]] = {}

    def read(self) -> dict[str, tuple[Stamp, Brief]]:
        """By trial, the stamp of the files and what was made from them."""
        self.flush()
        if not self.file.exists():
            return {}
        try:
            with closing(self._open()) as database:
                rows = database.execute("SELECT * FROM briefs").fetchall()
            return {row[0]: (Stamp._make(row[1:3]), _from_row(row)) for row in rows}
        except (sqlite3.Error, ValueError, TypeError, KeyError):
            with suppress(OSError):
                self.file.unlink(missing_ok=True)
            return {}

    def add(self, stamp: Stamp, brief: Brief) -> None:
        """Kept with others, by `flush` at the latest."""
        self._new[brief.trial_id] = stamp, brief
        if len(self._new) >= AT_ONCE:
            self.flush()

    def flush(self) -> None:
        """Write what was added since."""
        new, self._new = self._new, {}
        if new:
            with suppress(sqlite3.Error, OSError), closing(self._open()) as database, database:
                rows = (_as_row(stamp, brief) for stamp, brief in new.values())
                database.executemany("INSERT OR REPLACE INTO briefs VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)

    def complete_at(self) -> int | None:
        """The moment of the folder's last change when the index held all that was in it, and nothing odd was; None
        where it is not known."""
        with suppress(sqlite3.Error, OSError), closing(self._open()) as database:
            found = database.execute("SELECT changed FROM complete").fetchone()
            return None if found is None else int(found[0])
        return None

    def complete(self, changed: int | None) -> None:
        """It holds all that is in the folder, which was changed then for the last time; None: it does not."""
        with suppress(sqlite3.Error, OSError), closing(self._open()) as database, database:
            database.execute("DELETE FROM complete")
            if changed is not None:
                database.execute("INSERT INTO complete VALUES (?)", (changed,))

    def forget(self, gone: Iterable[str]) -> None:
        """Leave these trials out."""
        gone = list(gone)
        if not gone:
            return
        with suppress(sqlite3.Error, OSError), closing(self._open()) as database, database:
            database.executemany("DELETE FROM briefs WHERE trial_id = ?", ((i,) for i in gone))

    def _open(self) -> sqlite3.Connection:
        database = sqlite3.connect(self.file, timeout=10)
        version = _version()
        try:
            # It can be made again: no wait for the disk.
            database.execute("PRAGMA synchronous = OFF")
            if database.execute("PRAGMA user_version").fetchone() != (version,):
                with database:
                    database.execute("DROP TABLE IF EXISTS briefs")
                    database.execute(
                        "CREATE TABLE briefs (trial_id TEXT PRIMARY KEY, own INTEGER, outputs INTEGER, state TEXT, "
                        "message TEXT, started TEXT, seconds REAL, common TEXT) WITHOUT ROWID"
                    )
                    database.execute("DROP TABLE IF EXISTS complete")
                    database.execute("CREATE TABLE complete (changed INTEGER)")
                    database.execute(f"PRAGMA user_version = {version}")
        except BaseException:
            database.close()
            raise
        return database


_STATES = {state.value: state for state in State}


Row = tuple[str, int, int | None, str, str | None, str, float, str]


def _from_row(row: Row) -> Brief:
    return Brief(row[0], _STATES[row[3]], row[4], row[5], row[6], *_common(row[7]))


def _as_row(stamp: Stamp, brief: Brief) -> Row:
    common = json.dumps([brief.limits, brief.fingerprints], sort_keys=True)
    return brief.trial_id, *stamp, brief.state.value, brief.message, brief.started, brief.seconds, common
