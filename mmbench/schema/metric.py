"""What a metric is, and which there are. Computing scores is `mmbench.schema.scores`.

Metrics are found, not listed: every file of `mmbench/metric` (and what other packages name in the entry point group
`mmbench.metric`) holds one. No scikit-learn at import: names, directions and bounds are needed where speed is
(settings, the report).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, ClassVar

from mmbench.errors import UserError, suggest
from mmbench.registry import variants
from mmbench.schema.task import Task, TaskKind

if TYPE_CHECKING:
    import numpy as np


CLASSES: tuple[TaskKind, ...] = ("classification", "binary")
LABELS: tuple[TaskKind, ...] = (*CLASSES, "multilabel")
NUMBERS: tuple[TaskKind, ...] = ("regression",)


class Metric(ABC):
    """A score of predictions, for one task. Base of the variants of the axis "metric".

    Attributes:
        label: For people.
        kinds: Of tasks that it is for.
        higher: Whether more is better.
        low, high: What it can be; None: without a bound.
        affect: Whether it is part of the set that is customary for sentiment in [-3, 3].
        position: Among the metrics of a table; metrics with one position are sorted by name.
    """

    label: ClassVar[str]
    kinds: ClassVar[tuple[TaskKind, ...]]
    higher: ClassVar[bool] = True
    low: ClassVar[float | None] = 0.0
    high: ClassVar[float | None] = 1.0
    affect: ClassVar[bool] = False
    position: ClassVar[int] = 50

    def __init__(self, task: Task) -> None:
        self.task = task

    @abstractmethod
    def score(self, predictions: np.ndarray, labels: np.ndarray) -> float:
        """The score of N samples; NaN where it is not defined on them. Import what is slow to import in here.

        predictions: float64; classification and binary (N, C) probabilities; multilabel (N, L) probabilities;
        regression (N, K) numbers in the targets' own units. labels: (N,) classes; (N, L) of 0 and 1; (N, K) numbers.
        """


@dataclass(frozen=True, kw_only=True)
class MetricInfo:
    """What a metric says about itself; the fields are those of `Metric`. module: where it is defined."""

    name: str
    label: str
    kinds: tuple[TaskKind, ...]
    higher: bool
    low: float | None
    high: float | None
    affect: bool
    position: int
    module: str

    @property
    def arrow(self) -> str:
        return "↑" if self.higher else "↓"

    @property
    def title(self) -> str:
        """`MAE ↓`."""
        return f"{self.label} {self.arrow}"

    @property
    def is_share(self) -> bool:
        """Whether it lies in [0, 1], so that differences can be given in points."""
        return (self.low, self.high) == (0.0, 1.0)


def _info(name: str, cls: type[Metric]) -> MetricInfo:
    return MetricInfo(
        name=name,
        label=cls.label,
        kinds=cls.kinds,
        higher=cls.higher,
        low=cls.low,
        high=cls.high,
        affect=cls.affect,
        position=cls.position,
        module=cls.__module__,
    )


@cache
def _find_metrics() -> Mapping[str, MetricInfo]:
    """Every metric by name, in the order of tables. Raises UserError for one that lacks a label or its kinds."""
    found = {}
    for name, variant in variants("metric").items():
        try:
            found[name] = _info(name, variant.cls)
        except AttributeError as error:
            raise UserError(f"metric {name!r} in {variant.module} has no attribute {error.name!r}; add it") from None
    return dict(sorted(found.items(), key=lambda item: (item[1].position, item[0])))


class _Known(Mapping[str, MetricInfo]):
    """Looked up at first use, not at import: importing the settings must not import the metrics."""

    def __getitem__(self, name: str) -> MetricInfo:
        return _find_metrics()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(_find_metrics())

    def __len__(self) -> int:
        return len(_find_metrics())


METRICS: Mapping[str, MetricInfo] = _Known()
"""Every metric that is installed, by name, in the order of tables."""


def fitting(kind: TaskKind, *, affect: bool = False) -> tuple[str, ...]:
    """The names of the metrics of such a task."""
    return tuple(name for name, m in METRICS.items() if kind in m.kinds and (affect or not m.affect))


def margin(metric: str, rope: float, *, guess: float | None, samples: int | None = None) -> float:
    """Differences within it count as equal, in the metric's own unit.

    rope: of a metric that ends at 1 as it is, of an error a share of a guess's; 0 where `guess`, what that scores, is
    not known. samples: of the test split, where known; if one of them outweighs the margin, nothing can be called
    equal.
    """
    if METRICS[metric].high is None:
        return rope * abs(guess or 0.0)
    return 0.0 if samples is not None and samples * rope < 1 else rope


def metric_to_compare(wanted: str, dataset: str, task: Task) -> str:
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
