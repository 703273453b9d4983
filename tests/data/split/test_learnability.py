"""Splits that nothing can be learned from."""

from __future__ import annotations

import numpy as np
import pytest

from mmbench.data.files.problems import DataError
from mmbench.data.split import learnability
from mmbench.data.table.table import Column
from tests.support.tables import table

SPLIT = np.array(["train"] * 4 + ["validation"] * 2 + ["test"] * 2)


@pytest.mark.parametrize(
    ("labels", "kind", "expected"),
    [
        ([0, 1, 0, 1, 0, 1, 0, 2], "classification", "'class 2' is in test but never in train"),
        ([0, 0, 0, 0, 0, 1, 0, 1], "binary", "every sample of train has the class 'no'"),
        ([[1.0]] * 4 + [[2.0]] * 4, "regression", "is 1 in every sample of train"),
        ([[1, 0]] * 4 + [[1, 1]] * 4, "multilabel", "'target 1' is never true in train"),
    ],
)
def test_what_cannot_be_learned(labels: list[object], kind: str, expected: str) -> None:
    with pytest.raises(DataError, match=expected):
        learnability.check(table(labels, kind), SPLIT)  # type: ignore[arg-type]


def test_notes() -> None:
    cells = [None if i % 2 or i > 5 else f"text {i}" for i in range(8)]
    notes = learnability.check(table([0, 1, 0, 1, 0, 1, 0, 0], said=Column(kind="text", cells=cells)), SPLIT)
    assert "no sample of test has these classes: 'class 1'" in notes
    assert "said: no sample of test has it" in notes
    assert "validation has only 2 samples: scores on it are rough" in notes


@pytest.mark.parametrize(("groups", "told"), [(1, "1 group"), (4, "4 groups"), (10, None)])
def test_few_groups_are_told(groups: int, told: str | None) -> None:
    """Twenty samples of test; the groups of train do not count."""
    split = np.array(["train"] * 20 + ["validation"] * 20 + ["test"] * 20)
    group = [f"t{i}" for i in range(20)] + [f"v{i}" for i in range(20)] + [f"s{i % groups}" for i in range(20)]
    notes = learnability.check(table([0, 1] * 30, group=group), split)
    expected = [f"few groups: the 20 samples of test come from {told}, and other groups may differ"] if told else []
    assert [note for note in notes if "group" in note] == expected
    assert not learnability.check(table([0, 1] * 30), split)
