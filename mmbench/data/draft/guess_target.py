"""Which column of a table is predicted: a guess, with what else it could be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from mmbench.data.draft import guess
from mmbench.data.draft.guess import Guess
from mmbench.data.draft.target_words import rank
from mmbench.data.table import targets
from mmbench.data.table.rows import Rows
from mmbench.data.table.values import label

CLASSES, FEWEST, UNEVEN = 20, 3, 4
"""A column of classes: at most so many, each of so many samples at least, the largest so many times the smallest."""


@dataclass(frozen=True, kw_only=True)
class Choice:
    """columns, guess: what is taken. others: what could be meant instead, each as it would stand in the card."""

    columns: list[str]
    guess: Guess
    others: tuple[tuple[list[str], Guess], ...] = ()


def choose(found: Rows, guesses: Mapping[str, Guess], numbered: Mapping[str, list[str]]) -> Choice:
    """One value with a target's name, else with an outcome's, else balanced classes, else labels, else the last column
    that may be one; what is known of a person beforehand, such as sex and age, after all others.

    numbered: columns that are a target together, such as y0 to y16, by what their names share.
    """
    together = [(columns, _together(found, columns)) for columns in numbered.values()]
    named = [*together, *(([n], g) for n, g in guesses.items() if g.role == "target")]
    plain = [n for n, g in guesses.items() if g.role == "unused" and g.kind and len(set(_names(found, n))) > 1]
    made = {n: guess.target([label(v) for v in found.columns[n] if v is not None]) for n in plain}
    classes = [([n], made[n]) for n in plain if _balanced(found, n)]
    flags = [n for n in plain if rank(n) and {str(v) for v in found.columns[n]} <= {"0", "1"}]
    # One outcome among other facts is predicted alone.
    flags = [] if sum(rank(n) == 2 for n in flags) == 1 else flags
    labels = Guess(role="target", kind="multilabel", why=f"{len(flags)} columns of 0 and 1")
    numbers = [n for n in plain if made[n].kind == "regression"]
    numbers += [c[0] for c, g in named if g.kind == "regression" and len(c) == 1]
    several = Guess(role="target", kind="regression", why=f"{len(numbers)} columns of numbers")
    single = [(c, g) for c, g in classes if not (len(flags) > 1 and c[0] in flags)]
    rest = [([n], made[n]) for n in plain if [n] not in [c for c, _ in classes]]
    candidates = [
        *((c, g) for c, g in named if g.kind != "multilabel"),
        *reversed([(c, g) for c, g in [*rest, *single] if rank(c[0]) == 2 and not (len(flags) > 1 and c[0] in flags)]),
        *reversed([(c, g) for c, g in single if rank(c[0]) == 1]),
        *((c, g) for c, g in named if g.kind == "multilabel"),
        *([(flags, labels)] if len(flags) > 1 else []),
        *reversed([(c, g) for c, g in rest if rank(c[0]) == 1 or (len(flags) > 1 and c[0] in flags)]),
        *([(numbers, several)] if len(numbers) > 1 else []),
        *reversed([(c, g) for c, g in [*rest, *single] if rank(c[0]) == 0]),
    ]
    if not candidates:
        fallback = "label" if "label" in found.columns else "which column?"
        empty = Guess(role="target", kind="classification", why="empty: fill it in", sure=False)
        return Choice(columns=[fallback], guess=empty)
    columns, best = candidates[0]
    sure = best.sure and (columns, best) in named and len(named) == 1
    taken = Guess(role="target", kind=best.kind, why=best.why, sure=sure, options=best.options)
    # A name as clear as `label` leaves no doubt, unless its numbers are some of several.
    twin = guess.twin(_names(found, columns[0]), best) if len(columns) == 1 else None
    candidates[1:1] = [(columns, twin)] if twin is not None else []
    more = candidates[1:] if not sure else [(c, g) for c, g in candidates[1:] if len(c) > 1 and columns[0] in c]
    return Choice(columns=columns, guess=taken, others=tuple(more))


def _together(found: Rows, columns: list[str]) -> Guess:
    flags = all({name.lower() for name in _names(found, c)} <= {*targets.YES, *targets.NO} for c in columns)
    if flags:
        return Guess(role="target", kind="multilabel", why=f"{len(columns)} columns of 0 and 1")
    return Guess(role="target", kind="regression", why=f"{len(columns)} columns of numbers")


def _names(found: Rows, column: str) -> list[str]:
    return [label(v) for v in found.columns[column] if v is not None and not isinstance(v, (list, dict, bytes))]


def _balanced(found: Rows, column: str) -> bool:
    counts = Counter(label(v) for v in found.columns[column] if v is not None)
    few = 2 <= len(counts) <= CLASSES
    return few and min(counts.values()) >= FEWEST and max(counts.values()) <= UNEVEN * min(counts.values())
