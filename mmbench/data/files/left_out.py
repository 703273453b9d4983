"""What a data set does not use of a folder, and why: counted, with examples and what to do, a line for each reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

from mmbench.data.files.endings import REMEDIES, SUFFIXES, ending_of

EXAMPLES, ENDINGS_SHOWN = 2, 8

Why = Literal[
    "link", "linked folder", "broken link", "special", "closed", "damaged", "archive", "name", "double", "stray",
    "no class", "table", "named", "no row", "kind", "ending", "system", "column",
]  # fmt: skip

SAYS: Mapping[Why, tuple[str, str, str]] = {
    "link": (
        "symbolic link leads out of the folder",
        "symbolic links lead out of the folder",
        "copy the files into it, or name the folder where they lie as `root`",
    ),
    "linked folder": (
        "folder is a symbolic link, and is not entered",
        "folders are symbolic links, and are not entered",
        "put the folder itself there",
    ),
    "broken link": ("symbolic link leads nowhere", "symbolic links lead nowhere", "mend or remove them"),
    "special": ("is no regular file", "are no regular files", ""),
    "closed": ("folder cannot be opened", "folders cannot be opened", "ask for the right to read them"),
    "damaged": ("archive cannot be read", "archives cannot be read", "copy or make them again"),
    "archive": (
        "archive has no file that is used",
        "archives have no file that is used",
        "unpack what is data in them",
    ),
    "name": ("file has a name that no table can hold", "files have names that no table can hold", "rename them"),
    "double": (
        "file is a second one of its kind and name",
        "files are a second one of their kind and name",
        "give them names of their own, if they are samples",
    ),
    "stray": (
        "text stands alone, and is taken for a note, not a sample",
        "texts stand alone, and are taken for notes, not samples",
        "a text of a sample has the name of the sample's other files",
    ),
    "no class": (
        "file lies outside the class folders, and its name does not say its class either",
        "files lie outside the class folders, and their names do not say their class either",
        "put them into the folders of their classes, or name them as the others",
    ),
    "table": ("table is not taken", "tables are not taken", "name the right one as `manifest` in the card"),
    "named": (
        "file is named in a column that is not used",
        "files are named in columns that are not used",
        "name the columns in the card, if they are of use",
    ),
    "no row": ("file is in no row of the table", "files are in no row of the table", "add rows, if they are samples"),
    "kind": (
        "file is of a kind that the card does not use",
        "files are of kinds that the card does not use",
        "",
    ),
    "ending": (
        "file has an ending that mmbench does not read",
        "files have endings that mmbench does not read",
        "",
    ),
    "system": (
        "file is hidden, or was added by the system",
        "files are hidden, or were added by the system",
        "",
    ),
    "column": ("column is not used", "columns are not used", "name them in the card, if they are of use"),
}
"""Reason -> what is said of one, of several, and what to do."""

BY_ENDING = ("kind", "ending")
assert tuple(SAYS) == get_args(Why)


class Passed(NamedTuple):
    """A file, link, folder or member that is not used."""

    path: str
    why: Why


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """All that is not used for one reason. what: a sentence, with the count, examples and a remedy."""

    why: Why
    count: int
    what: str

    def __str__(self) -> str:
        return self.what


def told(passed: Iterable[Passed]) -> list[LeftOut]:
    """A line for each reason, those first that can lose data. What is hidden or the system's own is told only where its
    name is that of a file of data: every folder on a Mac has a `.DS_Store`."""
    groups: dict[Why, list[str]] = {}
    for path, why in passed:
        groups.setdefault(why, []).append(path)
    found = []
    for why in SAYS:
        paths = groups.get(why, [])
        if why == "system":
            paths = [p for p in paths if ending_of(p) in SUFFIXES]
        if paths:
            found.append(LeftOut(why=why, count=len(paths), what=_say(why, paths)))
    return found


def _say(why: Why, paths: Sequence[str]) -> str:
    one, several, remedy = SAYS[why]
    listed = _by_ending(paths) if why in BY_ENDING else _examples(paths)
    remedy = _remedy(paths) if why == "ending" else remedy
    return f"{len(paths):,} {one if len(paths) == 1 else several}{': ' if why in BY_ENDING else ' '}{listed}" + (
        f"; {remedy}" if remedy else ""
    )


def _examples(paths: Sequence[str]) -> str:
    shown = ", ".join(_quoted(p) for p in paths[:EXAMPLES])
    return f"({shown}{', ...' if len(paths) > EXAMPLES else ''})"


def _by_ending(paths: Sequence[str]) -> str:
    """`.heic 4 (cat/0.heic, ...), .xyz 1 (a.xyz)`, the commonest first."""
    counts = Counter(ending_of(p) for p in paths)
    first: dict[str, str] = {}
    for path in paths:
        first.setdefault(ending_of(path), path)
    said = [
        f"{_quoted(ending) or 'without an ending'} {count:,} ({_quoted(first[ending])}{', ...' if count > 1 else ''})"
        for ending, count in counts.most_common(ENDINGS_SHOWN)
    ]
    more = len(counts) - len(said)
    return ", ".join(said) + (f" and {more} more endings" if more > 0 else "")


def _remedy(paths: Sequence[str]) -> str:
    """What helps with these endings, if they are data."""
    ways: dict[str, list[str]] = {}
    for ending in dict.fromkeys(ending_of(p) for p in paths):
        if ending in REMEDIES:
            ways.setdefault(REMEDIES[ending], []).append(ending)
    these, them = ("if they are data", "them") if len(paths) > 1 else ("if it is data", "it")
    if not ways:
        return f"{these}, save {them} in a form that is read, or name {them} in a table"
    return f"{these}, save " + ", ".join(f"{' and '.join(endings)} as {way}" for way, endings in ways.items())


def _quoted(text: str) -> str:
    """Harmless on a terminal."""
    return text if text.isprintable() else ascii(text)[1:-1]
