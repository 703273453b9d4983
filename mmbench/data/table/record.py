"""Several columns of a manifest as one cell: the numbers and categories of a row, as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mmbench.data.files.problems import CellError
from mmbench.data.table.missing import is_missing
from mmbench.data.table.rows import Rows
from mmbench.data.table.table import Cell
from mmbench.data.table.values import label

MOST_NUMBERS = 0.8
"""The share of a column's values from which on it is one of numbers, and other values are mistakes."""


def record(values: Mapping[str, Any]) -> str | None:
    """The cell of one row; None where every value is missing. Raises CellError for what is no number and no name."""
    found = {name: _plain(name, value) for name, value in values.items()}
    return json.dumps(found, ensure_ascii=False) if any(v is not None for v in found.values()) else None


def _plain(name: str, value: Any) -> str | None:
    if value is None or is_missing(value):
        return None
    if isinstance(value, (list, tuple, dict, bytes, np.ndarray)):
        raise CellError(f"{name}: is a {type(value).__name__}; a table takes numbers and names")
    return label(value) or None


def records(columns: Sequence[str], rows: Rows) -> list[Cell | None]:
    """One cell for each row. What is wrong is told with its row, and None."""
    cells: list[Cell | None] = []
    for i, number in enumerate(rows.numbers):
        try:
            cells.append(record({column: rows.columns[column][i] for column in columns}))
        except CellError as error:
            rows.findings.add(number, str(error))
            cells.append(None)
    return cells


def fields_of(cell: Cell) -> dict[str, str | None]:
    """The values by column. Raises CellError where a cell is none of a table."""
    try:
        found = json.loads(cell) if isinstance(cell, str) else None
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or not all(v is None or isinstance(v, str) for v in found.values()):
        raise CellError("is no row of a table")
    return found
