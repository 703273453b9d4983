"""Columns of numbers that belong together by their names, `f_0`, `f_1`, ...: a vector, or what is predicted."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mmbench.data.draft import guess
from mmbench.data.draft.guess import Guess
from mmbench.data.draft.guess_target import Choice, choose
from mmbench.data.table.rows import Rows

NUMBERED = re.compile(r"(.*\D)\d+", re.DOTALL)
TOGETHER = {*guess.TARGETS, "targets", "output", "outputs", "out", "ys"}
"""What numbered columns are called that are predicted together."""


@dataclass(frozen=True, kw_only=True)
class Numbered:
    """Columns of numbers whose names differ in their last digits only, by what they share. vectors: inputs. targets:
    what their name says to be predicted. broken: vectors that the prefix of a card cannot name, as it fits others too.
    """

    vectors: dict[str, list[str]]
    targets: dict[str, list[str]]
    broken: dict[str, list[str]]

    @property
    def inside(self) -> set[str]:
        return {name for named in (self.vectors, self.targets, self.broken) for own in named.values() for name in own}


def _numbered(names: Iterable[str], guesses: Mapping[str, Guess]) -> Numbered:
    found: dict[str, list[str]] = {}
    names = list(names)
    for name in names:
        if (match := NUMBERED.fullmatch(name)) and guesses[name].kind in ("number", "regression"):
            found.setdefault(match[1], []).append(name)
    predicted = {p: own for p, own in found.items() if p.strip("_-. ").lower() in TOGETHER and len(own) >= 2}
    rest = {p: own for p, own in found.items() if p not in predicted and len(own) >= 3}
    free = [n for n in names if guesses[n].role not in ("target", "split", "group", "id")]
    broken = {p: own for p, own in rest.items() if sum(n.startswith(p) for n in free) > len(own)}
    return Numbered(vectors={p: c for p, c in rest.items() if p not in broken}, targets=predicted, broken=broken)


def choose_target(found: Rows, guesses: Mapping[str, Guess]) -> tuple[Numbered, Choice]:
    """The numbered columns of a table, and which column or columns are predicted."""
    numbered = _numbered(found.columns, guesses)
    free = {n: g for n, g in guesses.items() if n not in numbered.inside}
    return numbered, choose(found, free, numbered.targets)
