"""Whether models are as sure as they are right, by level and by method."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from mmbench.report.scores.cautions import cautions
from mmbench.report.scores.context import Context
from mmbench.report.scores.dataset_scores import Record
from mmbench.report.scores.measured import Compared, Number, compare, families, part, plain
from mmbench.report.values.cells import MAJORITY
from mmbench.report.values.datasets import DatasetReport
from mmbench.report.values.methods import POOLING
from mmbench.stats.estimates import Difference, Estimate
from mmbench.stats.paired import estimate

NUMBERS = (
    Number(name="log_loss", label="log-loss", of=lambda r: part(r, "log_loss", 0), higher=False, margin=0.02, low=0),
    Number(name="brier", label="Brier score", of=lambda r: part(r, "brier", 0), higher=False, low=0, high=2),
    Number(
        name="log_loss_scaled",
        label="log-loss, scaled",
        of=lambda r: part(r, "log_loss", 1),
        higher=False,
        margin=0.02,
        low=0,
    ),
    Number(name="augrc", label="AUGRC", of=lambda r: part(r, "augrc", 0), higher=False, margin=0.005, low=0, high=1),
    Number(name="ece", label="ECE", of=lambda r: part(r, "calibration_error", 0), higher=False, low=0, high=1),
    Number(
        name="ece_scaled",
        label="ECE, scaled",
        of=lambda r: part(r, "calibration_error", 1),
        higher=False,
        low=0,
        high=1,
    ),
)
"""Log-loss and Brier score first: an error of calibration alone ranks nothing."""
BINS = 15
SURE, UNSURE = 1.05, 0.95
"""Temperatures above and below which combinations count as too sure, and as not sure enough."""


@dataclass(frozen=True, kw_only=True)
class Bin:
    """samples: over all seeds. confidence, accuracy: means of them."""

    samples: int
    confidence: float
    accuracy: float


@dataclass(frozen=True, kw_only=True)
class Reliability:
    """A method's bins that hold samples, all seeds together, before and after temperature scaling. what: why it is
    shown. seeds: how many."""

    key: str
    what: str
    seeds: int
    before: tuple[Bin, ...]
    after: tuple[Bin, ...]

    @property
    def by_chance(self) -> float:
        """The calibration error that one model with these confidences would show on so many samples though it were
        calibrated, by the normal approximation: E|share - p| = sqrt(2 p (1 - p) / (pi n))."""
        total = sum(b.samples for b in self.before)
        return sum(
            b.samples / total * math.sqrt(2 * b.confidence * (1 - b.confidence) * self.seeds / (math.pi * b.samples))
            for b in self.before
            if b.confidence < 1
        )


@dataclass(frozen=True, kw_only=True)
class DatasetCalibration:
    """One data set.

    Attributes:
        samples: Of the test split.
        smoothing: Of labels in training, which makes models less sure.
        parts: `NUMBERS`, those that were measured.
        temperatures: By method.
        shown: Reliability of the best combination, the same without attention, and the best baseline.
        by_chance: Calibration error of the first of them if it were calibrated, on so many samples.
        kinds: Differences in log-loss between kinds of fusion.
        cautions: What is to be kept in mind first.
    """

    name: str
    samples: int
    smoothing: float
    parts: tuple[Compared, ...] = field(compare=False)
    temperatures: Mapping[str, Estimate]
    shown: tuple[Reliability, ...]
    by_chance: float | None
    kinds: tuple[Difference, ...]
    cautions: tuple[str, ...] = ()

    def of(self, number: str) -> Compared | None:
        """One of `parts`."""
        return next((p for p in self.parts if p.number.name == number), None)

    def cells(self, number: str) -> dict[str, float]:
        """Means of the combinations."""
        found = self.of(number)
        return {} if found is None else {m.key: m.value.mean for m in found.methods if m.role == "cell"}

    @property
    def temperature(self) -> float | None:
        """The median of the combinations."""
        known = [self.temperatures[key].mean for key in self.cells("log_loss") if key in self.temperatures]
        return median(known) if known else None

    @property
    def errors(self) -> tuple[float, float] | None:
        """Median calibration errors of the combinations, before and after scaling."""
        before, after = self.cells("ece"), self.cells("ece_scaled")
        return (median(before.values()), median(after.values())) if before and after else None

    @property
    def mended(self) -> float | None:
        """By how much temperature scaling lowers the log-loss of combinations: the median."""
        before, after = self.cells("log_loss"), self.cells("log_loss_scaled")
        falls = [before[key] - after[key] for key in before if key in after]
        return median(falls) if falls else None

    @property
    def state(self) -> str:
        """`too sure`, `not sure enough` or `as sure as they are right`, as far as so many samples tell."""
        t = self.temperature
        if t is None or UNSURE <= t <= SURE:
            return "about as sure as they are right"
        if self.errors is not None and self.by_chance is not None and self.errors[0] <= self.by_chance:
            return "not known to be miscalibrated"
        return "too sure" if t > SURE else "not sure enough"


def find_calibrations(context: Context) -> tuple[DatasetCalibration, ...] | None:
    """Of the data sets on which it was measured; None where there is none."""
    found = [made for d in context.datasets if (made := _of(context, d)) is not None]
    return tuple(found) or None


def _of(context: Context, d: DatasetReport) -> DatasetCalibration | None:
    parts = [found for number in NUMBERS if (found := compare(context, d.name, number)) is not None]
    if not parts or parts[0].number.name != "log_loss":
        return None
    by_method: dict[str, list[Record]] = {}
    for record in context.records[d.name]:
        if record["state"] == "done":
            by_method.setdefault(record["method"], []).append(record)
    temperatures = {
        key: mean
        for key, own in by_method.items()
        if (mean := estimate([t for r in own if (t := plain(r, "temperature")) is not None], context.confidence))
    }
    shown = tuple(_shown(context, d, by_method))
    return DatasetCalibration(
        name=d.name,
        samples=d.splits["test"],
        smoothing=context.params.train.label_smoothing,
        parts=tuple(parts),
        temperatures=temperatures,
        shown=shown,
        by_chance=shown[0].by_chance if shown else None,
        kinds=families(context, d.name, NUMBERS[0]),
        cautions=cautions(context, d.name),
    )


def _shown(context: Context, d: DatasetReport, by_method: Mapping[str, Sequence[Record]]) -> Iterator[Reliability]:
    """At most three, those that have been measured."""
    wanted: dict[str, str] = {}
    best = context.methods[d.best] if d.best is not None else None
    if best is not None:
        wanted[best.key] = "the best combination"
        for method in context.methods.values():
            same = (method.fusion, method.architecture) == (best.fusion, best.architecture)
            if method.role == "cell" and same and method.attention == POOLING:
                wanted.setdefault(method.key, "the same without attention")
    baselines = [r.key for r in d.rows if r.method.role == "baseline" and r.method.baseline != MAJORITY and r.score]
    if baselines:
        wanted[baselines[0]] = "the best baseline"
    for key, what in wanted.items():
        before, after = (_bins(by_method.get(key, ()), start) for start in (0, BINS))
        if before:
            yield Reliability(key=key, what=what, seeds=len(by_method[key]), before=before, after=after)


def _bins(records: Sequence[Record], start: int) -> tuple[Bin, ...]:
    found = []
    for i in range(start, start + BINS):
        numbers = [
            (part(r, "reliability_counts", i), part(r, "reliability_confidence", i), part(r, "reliability_accuracy", i))
            for r in records
        ]
        known = [(n, c, a) for n, c, a in numbers if n and c is not None and a is not None]
        total = sum(n for n, _, _ in known)
        if total:
            found.append(
                Bin(
                    samples=round(total),
                    confidence=sum(n * c for n, c, _ in known) / total,
                    accuracy=sum(n * a for n, _, a in known) / total,
                )
            )
    return tuple(found)
