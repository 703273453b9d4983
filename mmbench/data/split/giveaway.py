"""A single input that gives the target away: a near copy of it among the numbers or short texts of a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from mmbench.data.files.problems import CellError
from mmbench.data.table.findings import quote
from mmbench.data.table.record import fields_of
from mmbench.data.table.table import Column, Table
from mmbench.data.table.values import number

FEWEST = 20
"""Samples that have a value, below which a coincidence is too likely."""
COPY = 0.999
"""Correlation, or share of samples, from which on an input is a copy of the target."""
LOOKED_AT = 200
"""Numbers by which measures are told from numbers of classes."""
SHORT = 64
"""Characters of a text that may be a word for a class."""


def notes(table: Table) -> list[str]:
    """One for each input that tells the target by itself, as far as the table holds it; files are not looked into."""
    found = []
    for name, column in table.modalities.items():
        for part, values in _numbers(name, column):
            found += [f"{quote(part)} gives the target away: {how}" for how in _of_numbers(values, table)][:1]
        texts = {name: column.cells} if column.kind == "text" else _fields(column)
        for part, cells in texts.items():
            if how := _of_texts(cells, table):
                found.append(f"{quote(part)} gives the target away: {how}")
    return [f"{said}; leave it out of `columns`, unless it will be known where predictions are made" for said in found]


def _fields(column: Column) -> dict[str, list[str | None]]:
    """Each column of a table, as it is written."""
    if column.kind != "table":
        return {}
    try:
        rows = [{} if cell is None else fields_of(cell) for cell in column.cells]
    except CellError:
        return {}
    return {part: [row.get(part) for row in rows] for part in dict.fromkeys(part for row in rows for part in row)}


def _numbers(name: str, column: Column) -> Iterator[tuple[str, np.ndarray]]:
    """Each number of a vector: its name, and (N,) float64 with NaN where the sample has none."""
    first = next((c for c in column.cells if c is not None), None)
    if not isinstance(first, np.ndarray) or column.kind != "vector":
        return
    empty = np.full(first.shape, np.nan)
    if any(isinstance(c, np.ndarray) and c.shape != first.shape for c in column.cells):
        return
    values = np.stack([c if isinstance(c, np.ndarray) else empty for c in column.cells])
    for j in range(values.shape[1]):
        yield (
            column.named[j] if len(column.named) == values.shape[1] else f"number {j + 1} of {name}",
            values[:, j].astype(np.float64),
        )


def _of_numbers(values: np.ndarray, table: Table) -> Iterator[str]:
    """How a number tells the target, at most once for each of its columns."""
    known = np.isfinite(values)
    values, labels = values[known], table.labels[known]
    if len(values) < FEWEST or np.ptp(values) == 0:
        return
    if table.task.kind in ("classification", "binary"):
        # Most numbers are measures, which need no counting.
        few = len(np.unique(values[:LOOKED_AT])) <= len(table.task.targets) + 1
        if few and (said := _one_to_one(values.tolist(), labels)):
            yield f"each class has {said} of its own"
        return
    for j, target in enumerate(table.task.targets):
        own = labels[:, j].astype(np.float64)
        if np.ptp(own) == 0:
            continue
        agreement = abs(float(np.corrcoef(values, own)[0, 1]))
        if agreement >= COPY:
            yield f"its correlation with {quote(target)} is {agreement:.4f}"


def _of_texts(cells: Sequence[Any], table: Table) -> str:
    known = [i for i, cell in enumerate(cells) if isinstance(cell, str)]
    texts = [" ".join(cells[i].lower().split()) for i in known]
    if len(known) < FEWEST or not all(len(text) <= SHORT for text in texts):
        return ""
    labels = table.labels[known]
    if table.task.kind in ("classification", "binary"):
        said = _one_to_one(texts, labels)
        return f"each class has {said} of its own" if said else ""
    found = [number(text) for text in texts]
    if any(value is None for value in found):
        return ""
    values = np.array(found, np.float64)
    return next(iter(_of_numbers(_spread(values, known, len(table)), table)), "")


def _spread(values: np.ndarray, at: Sequence[int], size: int) -> np.ndarray:
    whole = np.full(size, np.nan)
    whole[list(at)] = values
    return whole


def _one_to_one(values: Sequence[Any], labels: np.ndarray) -> str:
    """`one value`, where a value tells the class and the class the value, in nearly all samples."""
    pairs = Counter(zip(values, labels.tolist(), strict=True))
    classes = len(set(labels.tolist()))
    best: dict[Any, tuple[int, Any]] = {}
    for (value, label), count in pairs.items():
        best[label] = max(best.get(label, (0, None)), (count, value), key=lambda pair: pair[0])
    apart = len({value for _, value in best.values()}) == classes > 1
    told = sum(count for count, _ in best.values())
    return "one value" if apart and told >= COPY * len(labels) else ""
