"""The files of a folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

SKIPPED = ("dataset.yaml", "dvc.yaml", "dvc.lock", "files.txt")


def walk(folder: Path) -> Iterator[str]:
    """Every file below a folder, relative, sorted within its folder. Left out: hidden ones, those that mmbench itself
    writes there, and symbolic links that lead out."""
    inside = folder.resolve()
    for here, folders, files in os.walk(folder):
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        for name in sorted(files):
            path = Path(here, name)
            if name.startswith(".") or (Path(here) == folder and name in SKIPPED):
                continue
            if path.is_file() and path.resolve().is_relative_to(inside):
                yield path.relative_to(folder).as_posix()
