"""What a column of a table probably is, judged by its name and its values. A guess, with what it rests on."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from mmbench.data.files.endings import kind_of
from mmbench.data.files.problems import CellError
from mmbench.data.files.source import Root
from mmbench.data.table.manifest import SPLITS
from mmbench.data.table.targets import NO, YES, label, number

TARGETS = (
    *("label", "labels", "class", "target", "y", "category", "score", "rating", "sentiment", "emotion", "answer"),
    *("genre", "genres", "tags", "outcome"),
)
GROUPS = (
    *("group", "speaker", "subject", "user", "writer", "author", "session", "patient", "participant", "person"),
    *("video_id", "recording"),
)
TEXTS = (
    *("text", "caption", "sentence", "transcript", "question", "utterance", "words", "description", "title"),
    *("review", "comment"),
)
LOOKED_AT = 2000
"""Values of a column that are looked at for a guess."""

Role = Literal["modality", "target", "split", "group", "id", "unused"]


@dataclass(frozen=True, kw_only=True)
class Guess:
    """role of a column; kind: of a modality or a target. why: what the guess rests on. sure: False for a hunch.

    options: of a modality, as in the card.
    """

    role: Role
    kind: str = ""
    why: str = ""
    sure: bool = True
    options: tuple[tuple[str, Any], ...] = ()


def column(name: str, values: Sequence[Any], root: Root) -> Guess:
    """The guess for one column. values: of all samples, None where empty."""
    given = [v for v in values if v is not None]
    word = name.lower()
    if not given:
        return Guess(role="unused", why="empty")
    if any(isinstance(v, (list, np.ndarray, dict, bytes)) for v in given):
        return _nested(given)
    names = [label(v) for v in given]
    distinct = Counter(names)
    if (files := _files(names[:LOOKED_AT], root)) is not None:
        return files
    if all(n.lower() in SPLITS for n in distinct):
        return Guess(role="split", why=_counts(distinct))
    if len(distinct) == len(values) > 2 and (word in ("id", "uid", "key", "index", "sample") or word.endswith("_id")):
        return Guess(role="id", why="all different")
    if word in TARGETS or any(word.endswith(f"_{t}") for t in TARGETS):
        return target(names)
    # Groups of one sample each keep nothing together.
    if (word in GROUPS or word.removesuffix("_id") in GROUPS) and 1 < len(distinct) < len(given):
        return Guess(role="group", why=f"{len(distinct)} groups", sure=False)
    numbers = sum(number(n) is not None for n in names) == len(names)
    words = sum(len(n.split()) for n in names[:LOOKED_AT]) / len(names[:LOOKED_AT])
    if not numbers and (word in TEXTS or words >= 3):
        return Guess(role="modality", kind="text", why=f"{words:.1f} words on average")
    if not numbers and len(distinct) == len(values) > 2:
        return Guess(role="unused", why="all different")
    return Guess(role="unused", kind="number" if numbers else "name", why=_counts(distinct))


def _counts(distinct: Counter[str]) -> str:
    said = ", ".join(f"{name} {count}" for name, count in distinct.most_common(5))
    return said + (f" and {len(distinct) - 5} more" if len(distinct) > 5 else "")


def _nested(given: Sequence[Any]) -> Guess:
    first = given[0]
    if isinstance(first, (bytes, dict)):
        return Guess(role="modality", kind="image", why="files inside the table; of which kind?", sure=False)
    if isinstance(first, list) and first and isinstance(first[0], str):
        return Guess(role="target", kind="multilabel", why="lists of names")
    deep = len(first) > 0 and isinstance(first[0], (list, np.ndarray))
    return Guess(role="modality", kind="sequence" if deep else "vector", why="lists of numbers")


def _files(names: Sequence[str], root: Root) -> Guess | None:
    kinds = Counter(kind_of(n) for n in names)
    kind, count = kinds.most_common(1)[0]
    if kind is None or count < 0.8 * len(names):
        return None
    there = sum(root.exists(n) for n in names[:50])
    if not there:
        return Guess(role="modality", kind=kind, why=f"names files that are not below {root.folder}", sure=False)
    kind = _array(next(n for n in names if root.exists(n)), root) if kind == "vector" else kind
    sure = there == min(len(names), 50)
    options: tuple[tuple[str, Any], ...] = (("files", True),) if kind == "text" else ()
    return Guess(role="modality", kind=kind, why=f"names of {kind} files", sure=sure, options=options)


def _array(path: str, root: Root) -> str:
    """Whether an array file holds a vector or a sequence; only its head is read."""
    try:
        with root.source(path).open() as stream:
            found = np.load(stream, allow_pickle=False)
            array = found[found.files[0]] if hasattr(found, "files") else found
        return "sequence" if array.ndim == 2 and min(array.shape) > 1 else "vector"
    except (CellError, OSError, ValueError, EOFError, IndexError, KeyError):
        return "vector"


def target(names: Sequence[str]) -> Guess:
    """What kind of target these values are. names: of all samples that have one."""
    distinct = Counter(names)
    numbers = [number(n) for n in names]
    if len(distinct) == 2:
        pair = {n.lower() for n in distinct}
        kind = "binary" if pair & set(YES) and pair & set(NO) else "classification"
        return Guess(role="target", kind=kind, why=_counts(distinct))
    if all(n is not None for n in numbers):
        whole = all(float(n or 0).is_integer() for n in numbers)
        few = len(distinct) <= max(20, len(names) // 50) and len(distinct) * 3 <= len(names)
        if whole and few:
            return Guess(role="target", kind="classification", why=f"{len(distinct)} whole numbers", sure=False)
        return Guess(role="target", kind="regression", why=f"{len(distinct)} numbers")
    parted = sum(bool(re.search(r"[|;]", n)) for n in names)
    if parted > 0.1 * len(names):
        separator = max("|;", key=lambda s: sum(s in n for n in names))
        options = () if separator == "|" else (("separator", separator),)
        return Guess(role="target", kind="multilabel", why=f"several labels, parted by {separator}", options=options)
    sure = len(distinct) * 3 <= len(names)
    return Guess(role="target", kind="classification", why=_counts(distinct), sure=sure)
