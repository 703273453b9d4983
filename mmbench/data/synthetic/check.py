"""Options of a generator, checked where they come in."""

from __future__ import annotations

from collections.abc import Mapping

from mmbench.errors import UserError, suggest


def whole(key: str, value: object, *, least: int, multiple: int = 1, most: int | None = None) -> int:
    """`value` as it is. Raises UserError naming `key` unless it is a whole number in range and a multiple."""
    right = isinstance(value, int) and not isinstance(value, bool) and value >= least and value % multiple == 0
    if not right or (most is not None and value > most):  # type: ignore[operator]
        kind = "a whole number" if multiple == 1 else f"a multiple of {multiple}"
        span = f"of at least {least}" if most is None else f"from {least} to {most}"
        raise UserError(f"{key} is {value!r}; it must be {kind} {span}")
    return value  # type: ignore[return-value]


def probability(key: str, value: object) -> float:
    """`value` as a float. Raises UserError naming `key` unless it is a number in [0, 1]."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise UserError(f"{key} is {value!r}; it must be a probability, from 0 to 1")
    return float(value)


def probabilities(key: str, value: object, known: tuple[str, ...]) -> dict[str, float]:
    """One probability for each of `known`, given as a mapping, or as one number for all.

    Raises UserError naming the key that is wrong or missing.
    """
    if not isinstance(value, Mapping):
        return dict.fromkeys(known, probability(key, value))
    for name in value:
        if name not in known:
            raise UserError(f"unknown key {name!r} in {key}{suggest(str(name), known)}")
    for name in known:
        if name not in value:
            raise UserError(f"{key}.{name} is missing")
    return {name: probability(f"{key}.{name}", value[name]) for name in known}


def some_of(key: str, value: object, known: tuple[str, ...], *, least: int) -> tuple[str, ...]:
    """Those of `known` that `value` lists, in the order of `known`; all where it is None. Raises UserError naming `key`
    where one is unknown or doubled, or there are fewer than `least`."""
    if value is None:
        return known
    if not isinstance(value, list | tuple) or len(value) < least or len(set(value)) < len(value):
        raise UserError(f"{key} is {value!r}; it must list at least {least} of {', '.join(known)}, each once")
    for name in value:
        if name not in known:
            raise UserError(f"unknown name {name!r} in {key}{suggest(str(name), known)}")
    return tuple(name for name in known if name in value)


def one_of(key: str, value: object, known: tuple[str, ...]) -> str:
    """`value` as it is. Raises UserError naming `key` unless it is one of `known`."""
    if value not in known:
        raise UserError(f"{key} is {value!r}{suggest(str(value), known)}")
    return str(value)
