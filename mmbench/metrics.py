"""Scores of predictions, by the type of what is predicted. scikit-learn and SciPy compute them; here is which, and how.

No scikit-learn at import: names, directions and bounds are needed where speed is (settings, the report).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from mmbench.errors import UserError, suggest
from mmbench.schema.task import TaskKind

if TYPE_CHECKING:
    import numpy as np

    from mmbench.schema.task import Task


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
    def title(self) -> str:
        """`MAE ↓`."""
        return f"{self.label} {self.arrow}"

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


def fitting(kind: TaskKind, *, affect: bool = False) -> tuple[str, ...]:
    """The names of the metrics of such a task."""
    return tuple(name for name, m in METRICS.items() if kind in m.kinds and (affect or not m.affect))


def compared(wanted: str, dataset: str, task: Task) -> str:
    """The metric that the report compares a data set by: its own main one for "auto". Raises UserError where it lacks
    the one that is wanted."""
    known = fitting(task.kind, affect=task.affect)
    if wanted == "auto":
        return task.metric
    if wanted not in METRICS:
        raise UserError(f"report.metric: there is no metric {wanted!r}{suggest(wanted, ('auto', *METRICS))}")
    if wanted not in known:
        raise UserError(
            f"report.metric: {wanted} is no metric of the data set {dataset!r} ({task.kind}); it has "
            f"{', '.join(known)}. `auto` takes each data set's own main metric"
        )
    return wanted


def better(name: str, a: float, b: float) -> bool:
    """Whether the score `a` is strictly better than `b`."""
    return a > b if METRICS[name].higher else a < b


Parts = Mapping[str, Callable[[], float]]


def scores(
    task: Task, predictions: np.ndarray, labels: np.ndarray, only: Collection[str] | None = None
) -> dict[str, float]:
    """Every metric of the task that these samples can carry; one that is not defined on them is left out.

    predictions: classification and binary (N, C) probabilities; multilabel (N, L) probabilities; regression (N, K) in
    the targets' own units. labels: (N,) classes; (N, L) of 0 and 1; (N, K). Several targets: the mean over them. AUROC
    of more than two classes: one against the rest, macro. AUPRC: average precision. loss: cross-entropy in nats (of
    several labels the mean), or squared error. only: no others.
    """
    import numpy as np

    parts = _PARTS[task.kind](task, predictions, labels)
    wanted = [name for name in METRICS if name in parts and (only is None or name in only)]
    found = {name: float(parts[name]()) for name in wanted}
    return {name: value for name, value in found.items() if np.isfinite(value)}


def _classification(task: Task, probabilities: np.ndarray, labels: np.ndarray) -> Parts:
    from sklearn import metrics as sk

    guess, classes = probabilities.argmax(-1), list(range(probabilities.shape[1]))
    present = sorted(set(labels.tolist()))
    parts: dict[str, Callable[[], float]] = {
        "accuracy": lambda: sk.accuracy_score(labels, guess),
        # The mean recall of the classes that occur: scikit-learn's balanced accuracy, without its warning.
        "balanced_accuracy": lambda: sk.recall_score(labels, guess, labels=present, average="macro", zero_division=0),
        "macro_f1": lambda: sk.f1_score(labels, guess, average="macro", labels=classes, zero_division=0),
        "weighted_f1": lambda: sk.f1_score(labels, guess, average="weighted", labels=classes, zero_division=0),
        "loss": lambda: sk.log_loss(labels, probabilities, labels=classes),
    }
    if task.kind == "binary":
        parts["f1"] = lambda: sk.f1_score(labels, guess, pos_label=1, zero_division=0)
    if len(present) == len(classes) > 1:
        against_rest = classes if len(classes) > 2 else [1]
        parts["auroc"] = lambda: _mean([sk.roc_auc_score(labels == c, probabilities[:, c]) for c in against_rest])
        if task.kind == "binary":
            parts["auprc"] = lambda: sk.average_precision_score(labels, probabilities[:, 1])
    return parts


def _multilabel(task: Task, probabilities: np.ndarray, labels: np.ndarray) -> Parts:
    from sklearn import metrics as sk

    labels, guess = labels.astype(int), (probabilities >= 0.5).astype(int)
    both = [i for i in range(labels.shape[1]) if 0 < labels[:, i].sum() < len(labels)]

    def f1(average: str) -> Callable[[], float]:
        return lambda: sk.f1_score(labels, guess, average=average, zero_division=0)

    def mean_of(score: Callable[..., float], columns: list[int]) -> Callable[[], float]:
        return lambda: _mean([score(labels[:, i], probabilities[:, i]) for i in columns])

    return {
        "accuracy": lambda: sk.accuracy_score(labels, guess),
        **{f"{average}_f1": f1(average) for average in ("macro", "micro", "weighted")},
        "auroc": mean_of(sk.roc_auc_score, both),
        "auprc": mean_of(sk.average_precision_score, both),
        "loss": mean_of(lambda y, p: sk.log_loss(y, p, labels=[0, 1]), list(range(labels.shape[1]))),
    }


def _regression(task: Task, values: np.ndarray, labels: np.ndarray) -> Parts:
    from scipy import stats
    from sklearn import metrics as sk

    labels, values = labels.astype("float64"), values.astype("float64")
    parts: dict[str, Callable[[], float]] = {
        "mae": lambda: sk.mean_absolute_error(labels, values),
        "rmse": lambda: sk.root_mean_squared_error(labels, values),
        "pearson": lambda: _correlation(stats.pearsonr, labels, values),
        "spearman": lambda: _correlation(stats.spearmanr, labels, values),
        "loss": lambda: sk.mean_squared_error(labels, values),
    }
    return parts | (_affect(labels[:, 0], values[:, 0]) if task.affect else {})


_PARTS: Mapping[TaskKind, Callable[[Task, np.ndarray, np.ndarray], Parts]] = {
    "classification": _classification,
    "binary": _classification,
    "multilabel": _multilabel,
    "regression": _regression,
}


def _correlation(of: Callable[..., tuple[float, float]], labels: np.ndarray, values: np.ndarray) -> float:
    """The mean over targets; 0 for a target that is predicted by a constant (it orders nothing), NaN where the labels
    themselves do not vary."""
    import numpy as np

    each = []
    for y, x in zip(labels.T, values.T, strict=True):
        if len(y) < 2 or np.ptp(y) == 0:
            return float("nan")
        # Differences that are rounding of a constant are none.
        each.append(0.0 if np.ptp(x) <= 1e-12 * np.abs(x).max(initial=0) else float(of(y, x)[0]))
    return _mean(each)


def _affect(labels: np.ndarray, values: np.ndarray) -> dict[str, Callable[[], float]]:
    """Sentiment in [-3, 3]: seven and five classes by rounding, two by sign, with zero as not negative or left out.

    As MMSA (Mao et al. 2022) reports them: accuracy, and F1 weighted by class frequency.
    """
    import numpy as np
    from sklearn import metrics as sk

    polar = labels != 0
    signs = {"has0": (labels >= 0, values >= 0), "non0": (labels[polar] > 0, values[polar] > 0)}

    def classes(bound: int) -> float:
        return float(sk.accuracy_score(*(np.round(x.clip(-bound, bound)) for x in (labels, values))))

    parts: dict[str, Callable[[], float]] = {"acc5": lambda: classes(2), "acc7": lambda: classes(3)}
    for name, (truth, guess) in signs.items():
        if len(truth):
            parts[f"acc2_{name}"] = partial(sk.accuracy_score, truth, guess)
            parts[f"f1_{name}"] = partial(sk.f1_score, truth, guess, average="weighted", zero_division=0)
    return parts


def _mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else float("nan")
