"""Verdicts as records: of every contrast between two levels of an axis, and of every combination against the best."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import hypot
from typing import Any, Literal

from mmbench.stats import ladder
from mmbench.stats.estimates import Difference, Verdict

SURE, ONE_SIDED = 1.96, 1.645
"""Standard errors of 95 %, two-sided and one-sided."""

Kind = Literal["contrast", "combination", "control"]
"""contrast: two levels of an axis, all else equal. combination: a cell against the best cell. control: the best cell
against a single modality, a baseline or itself without attention."""

OVER_ALL = "all data sets"
"""In place of a data set, in contrasts over all of them; no data set can have this name."""


@dataclass(frozen=True, kw_only=True)
class VerdictRecord:
    """One comparison on one data set.

    Attributes:
        axis: Of a contrast; None of others.
        estimate: subject minus reference, so turned that positive means that the subject is better, in the metric's own
            unit. low, high: its interval, None with one seed.
        near: Half width of the interval that decides on equality, of 90 % where the other is of 95 %. None with one
            seed and of combinations, whose verdict comes from all of them together.
        margin: Differences within it are equal.
        verdict: Of the subject. None with one seed.
        seeds: Of the method of the two that has fewer.
        decided_at: About how many seeds would decide, where it is open and that is known.
        budgets: What the estimate is under other budgets, by their multiple of the data set's own ("0.5", "2"), where
            that was tried; `lasts`: whether the verdict is right under the longer ones too, as far as one seed tells;
            None where that is not known.
        samples: Half width of the interval that the draw of the test samples adds; `stands`: whether the verdict is
            right for other samples of the same kind too, with 95 % confidence. None where that is not known.
    """

    kind: Kind
    dataset: str
    axis: str | None
    subject: str
    reference: str
    metric: str
    estimate: float
    low: float | None
    high: float | None
    near: float | None
    margin: float
    p: float | None
    verdict: Verdict | None
    seeds: int
    decided_at: int | None
    budgets: Mapping[str, float] = field(default_factory=dict)
    lasts: bool | None = None
    samples: float | None = None
    stands: bool | None = None

    def plain(self) -> dict[str, Any]:
        """As JSON has it. Numbers are cut to what is more than noise of computing."""
        plain = {k: round(v, 9) if isinstance(v, float) else v for k, v in vars(self).items()}
        return plain | {"budgets": {factor: round(v, 9) for factor, v in self.budgets.items()}}


def record_of(
    kind: Kind,
    dataset: str,
    metric: str,
    margin: float,
    d: Difference,
    *,
    axis: str | None,
    decided_at: int | None,
    simultaneous: bool = False,
) -> VerdictRecord:
    """The record of a difference. simultaneous: its verdict allows for all combinations, not by its own interval."""
    return VerdictRecord(
        kind=kind,
        dataset=dataset,
        axis=axis,
        subject=d.subject,
        reference=d.reference,
        metric=metric,
        estimate=d.mean,
        low=None if d.half is None else d.low,
        high=None if d.half is None else d.high,
        near=None if d.half is None or simultaneous else d.near,
        margin=margin,
        p=d.p_holm,
        verdict=None if d.half is None else d.verdict,
        seeds=d.n,
        decided_at=decided_at,
        budgets={f"{at.factor:g}": at.mean for at in d.budgets},
        lasts=_lasts(d),
        samples=d.sampled,
        stands=stands(d, margin),
    )


def stands(d: Difference, margin: float) -> bool | None:
    """Whether the verdict allows for another draw of the test samples, too. None where it is open, or not known."""
    if d.sampled is None or d.half is None or d.near is None or d.verdict == "open":
        return None
    if d.verdict == "equal":
        return abs(d.mean) + hypot(d.near, ONE_SIDED / SURE * d.sampled) <= margin
    return abs(d.mean) > hypot(d.half, d.sampled)


def _lasts(d: Difference) -> bool | None:
    longer = [ladder.lasts(d, at) for at in d.budgets if at.factor > 1]
    return all(longer) if longer and None not in longer else None
