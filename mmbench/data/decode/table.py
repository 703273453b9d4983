"""Rows of a table: numbers and categories side by side."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from mmbench.data.decode.base import Decoder, Layout
from mmbench.data.decode.features import Limit, Numbers, limits
from mmbench.data.files.problems import CellError
from mmbench.data.table.findings import quote
from mmbench.data.table.record import MOST_NUMBERS, fields_of
from mmbench.data.table.table import Cell
from mmbench.data.table.values import number
from mmbench.errors import suggest

NAMED = 5
"""Columns that a note names."""
_UNIT = re.compile(
    r"(?:[€$£¥]|EUR|USD|GBP|CHF)?\s*[+-]?\d[\d.,'\u00a0\u202f]*"
    r"(?:\s*[%‰°€$£¥]C?|\s+[^\W\d]{1,6}(?:/[^\W\d]{1,5})?)?",
    re.IGNORECASE,
)
"""A number as people write it for people: `12 %`, `€3.50`, `5 kg`, `1,234`, `3,5`."""


class TableDecoder(Decoder):
    """(F,) float32 of a row: a column of numbers has two units, its value (standardised by training samples) and
    whether it is missing; a column of categories has one for each category, and two before them: whether it is missing,
    and whether it is another category than these.

    categories: columns whose numbers are names, such as codes. most: categories of a column that have a unit of their
    own, the commonest; the rest, those of fewer training samples than `least`, and those that only validation, test or
    later rows have are one. missing: numbers that stand for none, in every column; a row of nothing else is masked.
    clip: numbers that lie farther from the middle of the training samples become the farthest allowed, in standard
    deviations of the middle two thirds.
    """

    fitted = ("columns",)
    light = True

    def __init__(
        self,
        *,
        categories: list[str] | None = None,
        most: Annotated[int, Field(ge=1, le=10_000)] = 100,
        least: Annotated[int, Field(ge=1)] = 2,
        missing: Numbers = None,
        clip: Limit = None,
    ) -> None:
        self.categories, self.most, self.least = categories or [], most, least
        self.missing, self.clip, self.drops = frozenset(missing or ()), clip, bool(missing)
        self.columns: list[dict[str, Any]] = []

    def fit(self, cells: Sequence[Cell]) -> Layout:
        rows = [self._given(cell) for cell in cells]
        if not rows:
            raise CellError("no training sample has it")
        names = list(rows[0])
        unknown = [name for name in self.categories if name not in names]
        if unknown:
            hint = suggest(unknown[0], names)
            raise CellError(f"option categories: {quote(unknown[0])!r} is none of its columns{hint}")
        self.columns = [self._column(name, [row[name] for row in rows]) for name in names]
        self.remarks = tuple(self._doubts(rows))
        widths = [_width(column) for column in self.columns]
        return Layout(
            shape=(sum(widths),),
            dtype="float32",
            steps=len(widths),
            whole=not self.drops,
            stem="table",
            options={"widths": widths},
            # Numbers are standardised here; units of 0 and 1 stay what they are.
            normal_axis=None,
            note=self._note(),
        )

    def _column(self, name: str, values: Sequence[str | None]) -> dict[str, Any]:
        """What a column was found to be. Words among numbers are refused where they are decoded, row by row."""
        given = [v for v in values if v is not None]
        numbers = [number(v) for v in given]
        known = np.array([n for n in numbers if n is not None], np.float64)
        if name in self.categories or not given or len(known) < MOST_NUMBERS * len(given):
            counts = Counter(given)
            frequent = sorted((v for v in counts if counts[v] >= self.least), key=lambda v: (-counts[v], v))
            return {"name": name, "levels": sorted(frequent[: self.most])}
        bounds = {}
        if self.clip is not None:
            low, high = limits(known, self.clip)
            known = np.clip(known, low, high)
            bounds = {"low": float(low), "high": float(high)}
        spread = float(known.std())
        return {"name": name, "mean": float(known.mean()), "spread": spread if spread > 0 else 1.0, **bounds}

    def _doubts(self, rows: Sequence[Mapping[str, str | None]]) -> Iterator[str]:
        """Columns of categories that seem to be meant as numbers, or that tell a model nothing."""
        for column in self.columns:
            name = str(column["name"])
            given = [v for row in rows if (v := row[name]) is not None]
            if "mean" in column or name in self.categories or not given:
                continue
            odd = [v for v in given if number(v) is None and (_UNIT.fullmatch(v) or _is_float(v))]
            if odd and sum(number(v) is not None for v in given) + len(odd) >= MOST_NUMBERS * len(given):
                yield (
                    f"{quote(name)}: is read as categories, since {quote(odd[0])!r} is no plain finite number; if the "
                    "column is one of numbers, write them with a point and without units, signs and separators of "
                    "thousands, else name it under `categories`"
                )
            elif not column["levels"]:
                yield (
                    f"{quote(name)}: is read as categories, and none of them is in {self.least} training samples, so "
                    f"that they tell nothing ({quote(given[0])!r}, ...)"
                )

    def _note(self) -> str:
        numbers = [str(c["name"]) for c in self.columns if "mean" in c]
        categories = [f"{c['name']} {len(c['levels'])}" for c in self.columns if "levels" in c]
        parts = [f"numbers {_listed(numbers)}"] if numbers else []
        parts += [f"categories {_listed(categories)}"] if categories else []
        parts += [f"{', '.join(f'{v:g}' for v in sorted(self.missing))} read as missing"] if self.missing else []
        parts += [f"clipped at {self.clip:g} standard deviations"] if self.clip is not None else []
        return "; ".join(parts)

    def measure(self, cell: Cell) -> int:
        """How many values it has."""
        return sum(value is not None for value in self._given(cell).values())

    def meant(self, cell: Cell) -> np.ndarray:
        """(1, columns of numbers) float64, NaN where one is missing, and clipped: to judge them."""
        fields = self._given(cell)
        numbers = [c for c in self.columns if "mean" in c]
        values = [number(v) if (v := fields.get(str(c["name"]))) is not None else None for c in numbers]
        found = np.array([[np.nan if v is None else v for v in values]], np.float64)
        low, high = ([c.get(end, inf) for c in numbers] for end, inf in (("low", -np.inf), ("high", np.inf)))
        return np.clip(found, low, high)

    def _given(self, cell: Cell) -> dict[str, str | None]:
        """The fields of a row, without numbers that stand for a missing one. Raises CellError."""
        fields = fields_of(cell)
        return {k: None if v is not None and number(v) in self.missing else v for k, v in fields.items()}

    def decode(self, cell: Cell) -> tuple[np.ndarray, np.ndarray | None]:
        fields = self._given(cell)
        lacking = [str(column["name"]) for column in self.columns if column["name"] not in fields]
        if lacking:
            raise CellError(f"lacks the column {quote(lacking[0])!r}")
        units, wrong = [], []
        for column in self.columns:
            try:
                units.append(_units(column, fields[column["name"]]))
            except CellError as error:
                wrong.append(str(error))
        if wrong:
            raise CellError("; ".join(wrong))
        empty = self.drops and all(fields[str(column["name"])] is None for column in self.columns)
        return np.concatenate(units), np.zeros(1, bool) if empty else None


def _is_float(text: str) -> bool:
    """Whether it is a number that is none here: too large, or not finite."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def _width(column: Mapping[str, Any]) -> int:
    return 2 if "mean" in column else 2 + len(column["levels"])


def _units(column: Mapping[str, Any], value: str | None) -> np.ndarray:
    units = np.zeros(_width(column), np.float32)
    if "mean" in column:
        found = None if value is None else number(value)
        if value is not None and found is None:
            if _is_float(value):
                raise CellError(f"{quote(column['name'])}: {quote(value)!r} is too large or not finite")
            raise CellError(
                f"{quote(column['name'])}: {quote(value)!r} is no number, as most of the column are; leave such cells "
                "empty, or name the column under `categories`"
            )
        if found is not None and "low" in column:
            found = min(max(found, column["low"]), column["high"])
        units[:] = (0, 1) if found is None else ((found - column["mean"]) / column["spread"], 0)
    elif value is None:
        units[0] = 1
    else:
        units[2 + column["levels"].index(value) if value in column["levels"] else 1] = 1
    if not np.isfinite(units).all():
        raise CellError(f"{quote(column['name'])}: {quote(value)!r} is too far from the training samples")
    return units


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
