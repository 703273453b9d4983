"""Verdicts as records: of every contrast between two levels of an axis, and of every combination against the best."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from mmbench.stats.estimates import Difference, Verdict

Kind = Literal["contrast", "combination", "control"]
"""contrast: two levels of an axis, all else equal. combination: a cell against the best cell. control: the best cell
against a single modality, a baseline or itself without attention."""


@dataclass(frozen=True, kw_only=True)
class VerdictRecord:
    """One comparison on one data set.

    Attributes:
        axis: Of a contrast; None of others.
        estimate: subject minus reference, so turned that positive means that the subject is better, in the metric's own
            unit. low, high: its interval, None with one seed.
        margin: Differences within it are equal.
        verdict: Of the subject. None with one seed.
        seeds: Of the method of the two that has fewer.
        decided_at: About how many seeds would decide, where it is open and that is known.
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
    margin: float
    p: float | None
    verdict: Verdict | None
    seeds: int
    decided_at: int | None

    def plain(self) -> dict[str, Any]:
        """As JSON has it. Numbers are cut to what is more than noise of computing."""
        return {k: round(v, 9) if isinstance(v, float) else v for k, v in vars(self).items()}


def record_of(
    kind: Kind, dataset: str, metric: str, margin: float, d: Difference, *, axis: str | None, decided_at: int | None
) -> VerdictRecord:
    """The record of a difference."""
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
        margin=margin,
        p=d.p_holm,
        verdict=None if d.half is None else d.verdict,
        seeds=d.n,
        decided_at=decided_at,
    )
