"""Why none of the files that a column names is there: they may lie in another folder than the paths start from."""

from __future__ import annotations

from pathlib import PurePosixPath

from mmbench.data.files.source import Root
from mmbench.data.files.unlisted_files import composed
from mmbench.data.files.walk import walk
from mmbench.data.table.card import FILE
from mmbench.data.table.findings import quote
from mmbench.data.table.rows import Rows

FEWEST = 4
"""Files of a column that are missing, from which on there is one reason for all."""


def tell(column: str, rows: Rows, root: Root, place: str = "in the table") -> bool:
    """Tells that no file of a column is there, and where they lie, before each is told on its own. place: where
    paths are written. Returns whether that was to be told."""
    names = [v for v in rows.columns[column] if isinstance(v, str) and "://" not in v]
    if len(names) < FEWEST or any(root.exists(name) for name in names[:FEWEST]):
        return False
    what = f"none of the {len(names)} files that it names is below {root.folder}"
    rows.findings.add(1, f"{what}; {_where(names[0], root, place)}", column=column)
    return True


def _where(name: str, root: Root, place: str) -> str:
    path = PurePosixPath(composed(name.replace("\\", "/")))
    found = [file for file in walk(root.folder) if PurePosixPath(composed(file)).name == path.name]
    ending = [file for file in found if composed(file).endswith(f"/{path}")]
    if len(ending) == 1:
        folder = root.folder / ending[0][: -len(str(path)) - 1]
        return f"{quote(name)!r} lies in {folder}: write it as `root` in {FILE}, or the whole path {place}"
    if found:
        return f"a file of that name is {quote(found[0])!r}: write paths from there on"
    return f"are the files in another folder? Then name it as `root` in {FILE}"
