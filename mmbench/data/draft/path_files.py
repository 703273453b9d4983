"""A table whose columns together make the names of files: `scans/{patient}/visit{visit}/flair.png`, found by trying.

Some rows are looked up among the files; what their values leave of a file's name is tried on all rows.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product, repeat
from math import log, prod
from pathlib import PurePosixPath

import numpy as np

from mmbench.data.draft.path_names import named
from mmbench.data.files.endings import ending_of, kind_below
from mmbench.data.files.unlisted_files import composed
from mmbench.data.table.path_pattern import Field, Pattern
from mmbench.data.table.rows import Rows
from mmbench.data.table.values import label

LOOKED_AT, MORE, PLACES, LONGEST = 12, 64, 48, 80
"""Rows that are looked up, and later of the columns that are found;
files of each that are taken apart; characters of a value that may be part of a name."""
TRIED, TESTED, FIELDS, WAYS = 40, 256, 6, 256
"""Patterns that are tried on all rows, of many on so many rows before; places in a name that may be columns; patterns
that one file may give."""
NEARLY, MOSTLY, SOME = 0.9, 0.8, 0.1
"""Shares of the rows that find a file: for the first pattern; from which on a file should be there in each; for others
beside the first."""
FEWEST = 4
"""Files that a pattern names at least."""
_TOKEN = re.compile(r"\d+|[^\W\d_]+")

Parts = tuple[str | Field, ...]


@dataclass(frozen=True, kw_only=True)
class Found:
    """One modality. paths: of every row; None where it has no name. there: of which rows the file is there."""

    name: str
    pattern: Pattern
    paths: tuple[str | None, ...]
    there: tuple[bool, ...]

    @property
    def hits(self) -> int:
        return sum(self.there)

    @property
    def optional(self) -> bool:
        """Whether so few rows have it that the others may lack it for good."""
        return self.hits < MOSTLY * len(self.there)

    @cached_property
    def files(self) -> set[str]:
        """Those that are there."""
        return {path for path, there in zip(self.paths, self.there, strict=True) if there and path is not None}


def find(table: Rows, files: Sequence[str], last: Collection[str] = ()) -> list[Found]:
    """The names that columns make, of one modality after another; none where there are none. last: columns that are
    taken only where no other says the same, such as the target."""
    known = {composed(f): f for f in files if kind_below(f) is not None and f.isprintable()}
    if len(known) < FEWEST or len(table) < FEWEST:
        return []
    columns = _Columns(table, last)
    best = _best(columns, columns.some(LOOKED_AT), known)
    tried = [found for parts in best[:TRIED] if (found := columns.tried(parts, known)) is not None]
    first = _first([found for found in tried if found.hits >= NEARLY * len(table)], known)
    if first is None:
        return []
    taken = first.files
    chosen = [first]
    # Others of the same columns may be of few rows: more are looked at.
    columns.keep(first.pattern.columns)
    more = _best(columns, columns.some(MORE), known)
    alike = [parts for parts in more if set(Pattern(parts).columns) == set(first.pattern.columns)][:TRIED]
    same = (found for parts in alike if (found := columns.tried(parts, known)) is not None)
    for other in sorted(same, key=lambda f: (_family(f) != _family(first), *_rank(f))):
        own = other.files
        if len(own & taken) <= SOME * len(own) and len(own) >= FEWEST:
            chosen.append(other)
            taken |= own
    chosen.sort(key=lambda f: str(f.pattern))
    names = named([f.pattern for f in chosen], set(table.columns))
    return [replace(f, name=name) for f, name in zip(chosen, names, strict=True)]


class _Columns:
    """The columns of a table whose values may be parts of names, as they would be written there."""

    def __init__(self, table: Rows, last: Collection[str]) -> None:
        self.size = len(table)
        self.texts: dict[str, list[str]] = {}
        for name in sorted(table.columns, key=lambda name: name in last):
            values = table.columns[name]
            if re.search(r"[{}]|:0\d{1,2}d?$", name) or not all(
                v is None or isinstance(v, (str, int, float)) for v in values
            ):
                continue
            texts = ["" if v is None else composed(label(v)) for v in values]
            if len(set(texts) - {""}) > 1 and sum(len(t) <= LONGEST for t in texts) >= NEARLY * self.size:
                self.texts[name] = texts
        self.order = {name: i for i, name in enumerate(self.texts)}
        self.tested = np.linspace(0, self.size - 1, TESTED).astype(int).tolist()
        self._written: dict[Field, list[str]] = {}

    def keep(self, names: Collection[str]) -> None:
        """Leave out the others."""
        self.texts = {name: texts for name, texts in self.texts.items() if name in names}

    def some(self, most: int) -> list[int]:
        """Rows of all parts of the table, and of each column the one with the shortest number, which shows zeros."""
        # Even steps would miss what only every third row has.
        rows = sorted(np.random.default_rng(0).choice(self.size, min(most, self.size), replace=False).tolist())
        for texts in self.texts.values():
            numbers = [i for i, text in enumerate(texts) if text.isdecimal()]
            if numbers and len(rows) < 2 * most:
                rows.append(min(numbers, key=lambda i: len(texts[i])))
        return list(dict.fromkeys(rows))

    def values(self, row: int) -> dict[str, str]:
        return {name: t for name, texts in self.texts.items() if (t := texts[row]) and len(t) <= LONGEST}

    def written(self, field: Field) -> list[str]:
        """Of every row; "" where it is nothing."""
        if field not in self._written:
            texts = self.texts[field.column]
            if field.width:
                texts = [t.zfill(field.width) if t.isdecimal() else "" for t in texts]
            self._written[field] = texts
        return self._written[field]

    def paths(self, parts: Parts, rows: Sequence[int] | None = None) -> list[str | None]:
        """Of these rows, or of all."""
        fields = [self.written(p) for p in parts if isinstance(p, Field)]
        if rows is not None:
            fields = [[texts[i] for i in rows] for texts in fields]
        own = iter(fields)
        pieces = [repeat(p) if isinstance(p, str) else next(own) for p in parts]
        made = map("".join, zip(*pieces, strict=False))
        return [path if all(said) else None for path, said in zip(made, zip(*fields, strict=True), strict=True)]

    def tried(self, parts: Parts, known: Collection[str]) -> Found | None:
        """On all rows; None where few find a file, or few files are found for so many rows."""
        if self.size > 4 * TESTED:
            some = [path for path in self.paths(parts, self.tested) if path in known]
            if len(some) < SOME / 2 * TESTED or 2 * len(set(some)) < len(some):
                return None
        paths = self.paths(parts)
        found = Found(name="", pattern=Pattern(parts), paths=tuple(paths), there=tuple(path in known for path in paths))
        several = len(found.pattern.columns) > 1
        enough = max(FEWEST, found.hits / (4 if several else 2))
        return found if found.hits >= SOME * self.size and len(found.files) >= enough else None


def _likely(columns: _Columns, rows: Sequence[int], files: Sequence[str]) -> Iterator[Parts]:
    """What the values of some rows leave of the names of files in which they stand."""
    words = {word for row in rows for text in columns.values(row).values() for word in _words(text)}
    places: dict[str, list[int]] = {word: [] for word in words}
    for i, file in enumerate(files):
        for word in words.intersection(_words(file)):
            places[word].append(i)
    where = {word: np.array(own, int) for word, own in places.items()}
    alone = [name for name, texts in columns.texts.items() if 2 * len(set(texts)) >= columns.size]
    for row in rows:
        values = columns.values(row)
        scores, counts = np.zeros(len(files)), np.zeros(len(files), int)
        for name, text in values.items():
            held = min((where[word] for word in _words(text)), key=len, default=None)
            if held is not None and len(held):
                # One that few files hold tells more; and may do so alone.
                scores[held] += log(len(files) / len(held)) + 0.01
                counts[held] += 2 if name in alone else 1
        possible = np.flatnonzero(counts > 1)
        for i in possible[np.argsort(-scores[possible], kind="stable")][:PLACES].tolist():
            yield from dict.fromkeys(_taken_apart(files[i], values))


def _words(text: str) -> set[str]:
    """Words and numbers, whatever zeros are in front."""
    return {word.lstrip("0") or "0" if word.isdecimal() else word for word in _TOKEN.findall(text)}


def _taken_apart(file: str, values: dict[str, str]) -> Iterator[Parts]:
    """A name with columns in place of what they say, in every way."""
    places: dict[tuple[int, int], list[Field]] = {}
    end = len(file) - len(ending_of(file)) - (3 if file.lower().endswith(".gz") else 0)
    runs = [(m.start(), m.end()) for m in re.finditer(r"\d+", file[:end])]
    for name, text in values.items():
        at = file.find(text, 0, end)
        while at >= 0:
            if _apart(file, at, at + len(text)):
                places.setdefault((at, at + len(text)), []).append(Field(name))
            at = file.find(text, at + 1, end)
        if text.isdecimal():
            for start, stop in runs:
                if stop - start > len(text) and file[start:stop] == text.zfill(stop - start) and stop - start < 100:
                    places.setdefault((start, stop), []).append(Field(name, stop - start))
    free: list[tuple[int, int]] = []
    for place in sorted(places, key=lambda p: (p[0] - p[1], p[0])):
        if all(place[1] <= a or b <= place[0] for a, b in free):
            free.append(place)
    free = sorted(free[:FIELDS])
    options: list[list[Field | None]] = [[*places[p][:4], None] for p in free]
    if prod(map(len, options)) > WAYS:
        options = [[own[0], None] for own in options]
    for chosen in product(*options):
        if any(chosen):
            yield _joined(file, free, chosen)


def _joined(file: str, places: Sequence[tuple[int, int]], chosen: Sequence[Field | None]) -> Parts:
    parts: list[str | Field] = []
    at = 0
    for (start, stop), field in zip(places, chosen, strict=True):
        if field is not None:
            parts += [file[at:start], field] if start > at else [field]
            at = stop
    return (*parts, file[at:]) if at < len(file) else tuple(parts)


def _apart(file: str, start: int, stop: int) -> bool:
    """Whether a place is no part of a longer word or number."""

    def kind(c: str) -> int:
        return 1 if c.isdecimal() else 2 if c.isalpha() else 0

    before, after = file[start - 1] if start else "", file[stop] if stop < len(file) else ""
    return not (
        (before and kind(before) and kind(before) == kind(file[start]))
        or (after and kind(after) and kind(after) == kind(file[stop - 1]))
    )


def _best(columns: _Columns, rows: Sequence[int], known: Collection[str]) -> list[Parts]:
    """The patterns that most of the rows agree on, the simplest of those that name the same; then others."""
    votes = Counter(_likely(columns, rows, list(known)))
    made: dict[tuple[str | None, ...], list[Parts]] = {}
    hits: dict[Parts, int] = {}
    for parts, count in votes.items():
        if count < 2 and not any(isinstance(p, Field) and p.width for p in parts):
            continue
        paths = columns.paths(parts, rows)
        # A few files that many rows find are no files of theirs.
        hits[parts] = len({path for path in paths if path in known})
        if hits[parts] > 1:
            made.setdefault(tuple(paths), []).append(parts)

    def simple(parts: Parts) -> tuple[int, ...]:
        fields = [p for p in parts if isinstance(p, Field)]
        return len(fields), *(columns.order[p.column] for p in fields)

    # The same in the rows looked at: a folder of most rows may be a column.
    found = [parts for same in made.values() for parts in sorted(same, key=simple)[:3]]
    return sorted(found, key=lambda parts: (-hits[parts], *simple(parts)))


def _first(found: Sequence[Found], known: Collection[str]) -> Found | None:
    """The pattern that leaves the fewest rows without a file; of equal ones, whose folders hold more of that kind."""
    beside: dict[str, set[str]] = {}
    for f in found:
        beside.setdefault(_family(f), set()).update(f.files)
    for one in sorted(found, key=lambda f: (-f.hits, -len(f.files), -len(beside[_family(f)]), *_rank(f))):
        form = re.compile("".join(re.escape(p) if isinstance(p, str) else ".+" for p in one.pattern.parts))
        alike = sum(form.fullmatch(file) is not None for file in known)
        # Classes 0 to 9 are no names of 0.png to 9.png among thousands of files.
        if len(one.files) >= (SOME if len(one.pattern.columns) > 1 else 0.5) * alike:
            return one
    return None


def _family(found: Found) -> str:
    """The folder, with its columns."""
    return str(PurePosixPath(str(found.pattern)).parent)


def _rank(found: Found) -> tuple[int, int]:
    return -found.hits, sum(isinstance(p, Field) for p in found.pattern.parts)
