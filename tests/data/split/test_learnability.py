"""Splits that nothing can be learned from."""

from __future__ import annotations

import re

import numpy as np
import pytest

from mmbench.data.files.problems import DataError
from mmbench.data.split import learnability
from mmbench.data.table.table import Column
from mmbench.schema import few_samples
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
    assert "validation has only 2 samples: the epoch is chosen on them, so the choice is rough" in notes


@pytest.mark.parametrize(("groups", "told"), [(1, "1 group"), (4, "4 groups"), (10, None)])
def test_few_groups_are_told(groups: int, told: str | None) -> None:
    """Twenty samples of test; the groups of train do not count."""
    split = np.array(["train"] * 20 + ["validation"] * 20 + ["test"] * 20)
    group = [f"t{i}" for i in range(20)] + [f"v{i}" for i in range(20)] + [f"s{i % groups}" for i in range(20)]
    notes = learnability.check(table([0, 1] * 30, group=group), split)
    expected = [f"few groups: the 20 samples of test come from {told}, and other groups may differ"] if told else []
    assert [note for note in notes if "group" in note] == expected
    few = [note for note in learnability.check(table([0, 1] * 30), split) if not note.startswith("few samples: ")]
    assert few == ["validation has only 20 samples: the epoch is chosen on them, so the choice is rough"]


@pytest.mark.parametrize(
    ("test", "kind", "said"),
    [
        (2, "binary", "a model that gets 2 of 2 right .* from 34 % to 100 % .* need not be better than a guess"),
        (12, "binary", "a model that gets 9 of 12 right .* from 47 % to 91 % .* have at least 30"),
        (29, "multilabel", "scores on fewer than 30 are rough"),
        (30, "binary", None),
    ],
)
def test_few_test_samples_come_with_the_interval_that_they_allow(test: int, kind: str, said: str | None) -> None:
    split = np.array(["train"] * 40 + ["validation"] * 40 + ["test"] * test)
    labels = [0, 1] * len(split) if kind == "binary" else [[0, 1], [1, 0]] * len(split)
    notes = learnability.check(table(labels[: len(split)], kind), split)  # type: ignore[arg-type]
    assert bool(notes) == bool(said)
    if said:
        assert re.fullmatch(rf"few samples: test has only {test} samples.*{said}.*", notes[0])


def test_the_interval_is_wilsons() -> None:
    """Of Newcombe 1998, Table I: 81 of 263, 15 of 148, 0 of 20, 29 of 29."""
    for right, samples, low, high in ((81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0, 0.1611)):
        assert few_samples.interval(right, samples) == pytest.approx((low, high), abs=5e-5)
    assert few_samples.interval(29, 29)[0] == pytest.approx(0.8830, abs=5e-5)
