"""Whether anything can be learned from a table as it is split, and what to know of it otherwise."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mmbench.data.files.problems import DataError, Problem
from mmbench.data.split import coverage
from mmbench.data.table.findings import quote
from mmbench.data.table.table import Table
from mmbench.schema import few_samples
from mmbench.schema.metric import CLASSES

FEW = 10
"""Groups of validation or test below which a score says little."""

FEW_GROUPS, FEW_SAMPLES = "few groups: ", "few samples: "
"""How notes begin that tell of them."""

OTHERS = ("validation", "test")


def check(table: Table, split: np.ndarray) -> list[str]:
    """What to know of the samples of each split; split: (N,) "train", "validation" or "test".

    Raises DataError where nothing could be learned, or where a class is asked for that training never shows.
    """
    problems = list(_problems(table, split))
    if problems:
        raise DataError([Problem(where="splits", what=what) for what in problems])
    return [
        *_of_sizes(table, split),
        *_of_groups(table, split),
        *coverage.notes(table, split),
        *_of_modalities(table, split),
    ]


def _problems(table: Table, split: np.ndarray) -> Iterator[str]:
    train, kind, names = table.labels[split == "train"], table.task.kind, table.task.targets
    if not len(train):
        yield "no sample is in train"
    elif kind in CLASSES:
        known = np.unique(train)
        if len(known) == 1:
            yield f"every sample of train has the class {quote(names[int(known[0])])!r}; there is nothing to learn"
            return
        for other in OTHERS:
            for index in np.setdiff1d(table.labels[split == other], known).tolist():
                yield f"class {quote(names[index])!r} is in {other} but never in train; move samples of it to train"
    else:
        for name, column in zip(names, train.T, strict=True):
            if kind == "regression" and np.ptp(column) == 0:
                yield f"target {quote(name)!r} is {column[0]:g} in every sample of train; nothing to learn"
            elif kind == "multilabel" and not column.any():
                yield f"label {quote(name)!r} is never true in train; move samples of it there, or leave it out"


def _of_sizes(table: Table, split: np.ndarray) -> Iterator[str]:
    classes = len(table.task.targets) if table.task.kind in CLASSES else None
    test, validation = (int((split == other).sum()) for other in ("test", "validation"))
    if said := few_samples.warning(test, classes):
        yield FEW_SAMPLES + said
    if validation < few_samples.LEAST:
        yield f"validation has only {validation} samples: the epoch is chosen on them, so the choice is rough"


def _of_groups(table: Table, split: np.ndarray) -> Iterator[str]:
    """Samples of one speaker or site are alike: so few groups say little of others."""
    if table.group is None:
        return
    for other in OTHERS:
        own = np.flatnonzero(split == other).tolist()
        groups = {table.group[i] for i in own if table.group[i]}
        if groups and len(groups) < FEW <= len(own):
            number = "1 group" if len(groups) == 1 else f"{len(groups)} groups"
            yield f"{FEW_GROUPS}the {len(own):,} samples of {other} come from {number}, and other groups may differ"


def _of_modalities(table: Table, split: np.ndarray) -> Iterator[str]:
    for name, column in table.modalities.items():
        missing = np.fromiter((cell is None for cell in column.cells), bool, len(table))
        for part in ("train", *OTHERS):
            if (split == part).any() and missing[split == part].all():
                yield f"{name}: no sample of {part} has it"
        if table.task.kind in CLASSES and missing.any():
            lacking = np.unique(table.labels[missing])
            if len(lacking) == 1 and missing[table.labels == lacking[0]].all():
                target = quote(table.task.targets[int(lacking[0])])
                yield f"{name}: missing exactly where the class is {target!r}, so that its absence gives the class away"
