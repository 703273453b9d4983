"""Lists that a table holds as text, as pandas, NumPy and JSON write them: `['a', 'b']`, `["a"; "b"]`, `{'a'|'b'}`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

BRACKETS = {"[": "]", "(": ")", "{": "}"}
EMPTY = ("[]", "()", "{}", "set()")
_ITEM = re.compile(
    r"""\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|([^,;|'"\[\](){}\s][^,;|'"\[\](){}]*))\s*""", re.DOTALL
)


def lists(values: Sequence[Any]) -> list[list[str]] | None:
    """The items of every value of a column, where all that are given are lists in text; None where they are not.

    A bracket alone makes no list, `[noise]` is a name: something is in quotation marks, or parted, or there is nothing.
    """
    if not all(v is None or (isinstance(v, str) and v[:1] in "[({s'\"") for v in values):
        return None
    found: list[list[str]] = []
    told = False
    for value in values:
        items = None if value is None else _items(value)
        if items is None and value is not None:
            return None
        told |= items is not None and (len(items[0]) != 1 or items[1])
        found.append([] if items is None else items[0])
    return found if told else None


def _items(text: str) -> tuple[list[str], bool] | None:
    """The items of one list, and whether any was in quotation marks; None where the text is no list."""
    if text in EMPTY:
        return [], False
    closed = text[-1:] == BRACKETS.get(text[0])
    inner = text[1:-1] if closed else text
    items: list[str] = []
    marks, at, parted = 0, 0, True
    while at < len(inner):
        match = _ITEM.match(inner, at)
        # NumPy puts nothing but a blank between two texts.
        if match is None or (not parted and match[3] is not None):
            return None
        marked = match[1] if match[1] is not None else match[2]
        marks += marked is not None
        items.append(re.sub(r"\\(.)", r"\1", marked, flags=re.DOTALL) if marked is not None else match[3].strip())
        at = match.end()
        parted = inner[at : at + 1] in (",", ";", "|") and at < len(inner)
        at += parted
        # Trailing separators are Python's for one item: ('a',).
        if parted and not inner[at:].strip():
            break
        if not parted and at < len(inner) and match[3] is not None:
            return None
    if not items or (not closed and (marks < len(items) or len(items) < 2)):
        return None
    return [item.strip() for item in items], marks > 0


def are_flags(values: Sequence[Sequence[Any]]) -> bool:
    """Whether lists are a 0 or 1 for each of several labels, and not the labels of each sample."""
    lengths = {len(v) for v in values if len(v)}
    flags = all(str(item) in ("0", "1", "0.0", "1.0", "True", "False") for v in values for item in v)
    return flags and len(lengths) == 1 and any(len({str(item) for item in v}) < len(v) for v in values)
