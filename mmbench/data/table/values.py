"""One value of a table as a name or as a number, and which names mean the same."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable
from typing import Any

import numpy as np

WHOLE = re.compile(r"[+-]?\d+")


def label(value: object) -> str:
    """A class or label as people read it: 3 for 3.0 (tables with gaps keep whole numbers so), true for True."""
    if isinstance(value, (bool, np.bool_)):
        return str(bool(value)).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    text = str(value).strip()
    return text[:-2] if re.fullmatch(r"-?(0|[1-9]\d*)\.0", text) else text


def number(value: Any) -> float | None:
    """A finite number that fits float32, or None."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        # Python also reads 1_000 and digits of other scripts; a table that has them means something else.
        found = float(value) if not isinstance(value, str) or (value.isascii() and "_" not in value) else math.nan
    except (ValueError, OverflowError):
        return None
    return found if abs(found) <= float(np.finfo(np.float32).max) else None


def same(name: str) -> str:
    """What two spellings of one label share: `Cat` and `cat`, `1` and `01`, composed and decomposed letters."""
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    plain = " ".join("".join(c for c in plain if unicodedata.category(c) != "Cf").split())
    value = number(plain)
    return plain if value is None else repr(value)


def in_order(names: Iterable[str]) -> tuple[str, ...]:
    """Sorted; whole numbers by size, so that 10 comes after 9."""
    names = set(names)
    if all(re.fullmatch(r"-?(0|[1-9]\d{0,17})", name) for name in names):
        return tuple(sorted(names, key=int))
    return tuple(sorted(names))
