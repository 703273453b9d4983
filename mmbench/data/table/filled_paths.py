"""The names of files that a card puts together from columns, for all rows of a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from mmbench.data.files.source import Root
from mmbench.data.table.card import FILLED, Card
from mmbench.data.table.findings import quote
from mmbench.data.table.missing import is_missing
from mmbench.data.table.path_pattern import Pattern, Value
from mmbench.data.table.rows import Rows

SHOWN = 5
"""Rows that a note names."""


def fill(pattern: Pattern, rows: Rows, root: Root, *, optional: bool) -> list[Value]:
    """Of every row. The columns are there."""
    mine = {column: rows.columns[column] for column in pattern.columns}
    return [
        pattern.find({c: values[i] for c, values in mine.items()}, root.exists, optional=optional)
        for i in range(len(rows))
    ]


def add(card: Card, rows: Rows, root: Root) -> None:
    """Adds a column of paths for each modality that has a `path`, in place, with notes on what is taken for missing."""
    for name, c in card.columns.items():
        if c.pattern is None or any(column not in rows.columns for column in c.pattern.columns):
            continue
        values = fill(c.pattern, rows, root, optional=c.optional)
        rows.columns[f"{FILLED}{name}"] = values
        for column in c.pattern.columns:
            words = [v for v, path in zip(rows.columns[column], values, strict=True) if is_missing(v) and path is None]
            if words:
                said = ", ".join(repr(quote(word)) for word in Counter(map(str, words)))
                many = f"{len(words)} fields hold" if len(words) > 1 else "1 field holds"
                rows.findings.notes.append(f"{quote(column)}: {many} {said}, which is taken for missing")
        lacking = [number for number, path in zip(rows.numbers, values, strict=True) if path is None]
        if c.optional and lacking:
            rows.findings.notes.append(_lacking(name, lacking, rows))


def _lacking(name: str, lacking: Sequence[int], rows: Rows) -> str:
    shown = [rows.findings.files.beside(number, lacking[0]).removeprefix("row ") for number in lacking[:SHOWN]]
    more = ", …" if len(lacking) > SHOWN else ""
    are = f"{len(lacking):,} samples have" if len(lacking) > 1 else "1 sample has"
    place = rows.findings.files.of(lacking[0])[0]
    s = "s" if len(lacking) > 1 else ""
    return (
        f"{name}: {are} no file of the name that `path` makes, and lack{'' if s else 's'} it, as `optional` says "
        f"({place} row{s} {', '.join(shown)}{more})"
    )


def alone(name: str, values: Sequence[Value], rows: Rows) -> Rows:
    """These rows with that column alone, called as the modality; what is wrong is told with the others."""
    return replace(rows, columns={name: list(values)})
