"""From the target columns of a manifest to a task and labels. Every value that is none is told with its row."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence

import numpy as np

from mmbench.data.table.card import FILE, TargetCard
from mmbench.data.table.findings import quote
from mmbench.data.table.lists import are_flags, lists
from mmbench.data.table.rows import Rows
from mmbench.data.table.spellings import spellings
from mmbench.data.table.values import in_order, label, number
from mmbench.errors import suggest
from mmbench.schema.metric import fitting
from mmbench.schema.task import Task, task_of

AFFECT = 3
"""The customary metrics of sentiment round to whole numbers up to it."""
YES = ("1", "true", "yes", "y", "on", "positive", "pos")
NO = ("0", "false", "no", "n", "off", "negative", "neg")
TRAILING = re.compile(r"\d+\.\d*[1-9]\d*0")
"""A number with a fraction that ends in 0: no table writes it so by itself."""
MOST_CLASSES = 1000
"""More classes than this, few samples each: most likely another column was meant."""


def read(target: TargetCard, rows: Rows, metric: str | None) -> tuple[Task, np.ndarray] | None:
    """Task and labels (as in `table.Table`); None where there is none to be had: the problems are told.

    The columns are there. A label that cannot be read is told too, and stands as zero.
    """
    before = len(rows.findings.problems())
    made = {"classification": _classes, "binary": _binary, "multilabel": _labels, "regression": _numbers}[target.kind](
        target, rows
    )
    # The loss can be looked at, but does not lead; see `Task`.
    known = [name for name in fitting(target.kind, affect=target.affect) if name != "loss"]
    if metric is not None and metric not in known:
        what = f"the main metric of {FILE}, {metric!r}, is none of a {target.kind} task{suggest(metric, known)}"
        what += "; the loss is reported, but cannot lead" if metric == "loss" else ""
        rows.findings.add(1, what, column=target.columns[0])
    if target.affect and (target.kind != "regression" or len(target.columns) != 1):
        rows.findings.add(1, "`affect` is for a regression with one target", column=target.columns[0])
    if made is None or len(rows.findings.problems()) > before:
        return None
    names, labels = made
    return task_of(target.kind, names, metric, affect=target.affect), labels


Made = tuple[tuple[str, ...], np.ndarray] | None


def _one(target: TargetCard, rows: Rows) -> str | None:
    if len(target.columns) == 1:
        return target.columns[0]
    what = f"a {target.kind} target has one column, not {len(target.columns)}; several make a multilabel target"
    rows.findings.add(1, what, column=target.columns[0])
    return None


def _values(column: str, rows: Rows) -> list[str | None] | None:
    """The label of every sample; one that has none is told. None where all of them are lists."""
    found: list[str | None] = []
    values = rows.columns[column]
    if (listed := lists(values)) is not None:
        if several := [i for i, items in enumerate(listed) if len(items) > 1]:
            what = f"is a list of labels, as in {len(several)} rows: write `{{multilabel: {quote(column)}}}` in {FILE}"
            rows.findings.add(rows.numbers[several[0]], what, column=column, value=values[several[0]])
            return None
        values = [items[0] if items else None for items in listed]
    if values and all(v is None for v in values):
        rows.findings.add(1, "is empty in every row; fill it in, or name another column as `target`", column=column)
        return None
    written = any(isinstance(v, str) and TRAILING.fullmatch(v) for v in values)
    for row, value in zip(rows.numbers, values, strict=True):
        if value is None:
            rows.findings.add(row, "the target is missing; every sample needs one", column=column)
        elif isinstance(value, (list, dict, bytes, np.ndarray)):
            rows.findings.add(row, f"a target is one value, not a {type(value).__name__}", column=column)
            value = None
        elif isinstance(value, float) and not math.isfinite(value):
            rows.findings.add(row, "is no class", column=column, value=value)
            value = None
        # Beside 1.10 and 1.20, 2.0 is a name too, and not the row 2 of a table with gaps.
        found.append(None if value is None else value.strip() if written and isinstance(value, str) else label(value))
    return found


def _classes(target: TargetCard, rows: Rows) -> Made:
    column = _one(target, rows)
    if column is None:
        return None
    values = _values(column, rows)
    if values is None:
        return None
    names = in_order(v for v in values if v is not None)
    spellings(column, names, rows)
    if len(names) == 1:
        rows.findings.add(
            1, f"every sample has the class {quote(names[0])!r}; there is nothing to learn", column=column
        )
    elif len(names) == len(values) > 2 or (len(names) > MOST_CLASSES and len(values) < 2 * len(names)):
        what = f"{len(names)} classes for {len(values)} samples; is it a regression, or another column?"
        rows.findings.add(1, what, column=column)
    place = {name: i for i, name in enumerate(names)}
    return names, np.array([place.get(v or "", 0) for v in values], np.int64)


def _matcher(target: TargetCard) -> Callable[[str], bool]:
    """Whether a label is the positive one. YAML turns an unquoted yes, on or true into a truth value."""
    if isinstance(target.positive, bool):
        words = YES if target.positive else NO
        return lambda name: name.lower() in words
    wanted = label(target.positive)
    return lambda name: name == wanted


def _binary(target: TargetCard, rows: Rows) -> Made:
    column = _one(target, rows)
    if column is None:
        return None
    values = _values(column, rows)
    if values is None:
        return None
    names = in_order(v for v in values if v is not None)
    spellings(column, names, rows)
    if len(names) != 2:
        listed = ", ".join(map(quote, names[:5])) + (", …" if len(names) > 5 else "")
        what = f"a binary target has two values, this one {len(names)} ({listed})"
        rows.findings.add(1, what + ("; is it a classification?" if len(names) > 2 else ""), column=column)
        return None
    if target.positive is None:
        positive = [name for name in names if name.lower() in YES and _other(names, name).lower() in NO]
        written = names[1] if names[1].isprintable() else f'"{ascii(names[1])[1:-1]}"'
        remedy = f"{FILE} does not say which is positive: `{{binary: {{column: {column}, positive: {written}}}}}`"
    else:
        positive = [name for name in names if _matcher(target)(name)]
        remedy = f"{FILE} names {target.positive!r} as positive, which does not occur"
    if not positive:
        rows.findings.add(1, f"the values are {quote(names[0])!r} and {quote(names[1])!r}; {remedy}", column=column)
        return None
    return (_other(names, positive[0]), positive[0]), np.array([v == positive[0] for v in values], np.int64)


def _other(names: Sequence[str], name: str) -> str:
    return names[1 - names.index(name)]


def _labels(target: TargetCard, rows: Rows) -> Made:
    if len(target.columns) > 1:
        return _flags(target.columns, rows)
    column = target.columns[0]
    values = rows.columns[column]
    if all(v is not None and not isinstance(v, list) and label(v).lower() in (*YES, *NO) for v in values):
        what = "one column of 0 and 1 is a binary target; a multilabel one has several, or labels in one"
        rows.findings.add(1, what, column=column)
        return None
    if (listed := lists(values)) is not None:
        values = listed
    if are_flags([v for v in values if isinstance(v, list)]) and not any(isinstance(v, str) for v in values):
        what = "holds lists of 0 and 1, one for each label; make a column of each, and name them: `multilabel: [a, b]`"
        rows.findings.add(1, what, column=column)
        return None
    sets: list[set[str]] = []
    for row, value in zip(rows.numbers, values, strict=True):
        parts = value if isinstance(value, list) else [] if value is None else label(value).split(target.separator)
        if any(isinstance(p, (list, dict, bytes)) or p is None for p in parts) or isinstance(value, (dict, bytes)):
            rows.findings.add(row, "labels are texts", column=column)
            parts = []
        # Nothing, or nothing between two separators, is no label: a sample may have none.
        sets.append({name for p in parts if (name := label(p))})
    names = in_order(name for s in sets for name in s)
    if not names:
        rows.findings.add(1, "no sample has a label", column=column)
        return None
    if len(names) > MOST_CLASSES and len(names) > len(values) // 2:
        what = f"{len(names)} labels for {len(values)} samples; are they parted by {target.separator!r}?"
        rows.findings.add(1, what, column=column)
        return None
    spellings(column, names, rows, "label")
    if len(sets) > 1 and all(s == sets[0] for s in sets):
        rows.findings.add(1, "every sample has the same labels; there is nothing to learn", column=column)
    place = {name: i for i, name in enumerate(names)}
    labels = np.zeros((len(values), len(names)), np.int64)
    for i, s in enumerate(sets):
        labels[i, [place[name] for name in s]] = 1
    return names, labels


def _flags(columns: Sequence[str], rows: Rows) -> Made:
    labels = np.zeros((len(rows), len(columns)), np.int64)
    for j, column in enumerate(columns):
        for i, (row, value) in enumerate(zip(rows.numbers, rows.columns[column], strict=True)):
            name = "" if value is None else label(value).lower()
            if name not in (*YES, *NO):
                what = "is neither 0 nor 1" if name else "is empty; write 0 or 1"
                rows.findings.add(row, what, column=column, value=value)
            labels[i, j] = name in YES
        if len(rows) and not labels[:, j].any():
            rows.findings.add(1, "no sample has this label; leave the column out", column=column)
    if len(rows) > 1 and labels.any() and (labels == labels[0]).all():
        rows.findings.add(1, "every sample has the same labels; there is nothing to learn", column=columns[0])
    return tuple(columns), labels


def _numbers(target: TargetCard, rows: Rows) -> Made:
    labels = np.zeros((len(rows), len(target.columns)), np.float32)
    for j, column in enumerate(target.columns):
        unread = 0
        for i, (row, value) in enumerate(zip(rows.numbers, rows.columns[column], strict=True)):
            found = number(value)
            unread += found is None
            if value is None:
                rows.findings.add(row, "the target is missing; every sample needs one", column=column)
            elif found is None:
                comma = isinstance(value, str) and number(value.replace(",", ".")) is not None
                hint = f"; write {value.replace(',', '.')}" if comma else ""
                rows.findings.add(row, f"is no (finite) number{hint}", column=column, value=value)
            else:
                labels[i, j] = found
                if target.affect and abs(found) > AFFECT:
                    what = f"`affect` is for sentiment from -{AFFECT} to {AFFECT}; leave `affect` out, or rescale"
                    rows.findings.add(row, what, column=column, value=value)
        if not unread and len(rows) > 1 and np.ptp(labels[:, j]) == 0:
            rows.findings.add(1, "all samples have the same number; nothing to learn", column=column)
    return tuple(target.columns), labels
