"""What a person can put right, and what was probably meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UserError(ValueError):
    """Something a person can put right. The message says what was wrong, where, and what would be right."""


def suggest(word: str, known: Iterable[str]) -> str:
    """'; did you mean …?' for a near miss, also of a name's beginning, else the list of what is known."""
    known = list(known)
    beginnings = {name[: max(len(str(word)), 4)]: name for name in reversed(known)}
    near = difflib.get_close_matches(str(word), known, n=1, cutoff=0.6) or [
        beginnings[found] for found in difflib.get_close_matches(str(word), beginnings, n=1, cutoff=0.8)
    ]
    return f"; did you mean {near[0]!r}?" if near else f"; known: {', '.join(known)}"
