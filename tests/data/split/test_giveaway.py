"""An input that is a copy of the target is told; one that is merely good is not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from mmbench.data.split import giveaway
from mmbench.data.table.findings import Files, Places
from mmbench.data.table.record import record
from mmbench.data.table.table import Column, Table
from mmbench.schema.task import TaskKind, task_of

N = 60
RNG = np.random.default_rng(0)
CLASSES = np.arange(N) % 3
AGES = RNG.normal(40, 10, N).astype(np.float32)
FLAGS = RNG.integers(0, 2, (N, 2))


def table(
    kind: TaskKind, targets: tuple[str, ...], labels: np.ndarray, cells: Sequence[Any], of: str, *names: str
) -> Table:
    column = Column(kind=of, cells=cells, named=names)  # type: ignore[arg-type]
    return Table(
        places=Places(Files(("m.csv",)), range(1, N + 1)),
        modalities={"x": column},
        task=task_of(kind, targets, None),
        labels=labels,
    )


def vectors(second: np.ndarray) -> list[np.ndarray]:
    return list(np.stack([RNG.normal(size=N), second], axis=1).astype(np.float32))


def rows(second: Sequence[Any]) -> list[str | None]:
    return [record({"other": RNG.normal(), "x": value}) for value in second]


GIVEN: list[tuple[TaskKind, tuple[str, ...], np.ndarray, Sequence[Any], str]] = [
    ("regression", ("age",), AGES[:, None], vectors(AGES * 12 + RNG.normal(0, 0.01, N)), "vector"),
    ("regression", ("age", "size"), np.stack([RNG.normal(size=N), AGES], 1), vectors(-AGES), "vector"),
    ("classification", ("a", "b", "c"), CLASSES, vectors(CLASSES * 5 - 1.0), "vector"),
    ("multilabel", ("u", "v"), FLAGS, vectors(1.0 - FLAGS[:, 1]), "vector"),
    ("classification", ("a", "b", "c"), CLASSES, [("Ann", "bob", "c d")[c] for c in CLASSES], "text"),
    ("classification", ("a", "b", "c"), CLASSES, [*(None for _ in range(9)), *("abc"[c] for c in CLASSES[9:])], "text"),
    ("regression", ("age",), AGES[:, None], [f"{age:.3f}" for age in AGES], "text"),
    ("classification", ("a", "b", "c"), CLASSES, rows([("Ann", "bob", "c d")[c] for c in CLASSES]), "table"),
    ("classification", ("a", "b", "c"), CLASSES, rows(list(CLASSES * 5 - 1)), "table"),
    ("regression", ("age",), AGES[:, None], rows([None, *AGES[1:].tolist()]), "table"),
    ("regression", ("age", "size"), np.stack([RNG.normal(size=N), AGES], 1), rows((AGES / 2.2).tolist()), "table"),
    ("multilabel", ("u", "v"), FLAGS, rows(FLAGS[:, 1].tolist()), "table"),
]


@pytest.mark.parametrize(("kind", "targets", "labels", "cells", "of"), GIVEN)
def test_a_copy_of_the_target_is_told(
    kind: TaskKind, targets: tuple[str, ...], labels: np.ndarray, cells: Sequence[Any], of: str
) -> None:
    (said,) = giveaway.notes(table(kind, targets, labels, cells, of))
    assert said.startswith("number 2 of x gives" if of == "vector" else "x gives")


def test_the_column_of_a_number_is_named() -> None:
    made = table("regression", ("age",), AGES[:, None], vectors(AGES), "vector", "f_0", "f_1")
    (said,) = giveaway.notes(made)
    assert said.startswith("f_1 gives the target away: its correlation with age is 1.0000; leave it out of `columns`")


NOISY = [*CLASSES[:-4], *((CLASSES[-4:] + 1) % 3)]
CLEAN: list[tuple[TaskKind, tuple[str, ...], np.ndarray, Sequence[Any], str]] = [
    ("regression", ("age",), AGES[:, None], vectors(AGES + RNG.normal(0, 2, N)), "vector"),
    ("classification", ("a", "b", "c"), CLASSES, vectors(np.array(NOISY)), "vector"),
    ("classification", ("a", "b", "c"), CLASSES, vectors(CLASSES + RNG.normal(0, 0.1, N)), "vector"),
    ("classification", ("a", "b", "c"), CLASSES, [f"word {i} of {c}" for i, c in enumerate(CLASSES)], "text"),
    ("classification", ("a", "b", "c"), CLASSES, ["same"] * N, "text"),
    ("classification", ("a", "b", "c"), CLASSES, ["ab"[int(c > 0)] for c in CLASSES], "text"),
    ("regression", ("age",), AGES[:, None], vectors(np.ones(N)), "vector"),
    ("classification", ("a", "b", "c"), CLASSES, [None] * (N - 9) + ["abc"[c] for c in CLASSES[-9:]], "text"),
]


@pytest.mark.parametrize(("kind", "targets", "labels", "cells", "of"), CLEAN)
def test_a_good_input_is_not_told(
    kind: TaskKind, targets: tuple[str, ...], labels: np.ndarray, cells: Sequence[Any], of: str
) -> None:
    assert giveaway.notes(table(kind, targets, labels, cells, of)) == []
