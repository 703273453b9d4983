"""How lists read in sentences."""

from __future__ import annotations

from collections.abc import Sequence


def listing(items: Sequence[str], most: int = 4, between: str = ", ") -> str:
    """`a, b and c`; beyond `most` items `a, b, c and 5 more`. between: of clauses `; `, which gives `a; b; and c`."""
    if not items:
        return "none"
    if len(items) == 1:
        return items[0]
    last = " " if between == ", " else between
    if len(items) <= most:
        return f"{between.join(items[:-1])}{last}and {items[-1]}"
    return f"{between.join(items[: most - 1])}{last}and {len(items) - most + 1} more"
