"""Files that lie among a data set's and that no row of its table names."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection
from pathlib import Path, PurePosixPath

from mmbench.data.files.walk import walk


def unnamed(root: Path, named: Collection[str]) -> list[str]:
    """Relative paths, sorted within folders: of every file that has the ending of one that is named, and is not.

    named: values of the table's columns, of which some are relative paths.
    """
    paths = {composed(str(PurePosixPath(name))) for name in named}
    files = list(walk(root))
    known = {file for file in files if composed(file) in paths}
    endings = {PurePosixPath(file).suffix.lower() for file in known} - {""}
    return [file for file in files if file not in known and PurePosixPath(file).suffix.lower() in endings]


def composed(name: str) -> str:
    """A name in one Unicode form; file systems and tables have either."""
    return name if name.isascii() else unicodedata.normalize("NFC", name)
