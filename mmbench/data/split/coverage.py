"""Every class and label in every split, as far as that can be; and what is said where it cannot."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mmbench.data.files.problems import DataError, Problem
from mmbench.data.split.rebalance import spread
from mmbench.data.table.table import Table

SPLITS = ("train", "validation", "test")
SHOWN = 10
"""Labels that are named in a message."""


def mend(
    table: Table,
    split: np.ndarray,
    pool: np.ndarray,
    group: np.ndarray | None,
    absent: Mapping[str, float],
    rng: np.random.Generator,
) -> None:
    """Deal samples anew, in place, where a split lacks a class or label of them.

    split: (N,), as it was cut. pool: the samples that were cut. group: (N,) numbers. absent: the share of each split
    that was cut from the rest, which trains. Raises DataError where a class must lack somewhere.
    """
    if table.task.kind == "regression":
        return
    hot = _hot(table, pool)
    occurs = np.flatnonzero(hot.any(axis=0))
    units = np.arange(len(pool)) if group is None else np.unique(group[pool], return_inverse=True)[1]
    # All samples are a class too: no split may be empty, and its size is to be met.
    counts = np.zeros((units.max() + 1, len(occurs) + 1), int)
    np.add.at(counts, units, np.column_stack([hot[:, occurs], np.ones(len(pool), bool)]))
    names = ("train", *absent)
    start = np.zeros(len(counts), int)
    start[units] = [names.index(name) for name in split[pool]]
    done = spread(counts, start, {"train": 1 - sum(absent.values()), **absent}, rng)
    if table.task.kind == "multilabel":
        _teach(counts, done.split)
    split[pool] = np.array(names)[done.split[units]]
    if table.task.kind == "multilabel":
        return
    problems = []
    for c, s in np.argwhere(done.lacks[:-1]).tolist():
        why = "whichever way they are dealt, some split lacks some class" if done.proven else "no way was found"
        what = (
            f"occurs in {(counts[:, c] > 0).sum()} groups, and none is in {names[s]}. Groups hold several classes, and "
            f"{why}: merge or leave out classes, make groups smaller, or give a `split`"
        )
        problems.append(Problem(where=f"class {table.task.targets[occurs[c]]!r}", what=what))
    if problems:
        raise DataError(problems)


def _teach(counts: np.ndarray, split: np.ndarray) -> None:
    """Of a label that still no training sample has, where there are too many to try all ways: its smallest group
    trains, in place, unless that would leave a split empty."""
    for c in np.flatnonzero(counts[split == 0].sum(axis=0) == 0).tolist():
        holders = np.flatnonzero(counts[:, c])
        for unit in holders[counts[holders, -1].argsort(kind="stable")].tolist():
            if (split == split[unit]).sum() > 1:
                split[unit] = 0
                break


def notes(table: Table, split: np.ndarray) -> tuple[str, ...]:
    """Which splits lack which classes or labels."""
    if table.task.kind == "regression":
        return ()
    told = []
    for name in SPLITS:
        counts = _hot(table, split == name).sum(axis=0).tolist()
        absent = [repr(t) for t, count in zip(table.task.targets, counts, strict=True) if not count]
        if absent:
            more = f" and {len(absent) - SHOWN} more" if len(absent) > SHOWN else ""
            what = "labels" if table.task.kind == "multilabel" else "classes"
            told.append(f"no sample of {name} has these {what}: {', '.join(absent[:SHOWN])}{more}")
    return tuple(told)


def _hot(table: Table, rows: np.ndarray) -> np.ndarray:
    """(n, classes) bool: the classes or labels of these samples."""
    labels = table.labels[rows]
    classes = np.arange(len(table.task.targets))
    hot: np.ndarray = labels > 0 if table.task.kind == "multilabel" else labels[:, None] == classes
    return hot
