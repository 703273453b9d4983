"""Files of one sample that a word in their names tells apart: `acc_017.csv` and `gyro_017.csv`, `7_left.png`."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence

from mmbench.data.draft.folder_files import MOSTLY, NEARLY, SOME, File
from mmbench.data.draft.folder_views import MOST_VIEWS
from mmbench.data.table.manifest import SPLITS

_WORD = r"(?P<word>[^\W\d_]+(?:[_-][^\W\d_]+)*\d?)"
FORMS = (
    re.compile(rf"{_WORD}[_\-. ](?P<rest>.*\d.*)"),
    re.compile(rf"(?P<rest>.*\d.*?)[_\-. ]{_WORD}"),
)
"""The word before the rest, which holds a number, or behind it."""


def apart(files: Sequence[File]) -> list[File] | None:
    """The same files with that word as one more folder, innermost, and the rest as their names; None where names have
    no such word: the same few in every folder, with the same rests. A few files that have none stay as they are."""
    if len({f.kind for f in files}) != 1:
        return None
    for form in FORMS:
        made = [
            f if (m := form.fullmatch(f.stem)) is None else File(f.path, (*f.folders, m["word"]), m["rest"])
            for f in files
        ]
        parted = [f for f in made if f.name]
        if len(parted) >= NEARLY * len(files) and _are_views(parted):
            return made
    return None


def _are_views(files: Sequence[File]) -> bool:
    words = {f.folders[-1] for f in files}
    if not 2 <= len(words) <= MOST_VIEWS or any(word.lower() in SPLITS for word in words):
        return False
    samples: dict[tuple[str, ...], set[str]] = defaultdict(set)
    places: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for f in files:
        samples[(*f.folders[:-1], f.stem)].add(f.folders[-1])
        places[f.folders[:-1]].add(f.folders[-1])
    # A word of a class has samples of its own.
    whole = sum(len(own) == len(words) for own in samples.values())
    everywhere = sum(own == words for own in places.values())
    return whole >= SOME * len(samples) and everywhere >= MOSTLY * len(places)
