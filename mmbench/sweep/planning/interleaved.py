"""Several lists in turn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def interleaved(parts: Sequence[Sequence[T]]) -> list[T]:
    """The first of each part, then the second of each, and so on."""
    longest = max(map(len, parts), default=0)
    return [part[i] for i in range(longest) for part in parts if i < len(part)]
