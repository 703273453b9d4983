"""From labels in memory to a task and its target: the same reading as that of a manifest's columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np

from mmbench.data.files.problems import DataError
from mmbench.data.table import targets
from mmbench.data.table.card import TargetCard
from mmbench.data.table.findings import Findings
from mmbench.data.table.rows import Rows
from mmbench.data.table.values import label
from mmbench.errors import UserError, suggest
from mmbench.library.columns import as_array
from mmbench.schema.task import Task, TaskKind

FEW = 20
"""Different whole numbers in an array of floats up to which they are taken for classes."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """task, labels: as in a `Table`. why: what the kind of task was told by. given: whether the caller named it."""

    task: Task
    labels: np.ndarray
    why: str
    given: bool


def read(name: str, labels: Any, task: str, metric: str | None) -> Target:
    """Raises UserError, with each sample whose label cannot be read."""
    kinds = get_args(TaskKind)
    if task != "auto" and task not in kinds:
        raise UserError(f"task is {task!r}{suggest(task, ('auto', *kinds))}")
    values = as_array(labels)
    listed: list[Any] = list(labels) if values is None else values.tolist()
    if not listed:
        raise UserError(f"{name}: there are no labels; give one for each sample")
    columns, kind, why = _columns(listed, values)
    if task not in ("auto", kind):
        kind, why = task, "named"
    if task in ("binary", "classification") and "label" in columns:
        columns = {"label": [v if v is None or isinstance(v, str) else _whole(v) for v in columns["label"]]}
    names = list(columns)
    rows = Rows(file=name, columns=columns, numbers=list(range(len(listed))), findings=Findings(name))
    positive = None
    if kind == "binary":
        found = sorted({label(v) for v in columns[names[0]] if v is not None})
        positive = found[-1] if len(found) == 2 else None
    made = targets.read(TargetCard(kind=kind, columns=tuple(names), positive=positive), rows, metric)  # type: ignore[arg-type]
    if made is None or rows.findings.problems():
        raise DataError(rows.findings.problems())
    return Target(task=made[0], labels=made[1], why=why, given=task != "auto")


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _columns(listed: list[Any], values: np.ndarray | None) -> tuple[dict[str, list[Any]], str, str]:
    """The columns of the target, the kind of task and why."""
    first = next((v for v in listed if v is not None), None)
    listing = isinstance(first, (set, frozenset, list, tuple))
    if listing and all(isinstance(v, str) for row in listed for v in row or ()):
        return {"label": [sorted(row or ()) for row in listed]}, "multilabel", "a set of texts for each sample"
    table = np.asarray(listed) if isinstance(first, (list, tuple)) and _is_even(listed) else values
    if table is not None and table.ndim == 2 and table.shape[1] > 1:
        return _wide(table)
    if table is not None and table.ndim > 2:
        raise UserError(f"labels have the shape {table.shape}; give (N,), or (N, L) for several at a time")
    if table is not None and table.ndim == 2:
        listed = table[:, 0].tolist()
    kind, why = _one_column([v for v in listed if v is not None])
    listed = [_whole(v) for v in listed] if kind != "regression" else listed
    return {"label": listed}, kind, why


def _is_even(rows: list[Any]) -> bool:
    return len({len(row) if isinstance(row, (list, tuple)) else -1 for row in rows}) == 1


def _wide(table: np.ndarray) -> tuple[dict[str, list[Any]], str, str]:
    flags = table.dtype.kind in "uifb" and bool(np.isin(table, (0, 1)).all())
    names = [f"label_{i}" for i in range(table.shape[1])]
    if flags and bool((table.sum(axis=1) == 1).all()):
        return {"label": table.argmax(axis=1).tolist()}, "classification", "one 1 in each row (one-hot)"
    columns = {name: table[:, i].tolist() for i, name in enumerate(names)}
    if flags:
        whole = {name: [int(v) for v in column] for name, column in columns.items()}
        return whole, "multilabel", "several columns of 0 and 1"
    return columns, "regression", "several columns of numbers"


def _one_column(values: Sequence[Any]) -> tuple[str, str]:
    distinct = set(map(str, values))
    if all(isinstance(v, bool) for v in values):
        return "binary", "truth values"
    if not all(isinstance(v, (int, float)) for v in values):
        return "classification", "texts"
    if all(float(v).is_integer() for v in values):
        if all(v in (0, 1) for v in values) and len(distinct) == 2:
            return "binary", "0 and 1"
        if all(isinstance(v, int) for v in values) or len(distinct) <= FEW:
            return "classification", f"{len(distinct)} different whole numbers"
    return "regression", "numbers with fractions" if len(distinct) > 1 else "one number"
