"""Deliberately broken variants. Each says which checks must catch it, and no other check may.

Several repeat faults of published code: factors kept in a plain list, attention across the samples of a batch, one key
for two modalities.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from mmbench.registry import Axis, Variant

T = TypeVar("T", bound=type)

BROKEN: list[tuple[Axis, Variant, frozenset[str]]] = []


def fails(axis: Axis, *checks: str) -> Callable[[T], T]:
    """Record a broken class with the checks that must catch it."""

    def mark(cls: T) -> T:
        name = "".join(f"_{c.lower()}" if c.isupper() else c for c in cls.__name__).lstrip("_")
        BROKEN.append((axis, Variant(name=name, source="nobody", core=False, cls=cls), frozenset(checks)))
        return cls

    return mark
