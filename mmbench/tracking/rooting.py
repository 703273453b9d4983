"""A project's MLflow names the project's folder in every run: what a copy or a moved project does about that.

The database holds absolute addresses of artifacts. In a copy they lead into the original, and whatever is logged there
would be written into it.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote, urlsplit

ARTIFACTS = "mlartifacts"


def project_of(location: str | None) -> Path | None:
    """The folder of the project whose artifacts are kept at this address; None for an address of another form."""
    parts = urlsplit(location or "")
    path = Path(unquote(parts.path))
    if parts.scheme not in ("", "file") or path.name != ARTIFACTS:
        return None
    return path.parent


def reroot(database: Path, old: Path, new: Path) -> int:
    """Let every address below `old` in the database lead below `new`; returns how many did. Nothing else changes.

    Text columns of all tables are looked at: which of them hold addresses differs between versions of MLflow.
    """
    prefixes = [(old.as_uri() + "/", new.as_uri() + "/"), (f"{old}/", f"{new}/")]
    changed = 0
    with closing(sqlite3.connect(database)) as connection, connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            for _, column, kind, *_ in connection.execute(f'PRAGMA table_info("{table}")').fetchall():
                if not any(word in kind.upper() for word in ("CHAR", "TEXT")):
                    continue
                for before, after in prefixes:
                    found = connection.execute(
                        f'UPDATE "{table}" SET "{column}" = ? || substr("{column}", ?) '
                        f'WHERE substr("{column}", 1, ?) = ?',
                        (after, len(before) + 1, len(before), before),
                    )
                    changed += found.rowcount
    return changed
