"""Numbers and categories of a table that could be inputs beside its texts and files: offered, never taken silently."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from mmbench.data.draft.guess import Guess
from mmbench.data.table.record import MOST_NUMBERS
from mmbench.data.table.rows import Rows
from mmbench.data.table.values import label, number

KEY = "details"
"""What the modality is called in a drafted card."""
NAMED = 5
"""Columns that a question names."""


@dataclass(frozen=True, kw_only=True)
class Offer:
    """columns: that could be inputs. codes: those of whole numbers, which may be names."""

    columns: tuple[str, ...]
    codes: tuple[str, ...]

    @property
    def card(self) -> dict[str, dict[str, list[str]]]:
        """What the card would say under the modality's name."""
        return {"table": {"columns": list(self.columns)}}

    @property
    def question(self) -> str:
        are = "are {} inputs too" if len(self.columns) > 1 else "is {} an input too"
        said = f"{are.format(_listed(self.columns))}, known where predictions are made? then uncomment `{KEY}`"
        codes = f"; name codes among them under `categories` ({_listed(self.codes)}?)" if self.codes else ""
        return said + codes


def offer(found: Rows, unused: Mapping[str, Guess], taken: Collection[str]) -> Offer | None:
    """Unused columns of numbers, or of words that come again; None where there are none. taken: names of modalities."""
    columns, codes = [], []
    for name, guess in unused.items():
        values = [label(v) for v in found.columns[name] if v is not None]
        distinct = set(values)
        again = 2 * len(distinct) <= len(values)
        # Words among numbers are told by `check`, row by row.
        numbers = guess.kind == "number" or sum(number(v) is not None for v in values) >= MOST_NUMBERS * len(values)
        names = guess.kind == "name" and again
        if len(distinct) < 2 or not (numbers or names):
            continue
        columns.append(name)
        if numbers and all(float(number(v) or 0).is_integer() for v in distinct):
            codes.append(name)
    return Offer(columns=tuple(columns), codes=tuple(codes)) if columns and KEY not in taken else None


def _listed(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
