"""The scale that scores are compared on: which metric it is, which way is better, and how its numbers read.

Differences are gains wherever they stand: positive is better, also of an error. docs/decisions/0015 gives the reasons.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from mmbench.report.values.lists import listing
from mmbench.report.values.numbers import NONE, signed
from mmbench.schema.metric import METRICS, margin
from mmbench.schema.task import MAIN, Task, TaskKind

Unit = Literal["points", "ranks", ""]


@dataclass(frozen=True, kw_only=True)
class Scale:
    """metric: one by name, or "rank". low, high: what a score can be. unit: of differences; "" means the
    metric's own. rope: in the metric's own unit. guess: what a guess without the input scores, where known. decimals:
    of scores. at_guess: no model is surely better than a guess, so that no two of them are called equal.
    """

    metric: str
    label: str
    higher: bool
    low: float | None
    high: float | None
    unit: Unit
    rope: float
    guess: float | None = None
    decimals: int = 3
    at_guess: bool = False

    @property
    def arrow(self) -> str:
        return "↑" if self.higher else "↓"

    @property
    def direction(self) -> str:
        return "higher is better" if self.higher else "lower is better"

    @property
    def extreme(self) -> str:
        """What the best is."""
        return "highest" if self.higher else "lowest"

    @property
    def title(self) -> str:
        """`MAE ↓`."""
        return f"{self.label} {self.arrow}"

    @property
    def equal_within(self) -> float:
        """The margin of comparisons between two methods: that two have learned nothing does not make them equal."""
        return 0.0 if self.at_guess else self.rope

    @property
    def is_ranks(self) -> bool:
        return self.unit == "ranks"

    def oriented(self, value: float) -> float:
        """So turned that more is better; its own inverse."""
        return value if self.higher else -value

    def number(self, value: float | None) -> str:
        """`0.893`; a dash where there is none."""
        if value is None or not math.isfinite(value):
            return NONE
        return signed(f"{value:,.{self.decimals}f}")

    def short(self, value: float | None) -> str:
        """`.893`, for narrow cells."""
        text = self.number(value)
        return text[1:] if text.startswith("0.") else text

    def plus_minus(self, half: float | None) -> str:
        """The half width of a score's interval: `±0.012`; a dash where one seed gives none."""
        return NONE if half is None or not math.isfinite(half) else f"±{self.number(half)}"

    def width(self, value: float) -> str:
        """The half width of a difference, or a difference without its sign: `1.2` (points)."""
        return f"{100 * value:.1f}" if self.unit == "points" else f"{value:,.{self.decimals}f}"

    def change(self, value: float | None) -> str:
        """A gain with its sign, in the scale's unit: `+10.8` (points), `+0.041`."""
        if value is None or not math.isfinite(value):
            return NONE
        text = signed(("-" if value < 0 else "") + self.width(abs(value)))
        return text if text.startswith("−") or not text.strip("0.") else f"+{text}"

    @property
    def unit_words(self) -> str:
        """Behind changes: ` points`, ` ranks`, or nothing."""
        return f" {self.unit}" if self.unit else ""

    @property
    def gains_in(self) -> str:
        """How differences read, for captions."""
        return "in points" if self.unit == "points" else f"in {self.unit or self.label}, + better"

    @property
    def rope_words(self) -> str:
        """The region of practical equivalence: `±1 point`."""
        if self.unit == "points":
            return f"±{100 * self.rope:g} point{'' if self.rope == 0.01 else 's'}"
        return f"±{self.rope:.2g}{self.unit_words}"


def _decimals(typical: float) -> int:
    """Three for what is about 1, fewer for large numbers, more for small ones: about three significant figures."""
    if typical == 0 or not math.isfinite(typical):
        return 3
    power = math.floor(math.log10(abs(typical)))
    return max(0, 3 - power) if power > 0 else max(3, 2 - power)


def scale_of(
    metric: str, rope: float, *, scores: Sequence[float], guess: float | None, samples: int | None = None
) -> Scale:
    """The scale of a data set.

    scores: on test, for the number of decimals. guess: what a constant guess scores. rope, samples: as in
    `mmbench.schema.metric.margin`.
    """
    found = METRICS[metric]
    bounded = found.high is not None
    typical = sorted(scores)[len(scores) // 2] if scores else guess or 0.0
    return Scale(
        metric=metric,
        label=found.label,
        higher=found.higher,
        low=found.low,
        high=found.high,
        unit="points" if found.is_share else "",
        rope=margin(metric, rope, guess=guess, samples=samples),
        guess=guess,
        decimals=3 if bounded else _decimals(typical),
    )


RANKS = Scale(
    metric="rank", label="mean rank", higher=False, low=1.0, high=None, unit="ranks", rope=0.0, guess=None, decimals=1
)
"""For data sets whose scores cannot be averaged."""


def joint(scales: Mapping[str, Scale]) -> tuple[Scale, str | None]:
    """The scale over all data sets, and why it is ranks where it is. scales: by data set."""
    found = list(scales.values())
    first = found[0]
    metrics = {s.metric for s in found}
    if len(metrics) > 1:
        by_label: dict[str, list[str]] = {}
        for name, scale in scales.items():
            by_label.setdefault(scale.label, []).append(name)
        said = "; ".join(f"{label} on {listing(names)}" for label, names in by_label.items())
        return RANKS, f"the data sets are scored differently ({said}), so their mean would mix units"
    if len(found) > 1 and first.high is None:
        return RANKS, f"{first.label} is in each data set's own unit, so a mean over data sets would mix units"
    if len(found) == 1:
        return first, None
    # A data set on which nothing was learned is a part of every mean.
    unknown = any(s.at_guess for s in found)
    return replace(first, guess=None, rope=max(s.rope for s in found), at_guess=unknown), None


_USUAL: Mapping[TaskKind, tuple[str, ...]] = {
    "classification": ("macro_f1",),
    "binary": ("macro_f1",),
    "multilabel": ("micro_f1",),
    "regression": ("rmse", "pearson"),
}


def beside(task: Task, metric: str) -> tuple[str, ...]:
    """The metrics that tables show beside the one compared: the usual ones of the task, and the affect set."""
    affect = tuple(name for name, m in METRICS.items() if m.affect and task.affect)
    return tuple(m for m in dict.fromkeys((MAIN[task.kind], *_USUAL[task.kind], *affect)) if m != metric)
