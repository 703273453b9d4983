"""A table that says not where its files lie, but what they are called: joined with the files that are there.

A name whose file is not there, or that several files have, is never an empty field, which would be a missing modality:
it is written as a path that leads nowhere, so that `check` reports its row until it is put right.
"""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from mmbench.data.files.endings import ending_of, kind_of, stem_of
from mmbench.data.files.unlisted_files import composed
from mmbench.data.table.findings import quote
from mmbench.data.table.manifest import SPLITS
from mmbench.data.table.rows import Rows
from mmbench.data.table.values import label

HITS, ALL = 0.5, 0.8
"""Shares of the rows: that name files, where a column is one of names; of which something holds, where it is a rule."""
WORD = re.compile(r"[_\-. ]+")
"""What stands between the words of a folder's name."""

SHOWN = 2
"""Rows that a note names."""


@dataclass(frozen=True, kw_only=True)
class Joined:
    """text: of manifest.csv. notes: how it was joined, and what could not be. key: the column that names the sample of
    a row, where the manifest still has it. told: rows that have files of their own for certain,
    and none that another has. several: rows that could mean several files -> these."""

    text: str
    notes: tuple[str, ...]
    key: str | None
    told: int = 0
    several: Mapping[int, tuple[str, ...]] = field(default_factory=dict)


@dataclass(kw_only=True)
class _Names:
    """One column of names, and the files of those names. whole: with their endings. places: of the table's rows."""

    column: str
    whole: bool
    texts: list[str]
    found: list[list[str]]
    loose: list[int] = field(default_factory=list)

    @property
    def hits(self) -> int:
        return sum(map(bool, self.found))


def join(table: Rows, files: Sequence[str]) -> Joined | None:
    """A manifest with a column for every kind of file that a column of the table names by its bare name (`7.png`, or
    `7` for 7.png and 7.wav; `cat/7` too), or for every one of parallel folders. None where no column does so."""
    known = [f for f in files if kind_of(f) is not None]
    index = _Index(known)
    tried = (_named(column, table, index, whole) for column in table.columns for whole in (True, False))
    likely = [names for names in tried if names is not None]
    if not likely:
        return None
    names = max(likely, key=lambda n: n.hits)
    what = "file names" if names.whole else "file names without their endings"
    notes = [f"{names.column} holds {what}: joined with the files into a manifest.csv of its own"]
    cells, several = _cells(table, names, notes)
    own = [i for i, paths in enumerate(names.found) if paths and i not in several]
    told = len({tuple(cells[i].values()) for i in own})
    text = _text(table, cells, without=names.column if names.whole else "")
    doubtful = {i: tuple(names.found[i]) for i in sorted(several)}
    key = None if names.whole else names.column
    return Joined(text=text, notes=tuple(notes), key=key, told=told, several=doubtful)


class _Index:
    """The files of a folder by the last parts of their paths, as many as a column's names have."""

    def __init__(self, files: Sequence[str]) -> None:
        self.files = files
        self.exact = cache(self._exact)
        self.alike = cache(self._alike)

    def _exact(self, depth: int, whole: bool) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for file in self.files:
            *folders, name = file.rsplit("/", depth)[-depth:]
            found.setdefault(composed("/".join([*folders, name if whole else stem_of(name)])), []).append(file)
        return found

    def _alike(self, depth: int, whole: bool) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for key, files in self.exact(depth, whole).items():
            found.setdefault(_plain(key), []).extend(files)
        return found


def _named(column: str, table: Rows, index: _Index, whole: bool) -> _Names | None:
    """The files that a column names; None where it is no column of names."""
    values = table.columns[column]
    texts = ["" if v is None or isinstance(v, (list, dict, bytes)) else label(v) for v in values]
    depths = Counter(text.count("/") for text in texts if text)
    if not depths:
        return None
    depth = depths.most_common(1)[0][0] + 1
    exact = index.exact(depth, whole)
    # Classes 0 to 9 are no names of 0.png to 9.png among thousands of files.
    endings = {ending_of(text) for text in texts}
    # Of names with endings, files of other endings are beside the point.
    alike_files = sum(ending_of(name) in endings for name in exact) if whole else len(exact)
    if len(set(texts)) < HITS * alike_files:
        return None
    names = _Names(column=column, whole=whole, texts=texts, found=[exact.get(composed(text), []) for text in texts])
    lost = [i for i, text in enumerate(texts) if text and not names.found[i]]
    alike = index.alike(depth, whole) if lost else {}
    for i in lost:
        if here := alike.get(_plain(texts[i]), []):
            names.found[i] = here
            names.loose.append(i)
    return names if names.hits >= HITS * len(texts) else None


def _plain(name: str) -> str:
    """What names share that differ in case, or in how letters are composed."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _cells(table: Rows, names: _Names, notes: list[str]) -> tuple[list[dict[str, str]], set[int]]:
    """Of every row: column -> path. And the rows that could mean several files."""
    # Names may begin anew in every split: a file in a folder of another one is another's.
    names.found = [
        [path for path in paths if split is None or _split_of(path) in (None, split)]
        for paths, split in zip(names.found, splits_of(table), strict=True)
    ]
    choices = [_by_kind(paths) for paths in names.found]
    for i, kinds in enumerate(choices):
        for kind, paths in kinds.items():
            if len(paths) > 1:
                kinds[kind] = _told_apart(paths, _words(table, i))
    slots = _slots(choices)
    cells: list[dict[str, str]] = [{} for _ in choices]
    several: list[int] = []
    for i, kinds in enumerate(choices):
        for kind, paths in kinds.items():
            for slot, path in _placed(kind, paths, slots):
                cells[i][slot] = path
            if len(paths) > 1 and kind not in slots:
                # It leads nowhere, and so is told as long as it stands there.
                cells[i][kind] = PurePosixPath(paths[0]).name
                several.append(i)
    usual = Counter(slot for row in cells for slot in row)
    found = sum(map(bool, cells))
    # What nearly every row has, each should have; what fewer have may be lacking for good.
    expected = [s for s, n in usual.items() if n >= ALL * found] or [s for s, _ in usual.most_common(1)]
    missing = {s: [i for i, text in enumerate(names.texts) if text and s not in cells[i]] for s in expected}
    usual_places = {s: _Usual(names, cells, s) for s in expected}
    late = {s: {i: usual_places[s].path(names.texts[i], _words(table, i)) for i in rows} for s, rows in missing.items()}
    for slot, lacking in late.items():
        for i, path in lacking.items():
            cells[i][slot] = path
    notes += _notes(table, names, cells, late, several)
    return cells, set(several)


def _by_kind(paths: Sequence[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for path in paths:
        found.setdefault(kind_of(path) or "", []).append(path)
    return found


def _words(table: Rows, i: int) -> set[str]:
    """What a row says, in words that a folder may have: its class, its split."""
    said = {str(values[i]).strip().casefold() for values in table.columns.values() if isinstance(values[i], (str, int))}
    return said | {alias for alias, split in SPLITS.items() if split in {SPLITS.get(word) for word in said}}


def splits_of(table: Rows) -> list[str | None]:
    """Of each row, where a column holds nothing but the names of splits."""
    for values in table.columns.values():
        said = [SPLITS.get(v.strip().casefold()) if isinstance(v, str) else None for v in values]
        if any(said) and all(split is not None or v is None for split, v in zip(said, values, strict=True)):
            return said
    return [None] * len(table)


def _split_of(path: str) -> str | None:
    """Which split the names of folders say: `dev_videos/7.mp4`; None where they say none, or several."""
    words = {word for part in PurePosixPath(path).parts[:-1] for word in WORD.split(part.casefold())}
    found = {SPLITS[word] for word in words if word in SPLITS}
    return found.pop() if len(found) == 1 else None


def _told_apart(paths: Sequence[str], words: set[str]) -> list[str]:
    """Of files of one name those in whose folders most of the words stand."""
    scores = [sum(part.casefold() in words for part in PurePosixPath(path).parts[:-1]) for path in paths]
    return [path for path, score in zip(paths, scores, strict=True) if score == max(scores)]


def _slots(choices: Sequence[Mapping[str, Sequence[str]]]) -> dict[str, dict[str, str]]:
    """Of kinds of which nearly every row has several files, in the same folders: folder -> column (`left`, `right`)."""
    slots: dict[str, dict[str, str]] = {}
    for kind in dict.fromkeys(kind for kinds in choices for kind in kinds):
        folders = Counter(
            tuple(sorted(str(PurePosixPath(p).parent) for p in kinds[kind])) for kinds in choices if kind in kinds
        )
        most, count = folders.most_common(1)[0]
        if len(set(most)) == len(most) > 1 and count >= ALL * folders.total():
            short = [PurePosixPath(folder).name or kind for folder in most]
            named = short if len(set(short)) == len(short) else [folder.replace("/", "_") for folder in most]
            slots[kind] = dict(zip(most, named, strict=True))
    return slots


def _placed(kind: str, paths: Sequence[str], slots: Mapping[str, Mapping[str, str]]) -> Iterator[tuple[str, str]]:
    """Column and path of the files of one kind that a row has for certain."""
    if kind in slots:
        for path in paths:
            if (slot := slots[kind].get(str(PurePosixPath(path).parent))) is not None:
                yield slot, path
    elif len(paths) == 1:
        yield kind, paths[0]


class _Usual:
    """Where the files of one column lie, for those that are not there."""

    def __init__(self, names: _Names, cells: Sequence[Mapping[str, str]], slot: str) -> None:
        self.whole = names.whole
        pairs = [(row[slot], names.texts[i]) for i, row in enumerate(cells) if slot in row and names.found[i]]
        # What is before the name that the table gives.
        self.folders = Counter("/".join(path.split("/")[: -text.count("/") - 1]) for path, text in pairs)
        # As they are written: .PNG stays so.
        self.endings = Counter(path[len(path) - len(ending_of(path)) :] for path, _ in pairs if path[-3:] != ".gz")

    def path(self, text: str, words: set[str]) -> str:
        """The path that a file of this name would have; words: what its row says."""
        own = {SPLITS[word] for word in words if word in SPLITS}

        def fits(folder: str) -> tuple[bool, int, int]:
            said = sum(part.casefold() in words for part in folder.split("/"))
            return _split_of(f"{folder}/{text}") in own, said, self.folders[folder]

        folder = max(self.folders, key=fits)
        path = f"{folder}/{text}" if folder else text
        return path if self.whole or not self.endings else path + self.endings.most_common(1)[0][0]


def _notes(
    table: Rows,
    names: _Names,
    cells: Sequence[Mapping[str, str]],
    late: Mapping[str, Mapping[int, str]],
    several: Sequence[int],
) -> Iterator[str]:
    def rows(which: Sequence[int], say: Any) -> str:
        shown = ", ".join(f"row {table.numbers[i]}: {quote(say(i))}" for i in which[:SHOWN])
        return f"({shown}{', ...' if len(which) > SHOWN else ''})"

    of = f"of {len(cells):,} rows"
    for slot, paths in late.items():
        if paths:
            yield (
                f"{slot}: {len(paths):,} {of} name files that are not there "
                f"{rows(list(paths), lambda i: names.texts[i])}: their paths are written as they would be "
                f"({quote(next(iter(paths.values())))}), and `check` reports them until the files are there; empty the "
                "field where a sample lacks them"
            )
    if several:
        which = list(dict.fromkeys(several))
        yield (
            f"{len(which):,} {of} could mean several files {rows(which, lambda i: ' or '.join(names.found[i]))}: write "
            "the right path into manifest.csv"
        )
    if names.loose:
        yield (
            f"{len(names.loose):,} {of} differ from the names of their files in upper and lower case "
            f"{rows(names.loose, lambda i: f'{names.texts[i]} is {names.found[i][0]}')}: these "
            "are taken"
        )
    for slot in dict.fromkeys(slot for row in cells for slot in row):
        if lacking := [i for i, row in enumerate(cells) if row and slot not in row]:
            yield (
                f"{slot}: {len(lacking):,} {of} have none {rows(lacking, lambda i: names.texts[i])}; they are taken as "
                "samples that lack it"
            )


def _text(table: Rows, found: Sequence[Mapping[str, str]], *, without: str) -> str:
    """The table with columns of paths before its own; without: the column that they replace."""
    kinds = list(dict.fromkeys(kind for cells in found for kind in cells))
    columns = {name: values for name, values in table.columns.items() if name != without}
    names = [kind if kind not in columns else f"{kind}_file" for kind in kinds]
    paths = {name: [cells.get(kind) for cells in found] for name, kind in zip(names, kinds, strict=True)}
    return as_csv(paths | columns)


def as_csv(columns: Mapping[str, Sequence[Any]]) -> str:
    """A table as text, its lists as JSON."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(["" if v is None else _written(v) for v in row] for row in zip(*columns.values(), strict=True))
    return text.getvalue()


def _written(value: Any) -> str:
    if isinstance(value, np.ndarray):
        value = value.tolist()
    return json.dumps(value, ensure_ascii=False, default=str) if isinstance(value, (list, dict)) else str(value)
