"""The files of a folder by the levels of folders that they lie in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath
from typing import Literal

from mmbench.data.files.endings import kind_below, stem_of

Role = Literal["split", "class", "modality", "group", "-"]
"""What a level of folders says of the files below."""
NEARLY, MOSTLY, SOME = 0.95, 0.8, 0.5
"""Shares of the samples that are in every folder of a level, or of the files that a rule holds for."""


@dataclass(frozen=True)
class File:
    """path: relative. folders: those that it lies in, without the outermost ones that all files share. name: the stem,
    where a word of it counts as one more folder, innermost."""

    path: str
    folders: tuple[str, ...]
    name: str = ""

    @cached_property
    def kind(self) -> str:
        return kind_below(self.path) or ""

    @cached_property
    def stem(self) -> str:
        return self.name or stem_of(self.path)

    def at(self, level: int) -> str:
        return self.folders[level] if level < len(self.folders) else ""

    def key(self, without: int | None) -> tuple[str, ...]:
        """What the files of one sample share: folders but one, and the name."""
        rest = self.folders if without is None else self.folders[:without] + self.folders[without + 1 :]
        return (*rest, self.stem)


def files_of(paths: Sequence[str]) -> list[File]:
    """Without the outermost folders that all files, but those that lie in none, share."""
    parents = [PurePosixPath(path).parts[:-1] for path in paths]
    deep = [p for p in parents if p]
    same = 0
    if deep:
        same = next((i for i, level in enumerate(zip(*deep, strict=False)) if len(set(level)) > 1), min(map(len, deep)))
    return [File(path, tuple(p[same:])) for path, p in zip(paths, parents, strict=True)]


def values_at(files: Sequence[File], level: int) -> list[str]:
    return sorted({f.at(level) for f in files})


def by_kind(files: Sequence[File]) -> dict[str, list[File]]:
    """The files of each kind."""
    found: dict[str, list[File]] = defaultdict(list)
    for f in files:
        found[f.kind].append(f)
    return found


def names_by_folder(files: Sequence[File]) -> list[list[str]]:
    """The names in each innermost folder."""
    found: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for f in files:
        found[f.folders].append(f.stem)
    return list(found.values())


def with_role(roles: tuple[Role, ...], level: int, role: Role) -> tuple[Role, ...]:
    """The roles, another at one level."""
    return (*roles[:level], role, *roles[level + 1 :])
