"""Confusion and scores of each target, against counts made by hand."""

from __future__ import annotations

import numpy as np
import pytest

from mmbench.stats.breakdown import MATRIX, MOST, breakdown


def hot(answers: list[int], k: int) -> np.ndarray:
    return np.eye(k)[answers]


def test_classes_have_a_matrix_over_all_runs() -> None:
    truth = np.array([0, 0, 1, 1, 2, 2])
    runs = [(hot([0, 1, 1, 1, 2, 0], 3), truth), (hot([0, 0, 1, 1, 2, 0], 3), truth)]
    found = breakdown("classes", ("a", "b", "c"), runs)
    assert found.runs == 2 and found.matrix == ((3, 1, 0), (0, 4, 0), (2, 0, 2)) and not found.confused
    values = {t.name: t.values for t in found.targets}
    assert values["a"] == pytest.approx((3 / 5, 3 / 4, 2 * 3 / (5 + 4), 2))
    assert values["c"] == pytest.approx((1, 1 / 2, 2 / 3, 2))


def test_a_class_that_is_never_answered_counts_as_nothing() -> None:
    found = breakdown("classes", ("a", "b"), [(hot([0, 0], 2), np.array([0, 1]))])
    assert found.targets[1].values == (0, 0, 0, 1)


def test_of_many_classes_the_worst_and_the_most_confused_are_told() -> None:
    k = MOST + 6
    truth = np.repeat(np.arange(k), 4)
    answers = truth.copy()
    answers[truth == 7] = 3
    answers[np.flatnonzero(truth == 5)[0]] = 6
    found = breakdown("classes", [str(i) for i in range(k)], [(hot(answers.tolist(), k), truth)])
    assert found.matrix is None and found.confused == (("7", "3", 4), ("5", "6", 1))
    assert len(found.targets) == MOST and found.targets[0].name == "7"
    few = breakdown("classes", [str(i) for i in range(MATRIX)], [(hot([0], MATRIX), np.array([0]))])
    assert few.matrix is not None and not few.confused


def test_labels_count_each_by_itself() -> None:
    truth = np.array([[1, 0], [1, 1], [0, 1]])
    found = breakdown("labels", ("x", "y"), [(np.array([[0.9, 0.6], [0.4, 0.7], [0.1, 0.8]]), truth)])
    assert found.matrix is None
    assert found.targets[0].values == pytest.approx((1, 1 / 2, 2 / 3, 2))
    assert found.targets[1].values == pytest.approx((2 / 3, 1, 4 / 5, 2))


def test_numbers_have_errors_and_no_share_of_a_constant() -> None:
    truth = np.array([[1.0, 5.0], [2.0, 5.0], [3.0, 5.0]])
    found = breakdown("numbers", ("x", "y"), [(truth + np.array([0.5, -1.0]), truth)])
    assert found.targets[0].values == pytest.approx((0.5, 1 - 0.75 / 2, 0.5))
    error, explained, bias = found.targets[1].values
    assert (error, bias) == (1, -1) and np.isnan(explained)
