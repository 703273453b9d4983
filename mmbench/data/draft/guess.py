"""What a column of a table probably is, judged by its name and its values. A guess, with what it rests on."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from mmbench.data.draft import look_inside
from mmbench.data.files.endings import NUMBERS, ending_of, kind_of
from mmbench.data.files.source import Root, several
from mmbench.data.table.json_table import FILES
from mmbench.data.table.lists import lists
from mmbench.data.table.manifest import SPLITS
from mmbench.data.table.missing import is_missing
from mmbench.data.table.targets import NO, YES
from mmbench.data.table.values import label, number

CLASSES = ("class", "classes", "category", "action", "activity", "species", "genre", "emotion", "diagnosis")
"""Names of columns whose whole numbers are numbers of classes."""
TARGETS = (
    *("label", "labels", "class", "target", "y", "category", "score", "rating", "sentiment", "emotion", "answer"),
    *("genre", "genres", "tags", "outcome", "action", "activity", "species"),
)
GROUPS = (
    *("group", "speaker", "subject", "user", "writer", "author", "session", "patient", "participant", "person"),
    *("video_id", "recording"),
)
SPLIT_COLUMNS = ("split", "splits", "set", "subset", "partition", "fold", "usage")
TEXTS = (
    *("text", "caption", "sentence", "transcript", "question", "utterance", "words", "description", "title"),
    *("review", "comment"),
)
CODE = re.compile(r"0\d+|\d+[eE]\d+")
"""Numbers that say something by how they are written: 007, 1e2."""
WHOLE = re.compile(r"-?(0|[1-9]\d*)")
MOST_NUMBERS = 20
AS_TEXT = "numbers as text"
"""Of a file that may hold a vector or a sequence, in place of a kind."""
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
    given = [v for v in values if v is not None and not is_missing(v)]
    word = name.lower()
    if not given:
        return Guess(role="unused", why="empty")
    if any(isinstance(v, (list, np.ndarray, dict, bytes)) for v in given):
        return _nested(given, word)
    if (listed := lists(given[:LOOKED_AT])) is not None:
        return _listed(listed, given[0], word)
    names = [label(v) for v in given]
    distinct = Counter(names)
    grouped = (word in GROUPS or word.removesuffix("_id") in GROUPS) and 1 < len(distinct) < len(given)
    # A recording that several samples were cut from is their group, and no picture of them.
    if not grouped and (found := files(names[:LOOKED_AT], root)) is not None:
        return found
    if all(n.lower() in SPLITS for n in distinct):
        return Guess(role="split", why=_counts(distinct))
    # With a mistake, or a name of its own: `check` tells these; a split drawn anew would pass over all in silence.
    if word in SPLIT_COLUMNS and any(SPLITS.get(n.lower()) == "train" for n in distinct):
        return Guess(role="split", why=_counts(distinct), sure=False)
    if len(distinct) == len(values) > 2 and (word in ("id", "uid", "key", "index", "sample") or word.endswith("_id")):
        return Guess(role="id", why="all different")
    if word in TARGETS or any(word.endswith(f"_{t}") for t in TARGETS):
        return target(names, word)
    # Groups of one sample each keep nothing together.
    if grouped:
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


def _nested(given: Sequence[Any], word: str) -> Guess:
    first = given[0]
    if isinstance(first, dict) and not FILES & first.keys():
        return Guess(role="unused", why="records, whose fields are columns of their own")
    if isinstance(first, list) and first and isinstance(first[0], dict):
        return Guess(role="unused", why="lists of records, whose fields are columns of their own")
    if isinstance(first, (bytes, dict)):
        named = [kind_of(v["path"]) for v in given if isinstance(v, dict) and isinstance(v.get("path"), str)]
        if len(named) == len(given) and len(set(named)) == 1 and named[0] in ("image", "audio", "video"):
            return Guess(role="modality", kind=named[0], why="files inside the table")
        return Guess(role="modality", kind="image", why="files inside the table; of which kind?", sure=False)
    if isinstance(first, list) and first and isinstance(first[0], str):
        listed = [v for v in given[:LOOKED_AT] if isinstance(v, list)]
        return _texts(listed, word) or Guess(role="target", kind="multilabel", why="lists of names")
    deep = len(first) > 0 and isinstance(first[0], (list, np.ndarray))
    return Guess(role="modality", kind="sequence" if deep else "vector", why="lists of numbers")


def _listed(listed: Sequence[Sequence[str]], first: str, word: str) -> Guess:
    """Lists that stand in the table as text."""
    numbers = all(number(item) is not None for items in listed for item in items)
    lengths = {len(items) for items in listed}
    if numbers and first.startswith("[") and len(lengths) == 1 and max(lengths) > 1:
        return Guess(role="modality", kind="vector", why="lists of numbers")
    if not numbers and (found := _texts(listed, word)) is not None:
        return found
    sure = not numbers or word in TARGETS
    return Guess(role="target", kind="multilabel", why="lists of names, written as text", sure=sure)


def _texts(listed: Sequence[Sequence[Any]], word: str) -> Guess | None:
    """Several texts a row, such as captions; None where they are names."""
    items = [str(item) for own in listed for item in own if item is not None]
    words = sum(len(item.split()) for item in items) / max(1, len(items))
    if not items or word in TARGETS or words < (2 if word in TEXTS or word.removesuffix("s") in TEXTS else 3):
        return None
    many = len(items) / len(listed)
    return Guess(role="modality", kind="text", why=f"{many:.1f} texts a row, of {words:.1f} words on average, as one")


def files(names: Sequence[str], root: Root) -> Guess | None:
    if (found := _of_several(names, root)) is not None:
        return found
    kinds = Counter(kind_of(n) or _numbers_in_text(n) for n in names)
    kind, count = kinds.most_common(1)[0]
    if kind is None or count < 0.8 * len(names):
        return None
    there = sum(root.exists(n) for n in names[:50])
    if not there:
        return (
            None
            if kind == AS_TEXT
            else Guess(role="modality", kind=kind, why=f"names files that are not below {root.folder}", sure=False)
        )
    if kind in ("vector", AS_TEXT):
        inside = look_inside.array(next(n for n in names if root.exists(n)), root)
        if inside is None:
            return None
        kind = inside
    sure = there == min(len(names), 50)
    options: tuple[tuple[str, Any], ...] = (("files", True),) if kind == "text" else ()
    if kind == "image" and (frames := look_inside.frames(names, root)) > 1:
        why = f"names image files with up to {frames} frames or pages, of which `image` reads one, and `video` all"
        return Guess(role="modality", kind=kind, why=why, sure=False, options=options)
    return Guess(role="modality", kind=kind, why=f"names of {kind} files", sure=sure, options=options)


def _of_several(names: Sequence[str], root: Root) -> Guess | None:
    """Cells that name several pictures."""
    split = {n: paths for n in names if (paths := several(n)) and not root.exists(n)}
    if len(split) < 0.1 * len(names) or not all(kind_of(p) == "image" for paths in split.values() for p in paths):
        return None
    most = max(map(len, split.values()))
    if not split or not any(root.exists(p) for p in next(iter(split.values()))):
        return None
    why = f"names up to {most} images a row, which `video` reads as frames"
    return Guess(role="modality", kind="video", why=why, sure=False)


def _numbers_in_text(path: str) -> str | None:
    return AS_TEXT if ending_of(path) in NUMBERS else None


def target(names: Sequence[str], word: str = "") -> Guess:
    """What kind of target these values are. names: of all samples that have one. word: the column's, in lower case."""
    distinct = Counter(names)
    if len(distinct) == 2:
        pair = {n.lower() for n in distinct}
        kind = "binary" if pair & set(YES) and pair & set(NO) else "classification"
        return Guess(role="target", kind=kind, why=_counts(distinct))
    if all(number(n) is not None for n in names):
        return _of_numbers(distinct, len(names), word)
    parted = sum(bool(re.search(r"[|;]", n)) for n in names)
    if parted > 0.1 * len(names):
        separator = max("|;", key=lambda s: sum(s in n for n in names))
        options = () if separator == "|" else (("separator", separator),)
        return Guess(role="target", kind="multilabel", why=f"several labels, parted by {separator}", options=options)
    if _in_commas(distinct):
        options = (("separator", ","),)
        why = "several labels, parted by commas?"
        return Guess(role="target", kind="multilabel", why=why, sure=False, options=options)
    sure = len(distinct) * 3 <= len(names)
    return Guess(role="target", kind="classification", why=_counts(distinct), sure=sure)


def _of_numbers(distinct: Counter[str], count: int, word: str) -> Guess:
    """Numbers that are measured, or that number classes."""
    repeated = len(distinct) * 3 <= count
    if len({float(n) for n in distinct}) < len(distinct) or any(CODE.fullmatch(n) for n in distinct):
        why = f"{len(distinct)} codes, kept as they are written: {_counts(distinct)}"
        return Guess(role="target", kind="classification" if repeated else "regression", why=why, sure=False)
    whole = all(float(n).is_integer() for n in distinct)
    few = len(distinct) <= max(20, count // 50) and repeated
    if whole and (few or (len(distinct) < count and any(word == c or word.endswith(f"_{c}") for c in CLASSES))):
        return Guess(role="target", kind="classification", why=f"{len(distinct)} whole numbers", sure=False)
    # So many samples of each of so few numbers: a measure would hardly repeat so.
    sure = not (repeated and (whole or len(distinct) <= MOST_NUMBERS))
    return Guess(role="target", kind="regression", why=f"{len(distinct)} numbers", sure=sure)


def _in_commas(distinct: Counter[str]) -> bool:
    """Whether what stands between commas comes in several combinations; `heart sounds, heartbeat` is one class."""
    listed = [n for n in distinct if "," in n]
    if 10 * sum(distinct[n] for n in listed) <= distinct.total():
        return False
    seen = Counter(part for n in distinct for part in {p.strip() for p in n.split(",")})
    again = [n for n in listed if any(seen[p.strip()] > 1 for p in n.split(","))]
    return 2 * len(again) > len(listed)


def twin(names: Sequence[str], taken: Guess) -> Guess | None:
    """Of numbers that were hard to tell, the other thing that they could be. A few whole numbers are classes enough."""
    if taken.sure or taken.kind not in ("classification", "regression") or any(number(n) is None for n in names):
        return None
    if len(set(names)) <= MOST_NUMBERS and all(WHOLE.fullmatch(n) for n in set(names)):
        return None
    kind = "regression" if taken.kind == "classification" else "classification"
    why = "the same, as numbers" if kind == "regression" else f"the same, as {len(set(names))} classes"
    return Guess(role="target", kind=kind, why=why, sure=False)
