"""What modalities are called whose files have names of columns: by their kind, or by what tells their names apart."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Sequence

from mmbench.data.files.endings import ending_of, kind_below
from mmbench.data.table.path_pattern import Field, Pattern


def named(patterns: Sequence[Pattern], taken: Collection[str]) -> list[str]:
    """A name for each, of which none is that of a column: `image` and `audio`, `flair` and `t1`."""
    kinds = [kind_below(str(p)) or "file" for p in patterns]
    names = list(kinds)
    for kind, count in Counter(kinds).items():
        if count > 1:
            own = [i for i, k in enumerate(kinds) if k == kind]
            for i, name in zip(own, _apart([patterns[i] for i in own], kind), strict=True):
                names[i] = name
    made: list[str] = []
    for name in names:
        free = [name, f"{name}_file", *(f"{name}_{n}" for n in range(2, len(names) + len(taken) + 3))]
        made.append(next(n for n in free if n not in taken and n not in made))
    return made


def _apart(patterns: Sequence[Pattern], kind: str) -> list[str]:
    """By the first folder, or the name, in which they differ."""
    split = [_levels(p) for p in patterns]
    for level in zip(*split, strict=False):
        words = [re.sub(r"\W+|^_+|_+$", "", word) for word in level]
        if len(set(words)) == len(words) and all(words):
            return words
    ends = [f"{kind}_{ending_of(str(p)).removeprefix('.')}" for p in patterns]
    return ends if len(set(ends)) == len(ends) else [f"{kind}_{i}" for i in range(1, len(patterns) + 1)]


def _levels(pattern: Pattern) -> list[str]:
    """What is the same in all rows of each folder and of the name, without its ending."""
    plain = "".join("\0" if isinstance(p, Field) else p for p in pattern.parts)
    plain = plain[: len(plain) - len(ending_of(plain))] if ending_of(plain) else plain
    return [level.replace("\0", "_").strip("_-. ") for level in plain.split("/")]
