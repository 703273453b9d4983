"""Scores of predictions, by the type of what is predicted. scikit-learn and SciPy compute them; here is which, and how.

No scikit-learn at import: names, directions and bounds are needed where speed is (settings, the report).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np

    from mmbench.config import Task

TaskKind = Literal["classification", "binary", "multilabel", "regression"]


@dataclass(frozen=True, kw_only=True)
class Metric:
    """label: for people. higher: whether more is better. low, high: what it can be; None: without a bound.

    kinds: of tasks that it is for. affect: part of the set that is customary for sentiment in [-3, 3].
    """

    label: str
    kinds: tuple[TaskKind, ...]
    higher: bool = True
    low: float | None = 0.0
    high: float | None = 1.0
    affect: bool = False

    @property
    def arrow(self) -> str:
        return "↑" if self.higher else "↓"

    @property
    def is_share(self) -> bool:
        """Whether it lies in [0, 1], so that differences can be told in points."""
        return (self.low, self.high) == (0.0, 1.0)


_CLASSES: tuple[TaskKind, ...] = ("classification", "binary")
_LABELS: tuple[TaskKind, ...] = (*_CLASSES, "multilabel")
_NUMBERS: tuple[TaskKind, ...] = ("regression",)

METRICS: Mapping[str, Metric] = {
    "accuracy": Metric(label="accuracy", kinds=_LABELS),
    "balanced_accuracy": Metric(label="balanced accuracy", kinds=_CLASSES),
    "macro_f1": Metric(label="macro-F1", kinds=_LABELS),
    "micro_f1": Metric(label="micro-F1", kinds=("multilabel",)),
    "weighted_f1": Metric(label="weighted F1", kinds=_LABELS),
    "f1": Metric(label="F1", kinds=("binary",)),
    "auroc": Metric(label="AUROC", kinds=_LABELS),
    "auprc": Metric(label="AUPRC", kinds=("binary", "multilabel")),
    "mae": Metric(label="MAE", kinds=_NUMBERS, higher=False, high=None),
    "rmse": Metric(label="RMSE", kinds=_NUMBERS, higher=False, high=None),
    "pearson": Metric(label="Pearson r", kinds=_NUMBERS, low=-1.0),
    "spearman": Metric(label="Spearman ρ", kinds=_NUMBERS, low=-1.0),
    "acc2_has0": Metric(label="Acc-2 (with neutral)", kinds=_NUMBERS, affect=True),
    "f1_has0": Metric(label="F1 (with neutral)", kinds=_NUMBERS, affect=True),
    "acc2_non0": Metric(label="Acc-2 (without neutral)", kinds=_NUMBERS, affect=True),
    "f1_non0": Metric(label="F1 (without neutral)", kinds=_NUMBERS, affect=True),
    "acc5": Metric(label="Acc-5", kinds=_NUMBERS, affect=True),
    "acc7": Metric(label="Acc-7", kinds=_NUMBERS, affect=True),
    "loss": Metric(label="loss", kinds=(*_LABELS, *_NUMBERS), higher=False, high=None),
}

MAIN: Mapping[TaskKind, str] = {
    "classification": "accuracy",
    "binary": "accuracy",
    "multilabel": "macro_f1",
    "regression": "mae",
}
"""The main metric where a data set names none."""


def fitting(kind: TaskKind, *, affect: bool = False) -> tuple[str, ...]:
    """The names of the metrics of such a task."""
    return tuple(name for name, m in METRICS.items() if kind in m.kinds and (affect or not m.affect))


def better(name: str, a: float, b: float) -> bool:
    """Whether the score `a` is strictly better than `b`."""
    return a > b if METRICS[name].higher else a < b


def scores(task: Task, outputs: np.ndarray, labels: np.ndarray, loss: float) -> dict[str, float]:
    """Every metric of the task that these samples can carry; one that is not defined on them is left out.

    outputs: classification and binary (N, C) probabilities; multilabel (N, L) probabilities; regression (N, K) in the
    targets' own units. labels: as in `mmbench.reading.table.Table`. Several targets: the mean over them. AUROC of more
    than two classes: one against the rest, macro (Hand and Till's alternative is one against one). AUPRC: average
    precision. loss: as trained on, handed through.
    """
    compute = {
        "classification": _classification,
        "binary": _classification,
        "multilabel": _multilabel,
        "regression": _regression,
    }[task.kind]
    import numpy as np

    found = compute(task, outputs, labels) | {"loss": loss}
    return {name: float(found[name]) for name in METRICS if name in found and np.isfinite(found[name])}


def _classification(task: Task, probabilities: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    from sklearn.metrics import (
        accuracy_score,
        average_precision_score,
        f1_score,
        recall_score,
        roc_auc_score,
    )

    guess, classes = probabilities.argmax(-1), list(range(probabilities.shape[1]))
    present = sorted(set(labels.tolist()))
    found = {
        "accuracy": accuracy_score(labels, guess),
        # The mean recall of the classes that occur: scikit-learn's balanced accuracy, without its warning.
        "balanced_accuracy": recall_score(labels, guess, labels=present, average="macro", zero_division=0),
        "macro_f1": f1_score(labels, guess, average="macro", labels=classes, zero_division=0),
        "weighted_f1": f1_score(labels, guess, average="weighted", labels=classes, zero_division=0),
    }
    if task.kind == "binary":
        found["f1"] = f1_score(labels, guess, pos_label=1, zero_division=0)
    if len(present) < len(classes):
        return found
    if len(classes) == 2:
        found["auroc"] = roc_auc_score(labels, probabilities[:, 1])
    else:
        found["auroc"] = _mean([roc_auc_score(labels == c, probabilities[:, c]) for c in classes])
    if task.kind == "binary":
        found["auprc"] = average_precision_score(labels, probabilities[:, 1])
    return found


def _multilabel(task: Task, probabilities: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    from sklearn.metrics import accuracy_score, average_precision_score, f1_score, roc_auc_score

    guess = (probabilities >= 0.5).astype(int)
    found = {"accuracy": accuracy_score(labels, guess)}
    for average in ("macro", "micro", "weighted"):
        found[f"{average}_f1"] = f1_score(labels, guess, average=average, zero_division=0)
    both = [i for i in range(labels.shape[1]) if 0 < labels[:, i].sum() < len(labels)]
    if both:
        found["auroc"] = _mean([roc_auc_score(labels[:, i], probabilities[:, i]) for i in both])
        found["auprc"] = _mean([average_precision_score(labels[:, i], probabilities[:, i]) for i in both])
    return found


def _regression(task: Task, values: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    from scipy.stats import pearsonr, spearmanr
    from sklearn.metrics import mean_absolute_error, root_mean_squared_error

    labels, values = labels.astype("float64"), values.astype("float64")
    found = {
        "mae": mean_absolute_error(labels, values),
        "rmse": root_mean_squared_error(labels, values),
        "pearson": _correlation(pearsonr, labels, values),
        "spearman": _correlation(spearmanr, labels, values),
    }
    return found | (_affect(labels[:, 0], values[:, 0]) if task.affect else {})


def _correlation(of: Callable[..., object], labels: np.ndarray, values: np.ndarray) -> float:
    """The mean over targets; 0 for a target that is predicted by a constant (it orders nothing), NaN where the labels
    themselves do not vary."""
    import numpy as np

    each = []
    for y, x in zip(labels.T, values.T, strict=True):
        if len(y) < 2 or np.ptp(y) == 0:
            return float("nan")
        # Differences that are rounding of a constant are none.
        each.append(0.0 if np.ptp(x) <= 1e-12 * np.abs(x).max(initial=0) else float(of(y, x)[0]))  # type: ignore[index]
    return _mean(each)


def _affect(labels: np.ndarray, values: np.ndarray) -> dict[str, float]:
    """Sentiment in [-3, 3]: seven and five classes by rounding, two by sign, with zero as not negative or left out.

    As MMSA (Mao et al. 2022) reports them: accuracy, and F1 weighted by class frequency.
    """
    import numpy as np
    from sklearn.metrics import accuracy_score, f1_score

    found = {
        f"acc{2 * n + 1}": accuracy_score(np.round(labels.clip(-n, n)), np.round(values.clip(-n, n))) for n in (2, 3)
    }
    for name, kept in (("has0", np.ones(len(labels), bool)), ("non0", labels != 0)):
        if not kept.any():
            continue
        compare = np.greater_equal if name == "has0" else np.greater
        truth, guess = compare(labels[kept], 0), compare(values[kept], 0)
        found[f"acc2_{name}"] = accuracy_score(truth, guess)
        found[f"f1_{name}"] = f1_score(truth, guess, average="weighted", zero_division=0)
    return found


def _mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else float("nan")
