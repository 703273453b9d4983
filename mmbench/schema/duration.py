"""Lengths of time as people write them: `90 s`, `30 min`, `1 h 30 min`, `2 days`."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PlainSerializer

SECONDS = {"s": 1, "min": 60, "h": 3600, "day": 86_400, "days": 86_400}
"""By unit."""
LONGEST = 1000 * 365 * 86_400
_PART = r"([0-9]+(?:\.[0-9]+)?)\s*(s|min|h|days?)"


def as_seconds(value: Any) -> Any:
    """Of a text, its seconds. Raises ValueError where it is none, or a number without its unit."""
    if value is None:
        return None
    text = value.strip() if isinstance(value, str) else ""
    said = "expected a length of time with its unit, such as 90 s, 30 min, 1 h 30 min or 2 days"
    if not re.fullmatch(rf"{_PART}(\s*{_PART})*", text):
        raise ValueError(f"{said}, not {value!r}")
    parts = [(float(number), SECONDS[unit]) for number, unit in re.findall(_PART, text)]
    if sorted({unit for _, unit in parts}, reverse=True) != [unit for _, unit in parts]:
        raise ValueError(f"{said}, each unit once and the longest first, not {value!r}")
    return sum(number * unit for number, unit in parts)


Duration = Annotated[
    float,
    BeforeValidator(as_seconds),
    Field(gt=0, le=LONGEST),
    PlainSerializer(lambda seconds: f"{seconds:.6f} s", return_type=str, when_used="unless-none"),
]
"""In seconds; written out with the unit, so that what was dumped can be read again."""
