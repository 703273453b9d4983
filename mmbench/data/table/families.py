"""Which tables of a folder belong together by their names: shards of one, or a table for each split."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from mmbench.data.table.card import SPLIT_NAMES, Part

SUFFIX = re.compile(r"\.(csv|tsv|jsonl|ndjson|json|parquet)(\.gz)?$", re.IGNORECASE)
_COUNTED = re.compile(r"(.*?)[-_. ]*(\d+)-of-(\d+)", re.DOTALL)
_NUMBERED = re.compile(r"(.*?)[-_. ]*(\d+)", re.DOTALL)
_WORDS = re.compile(r"[-_. ]+")


@dataclass(frozen=True, kw_only=True)
class Name:
    """What the name of a table says. base: what its family shares. shard, of: of a part of a table, else -1; `of` also
    where only numbers tell the parts apart."""

    file: str
    base: tuple[str, ...]
    split: str = ""
    shard: int = -1
    of: int = -1


def parse(file: str) -> Name:
    """`data/train-00001-of-00003.parquet` -> a shard of train, of the family of .parquet in data."""
    path = PurePosixPath(file)
    ending = SUFFIX.search(path.name)
    stem, suffix = (path.name[: ending.start()], ending.group(0).lower()) if ending else (path.name, "")
    shard = of = -1
    if counted := _COUNTED.fullmatch(stem):
        stem, shard, of = counted[1], int(counted[2]), int(counted[3])
    elif numbered := _NUMBERED.fullmatch(stem):
        stem, shard = numbered[1], int(numbered[2])
    words = [word for word in _WORDS.split(stem.lower()) if word]
    folders = list(path.parts[:-1])
    named = [word for word in words if word in SPLIT_NAMES]
    if len(named) == 1:
        words.remove(named[0])
    elif not named and len(inside := [f for f in folders if f.lower() in SPLIT_NAMES]) == 1:
        named = inside
        folders.remove(inside[0])
    split = SPLIT_NAMES[named[0].lower()] if len(named) == 1 else ""
    return Name(file=file, base=(*folders, *words, suffix), split=split, shard=shard, of=of)


def family(of: str, tables: Iterable[str]) -> list[Name]:
    """The tables that belong with one of them, itself among them, in the order of splits and shards."""
    mine = parse(of)
    same = [name for name in map(parse, tables) if name.base == mine.base and (name.of > 0) == (mine.of > 0)]
    if mine.split:
        found = [name for name in same if name.split]
    else:
        found = [name for name in same if not name.split and name.shard >= 0] if mine.shard >= 0 else [mine]
    order = ("train", "validation", "test", "")
    return sorted(found, key=lambda name: (order.index(name.split), name.shard, name.file))


def gaps(names: Iterable[Name]) -> list[str]:
    """What shards say of others that are not there, such as `train: 2 of 3`."""
    seen: dict[tuple[str, int], set[int]] = {}
    for name in names:
        if name.of > 0:
            seen.setdefault((name.split, name.of), set()).add(name.shard)
    return [
        f"{split or 'the table'} has {len(shards)} of {of} shards"
        for (split, of), shards in seen.items()
        if len(shards) < of
    ]


def as_parts(names: Iterable[Name]) -> tuple[Part, ...]:
    """As in a card: by split where there are several, else a list."""
    names = list(names)
    several = len({name.split for name in names}) > 1
    return tuple(Part(file=name.file, split=name.split if several else "") for name in names)  # type: ignore[arg-type]


def as_manifest(parts: Iterable[Part]) -> object:
    """What a card says of these tables under `manifest`."""
    by_split: dict[str, list[str]] = {}
    for part in parts:
        by_split.setdefault(part.split, []).append(part.file)
    short = {split: files[0] if len(files) == 1 else files for split, files in by_split.items()}
    return short[""] if list(short) == [""] else short
