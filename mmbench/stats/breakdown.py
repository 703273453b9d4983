"""What stands behind a score: the confusion of classes, and the scores of each class, label or number by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from sklearn import metrics

Kind = Literal["classes", "labels", "numbers"]

MATRIX = 12
"""With more classes than this there is no matrix, but the pairs that are confused most."""
MOST = 24
"""With more targets than this the worst are listed."""


@dataclass(frozen=True, kw_only=True)
class TargetScores:
    """One class, label or number.

    values: of classes and labels precision, recall, F1 and how many samples have it, a mean over the runs; of numbers
    mean absolute error, R² (NaN where the truth is constant) and mean error.
    """

    name: str
    values: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Breakdown:
    """Of one method on one split, over `runs` runs.

    targets: in the data set's order, or of many the worst, worst first. matrix: samples by class (row) and answer
    (column), summed over the runs; None without classes, or with many. confused: class, answer and samples of what is
    confused most, where there are classes and no matrix.
    """

    kind: Kind
    runs: int
    names: tuple[str, ...]
    targets: tuple[TargetScores, ...]
    matrix: tuple[tuple[int, ...], ...] | None = None
    confused: tuple[tuple[str, str, int], ...] = ()


def breakdown(kind: Kind, names: Sequence[str], runs: Sequence[tuple[np.ndarray, np.ndarray]]) -> Breakdown:
    """runs: predictions and labels of each. Classes: probabilities (N, C) and classes (N,); labels: probabilities
    (N, L) and 0 or 1 (N, L); numbers: (N, K) both. names: of the C, L or K targets. Raises ValueError without runs.
    """
    predicted, truth = (np.concatenate(part) for part in zip(*runs, strict=True))
    if kind == "numbers":
        return Breakdown(kind=kind, runs=len(runs), names=tuple(names), targets=_numbers(names, predicted, truth))
    every = np.arange(len(names))
    answers = predicted.argmax(-1) if kind == "classes" else (predicted > 0.5).astype(int)
    columns = metrics.precision_recall_fscore_support(truth, answers, labels=every, average=None, zero_division=0)
    found = [
        TargetScores(name=name, values=(float(p), float(r), float(f), float(n) / len(runs)))
        for name, p, r, f, n in zip(names, *columns, strict=True)
    ]
    targets = found if len(found) <= MOST else sorted(found, key=lambda x: x.values[2])[:MOST]
    made = Breakdown(kind=kind, runs=len(runs), names=tuple(names), targets=tuple(targets))
    return made if kind == "labels" else _confusion(made, truth, answers)


def _confusion(found: Breakdown, truth: np.ndarray, answers: np.ndarray) -> Breakdown:
    names = found.names
    counts = metrics.confusion_matrix(truth, answers, labels=np.arange(len(names)))
    shared = {"kind": found.kind, "runs": found.runs, "names": names, "targets": found.targets}
    if len(names) <= MATRIX:
        return Breakdown(**shared, matrix=tuple(tuple(int(n) for n in row) for row in counts))  # type: ignore[arg-type]
    wrong = [(int(n), i, j) for (i, j), n in np.ndenumerate(counts) if i != j and n]
    most = sorted(wrong, key=lambda x: (-x[0], x[1], x[2]))[:MATRIX]
    return Breakdown(**shared, confused=tuple((names[i], names[j], n) for n, i, j in most))  # type: ignore[arg-type]


def _numbers(names: Sequence[str], predicted: np.ndarray, truth: np.ndarray) -> tuple[TargetScores, ...]:
    predicted, truth = predicted.reshape(-1, len(names)), truth.reshape(-1, len(names))
    errors = metrics.mean_absolute_error(truth, predicted, multioutput="raw_values")
    constant = np.ptp(truth, axis=0) == 0
    explained = np.where(constant, np.nan, metrics.r2_score(truth, predicted, multioutput="raw_values"))
    bias = (predicted - truth).mean(0)
    return tuple(
        TargetScores(name=name, values=(float(e), float(r), float(b)))
        for name, e, r, b in zip(names, errors, explained, bias, strict=True)
    )
