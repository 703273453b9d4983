"""Names of classes, labels and groups that cannot be meant: two spellings of one, words for nothing."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence

from mmbench.data.table.findings import quote
from mmbench.data.table.missing import is_missing
from mmbench.data.table.rows import Rows
from mmbench.data.table.values import WHOLE, in_order, label, number, same

PLURALS = {"class": "classes", "label": "labels", "group": "groups"}
SHOWN = 5
"""Rows that a message names."""


def spellings(column: str, names: Iterable[str], rows: Rows, what: str = "class") -> None:
    """Tells names that cannot be meant: two spellings of one, words for a missing value, control characters."""
    first: dict[str, str] = {}
    for name in in_order(names):
        if (other := first.setdefault(same(name), name)) != name and _versions(other, name):
            said = f"{quote(column)}: {other!a} and {name!a} are two {PLURALS[what]}, as they are written"
            rows.findings.notes.append(f"{said}; where one is meant, write one of them everywhere")
        elif other != name:
            told = f"{other!a} and {name!a} are two spellings of one {what}; write one of them everywhere"
            odd = min((_rows_with(n, column, rows) for n in (other, name)), key=lambda found: len(found) or len(rows))
            rows.findings.add(odd[0] if odd else 1, f"{told}{_also(odd)}", column=column)
        if is_missing(name):
            told = f"means a missing value, but would be a {what}; leave out its rows, or spell the {what} differently"
            rows.findings.add(1, told, column=column, value=name)
        if any(unicodedata.category(c) == "Cc" for c in name):
            told = f"the {what} {name!a} has a control character in it; take it out"
            rows.findings.add(1, told, column=column)


def _rows_with(name: str, column: str, rows: Rows) -> list[int]:
    """The rows in which a column is spelt so; none where it is a part of what they say."""
    values = zip(rows.numbers, rows.columns.get(column, ()), strict=False)
    return [number for number, v in values if isinstance(v, (str, int, float)) and label(v) == name]


def _also(numbers: Sequence[int]) -> str:
    """The other rows of the rarer spelling."""
    more = ", ".join(map(str, numbers[1:SHOWN]))
    return (
        f" (also in row{'s' if len(numbers) > 2 else ''} {more}{', …' if len(numbers) > SHOWN else ''})" if more else ""
    )


def _versions(one: str, other: str) -> bool:
    """Whether two names of one number may be two all the same, as versions 1.1 and 1.10 or the codes 1e2 and 100: plain
    whole numbers, 7 and 07, are not."""
    return number(one) is not None and not (WHOLE.fullmatch(one) and WHOLE.fullmatch(other))
