"""A folder of files without a table -> the rows of one: which files are one sample, and what their names say of it."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from mmbench.data.draft.guess import kind_of
from mmbench.data.table.manifest import SPLITS

MOST_FILES = 5_000_000


@dataclass(frozen=True, kw_only=True)
class Samples:
    """header and rows of a manifest. kinds: of the columns that name files. notes: what was guessed."""

    header: tuple[str, ...]
    rows: list[list[str]]
    kinds: Mapping[str, str]
    notes: tuple[str, ...]


def samples(files: Sequence[str]) -> Samples | None:
    """Group files into samples: those of one name in several kinds (a.png, a.wav), in one folder or in parallel ones
    (images/a.png, sounds/a.wav). None where no file is of a known kind."""
    known = [(f, kind) for f in files if (kind := kind_of(f)) is not None and _writable(f)]
    if not known:
        return None
    together, notes = _together(known)
    kinds = [k for k in ("image", "video", "audio", "text", "vector") if any(k in cells for cells in together.values())]
    named = _columns_from_names(list(together))
    rows, extra = [], list(named)
    for i, cells in enumerate(together.values()):
        rows.append([*(cells.get(kind, "") for kind in kinds), *(named[name][i] for name in extra)])
    doubled = sum(1 for f, _ in known) - sum(len(cells) for cells in together.values())
    if doubled:
        notes.append(f"{doubled} files are a second one of their kind and name, and were left out")
    if "label" not in extra:
        notes.append("the names say no target: fill in the column `label`")
        extra.append("label")
        rows = [[*row, ""] for row in rows]
    return Samples(header=(*kinds, *extra), rows=rows, kinds=dict(zip(kinds, kinds, strict=True)), notes=tuple(notes))


def _writable(path: str) -> bool:
    """Whether a file's name is text: it may be any bytes."""
    return path.isprintable() and not any("\ud800" <= c <= "\udfff" for c in path)


def _together(known: Sequence[tuple[str, str]]) -> tuple[dict[str, dict[str, str]], list[str]]:
    """Files by what they share of their names: the whole path but its ending, or all but the first folder too."""

    def by(key: Mapping[str, str]) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = defaultdict(dict)
        for file, kind in known:
            found[key[file]].setdefault(kind, file)
        return found

    whole = by({f: str(PurePosixPath(f).with_suffix("")) for f, _ in known})
    parallel = by({f: str(PurePosixPath(*(PurePosixPath(f).parts[1:] or (f,))).with_suffix("")) for f, _ in known})
    tops: dict[str, set[str]] = defaultdict(set)
    for file, kind in known:
        tops[PurePosixPath(file).parts[0]].add(kind)
    apart = len({k for _, k in known}) > 1 and all(len(kinds) == 1 for kinds in tops.values())
    if apart and len(parallel) < len(whole):
        return parallel, [f"files of one name in {', '.join(sorted(tops)[:5])} are one sample"]
    several = sum(len(cells) > 1 for cells in whole.values())
    return whole, ["files of one name are one sample"] if several else []


def _columns_from_names(keys: Sequence[str]) -> dict[str, list[str]]:
    """Columns that the names of the samples spell out: split and class folders, else parts of the file names."""
    folders = [PurePosixPath(key).parts[:-1] for key in keys]
    columns: dict[str, list[str]] = {}
    splits = [next((SPLITS[p.lower()] for p in parts if p.lower() in SPLITS), "") for parts in folders]
    if len(set(splits)) > 1:
        columns["split"] = splits
        folders = [tuple(p for p in parts if p.lower() not in SPLITS) for parts in folders]
    classes = [parts[-1] if parts else "" for parts in folders]
    if len(set(classes)) > 1 and all(classes):
        return {"label": classes, **columns}
    stems = [re.split(r"[_\- ]+", PurePosixPath(key).name) for key in keys]
    if len({len(parts) for parts in stems}) == 1 and len(stems[0]) > 1:
        told = [list(part) for part in zip(*stems, strict=True)]
        few = [part for part in told if 1 < len(set(part)) <= max(2, len(keys) // 3)]
        if few:
            others = {f"name_{told.index(part) + 1}": part for part in few[1:] if not _counted(part)}
            return {"label": few[0], **others, **columns}
    heads = [re.sub(r"[\W_]*\d+$", "", PurePosixPath(key).name) for key in keys]
    if all(heads) and 1 < len(set(heads)) <= len(keys) // 3:
        return {"label": heads, **columns}
    return columns


def _counted(part: Sequence[str]) -> bool:
    """Whether every value occurs about equally often and is a number: a running number, no property."""
    counts = Counter(part)
    return all(p.isdecimal() for p in counts) and len(counts) > 10
