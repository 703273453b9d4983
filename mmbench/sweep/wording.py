"""Numbers of a sweep in words. No progress bars here: who only counts needs none."""

from __future__ import annotations

from collections.abc import Mapping

from mmbench.schema.result import State


def duration(seconds: float) -> str:
    """`42 s`, `3 min 20 s`, `30 min`, `2 h 5 min`, `less than 1 s`."""
    whole = round(seconds)
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    parts = [(hours, "h"), (minutes, "min")] if hours else [(minutes, "min"), (rest, "s")]
    return " ".join(f"{n} {unit}" for n, unit in parts if n) or ("0 s" if seconds == 0 else "less than 1 s")


def count_words(counts: Mapping[State, int]) -> str:
    """`198 done, 3 failed, 1 timeout`: the states that occur, in their order."""
    return ", ".join(f"{counts[s]} {s.value.replace('_', ' ')}" for s in State if counts.get(s))


def under_others(ladder: int) -> str:
    """`, 69 of them under other budgets`: the report counts the others alone. Nothing where there are none."""
    return f", {ladder} of them under other budgets" if ladder else ""
