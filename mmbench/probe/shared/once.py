"""What several probes of one model need is computed once. No torch here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

T = TypeVar("T")

_KEPT: ContextVar[dict[tuple[object, ...], tuple[object, Any]] | None] = ContextVar("kept", default=None)


@contextmanager
def results_kept() -> Iterator[None]:
    """Within it, `once` keeps what it finds: for the probes of one model, and no longer than that."""
    token = _KEPT.set({})
    try:
        yield
    finally:
        _KEPT.reset(token)


def once(of: object, key: tuple[object, ...], make: Callable[[], T]) -> T:
    """What `make` gives, which depends on `of` (a model) and on what `key` names, and on nothing else."""
    kept = _KEPT.get()
    if kept is None:
        return make()
    # The object is kept with its result, so that no other has its id meanwhile.
    place = (id(of), *key)
    if place not in kept:
        kept[place] = of, make()
    found: T = kept[place][1]
    return found
