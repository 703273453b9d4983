"""The files of a folder, and what of it is passed over."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from mmbench.data.files.left_out import Passed, Why

SKIPPED = ("dataset.yaml", "dvc.yaml", "dvc.lock", "files.txt")
SYSTEM = ("__macosx", "thumbs.db", "desktop.ini", "@eadir", "$recycle.bin", "system volume information")
"""What systems put into folders and archives, beside what is hidden; in lower case."""


def is_system(name: str) -> bool:
    """Whether a file or folder of this name is hidden, or the system's own."""
    return name.startswith(".") or name.lower() in SYSTEM


def walk(folder: Path, passed: list[Passed] | None = None) -> Iterator[str]:
    """Every file below a folder, relative, sorted within its folder. Left out: hidden ones and the system's, those that
    mmbench itself writes there, symbolic links that lead out or to folders, and what is no regular file.

    passed: is given all that is left out but mmbench's own; hidden folders as one, not file by file.
    """
    said: list[Passed] = [] if passed is None else passed
    inside, waiting = folder.resolve(), [""]
    while waiting:
        here = waiting.pop()
        try:
            with os.scandir(folder / here) as found:
                entries = sorted(found, key=lambda entry: entry.name)
        except OSError:
            said.append(Passed(here or ".", "closed"))
            continue
        below = []
        for entry in entries:
            path = f"{here}{entry.name}"
            if entry.is_dir(follow_symlinks=False):
                if is_system(entry.name):
                    said += [Passed(file, "system") for file in _within(entry, path)]
                else:
                    below.append(f"{path}/")
            elif is_system(entry.name):
                said.append(Passed(path, "system"))
            elif not here and entry.name in SKIPPED:
                continue
            elif entry.is_symlink():
                if (why := _link(Path(entry.path), inside)) is None:
                    yield path
                else:
                    said.append(Passed(path, why))
            elif entry.is_file(follow_symlinks=False):
                yield path
            else:
                said.append(Passed(path, "special"))
        waiting += reversed(below)


def _within(folder: os.DirEntry[str], path: str) -> list[str]:
    """What is told of a hidden folder: itself, or the files in it where macOS made it beside those of an archive."""
    if folder.name.startswith("."):
        return [path]
    return [
        f"{path}/{Path(here, name).relative_to(folder.path).as_posix()}"
        for here, _, names in os.walk(folder.path)
        for name in sorted(names)
    ]


def _link(path: Path, inside: Path) -> Why | None:
    """Why a symbolic link is passed over; None where it is a file below the folder."""
    try:
        target = path.resolve(strict=True)
    except (OSError, RuntimeError):
        return "broken link"
    if target.is_dir():
        return "linked folder"
    if not target.is_relative_to(inside):
        return "link"
    return None if target.is_file() else "special"
