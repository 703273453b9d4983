"""Numbers with a decimal comma, as spreadsheets of many countries write them where fields are parted by semicolons."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from mmbench.data.table.missing import is_missing

_NUMBER = re.compile(r"[+-]?\d+(?:,\d+)?")
_SURE = re.compile(r"[+-]?(?:0,\d+|\d+,\d{2,}|\d{2,},\d+)|[+-]\d+,\d+")
"""What no list of codes is: `0,5`, `3,25`, `41,2`, `-3,2`; `3,2` may be the codes 3 and 2."""
NAMED = 5


def columns_of(table: Mapping[str, Sequence[str | None]]) -> tuple[str, ...]:
    """Names of columns whose values are all numbers, some with a comma. Where no column of the table is surely of
    numbers, a comma may part the names of a list, and none is."""
    found, sure = [], False
    for name, values in table.items():
        given = [v for v in values if v is not None and not is_missing(v)]
        commas = [v for v in given if "," in v]
        if commas and all(_NUMBER.fullmatch(v) for v in given):
            found.append(name)
            sure |= any(_SURE.fullmatch(v) for v in commas)
    return tuple(found) if sure else ()


def pointed(values: Sequence[str | None]) -> list[str | None]:
    """The same with points."""
    return [None if v is None else v.replace(",", ".") for v in values]


def note(names: Sequence[str], example: str) -> str:
    """What a person should know."""
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    told = f"{example} is {example.replace(',', '.')}"
    return f"{', '.join(names[:NAMED])}{more}: commas are read as decimal points ({told})"
