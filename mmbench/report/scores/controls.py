"""Controls that do at least as well as the best combination: that comes before anything about combinations."""

from __future__ import annotations

from dataclasses import dataclass

from mmbench.report.values.datasets import DatasetReport
from mmbench.report.values.words import interval, sentence
from mmbench.stats.estimates import Difference


@dataclass(frozen=True, kw_only=True)
class Ahead:
    """A control that is better than the best combination, or equal to it within the margin.

    Attributes:
        found: The best combination minus it.
        words: What that means, such as `one modality suffices`.
    """

    dataset: str
    found: Difference
    words: str

    @property
    def clause(self) -> str:
        """For a headline."""
        return f"{self.words} on {self.dataset}"


BASELINES = {
    "linear": "a linear model",
    "linear_late": "a linear model of each modality, averaged,",
    "boosting": "gradient boosting",
    "kernel_svm": "a kernel SVM",
}
"""How sentences name baselines; one of another package has its own name."""


def ahead(d: DatasetReport) -> Ahead | None:
    """The simplest control that does at least as well as the best combination; None where none does."""
    best = next((r for r in d.cells if r.best), None)
    if best is None:
        return None
    baseline = BASELINES.get(str(best.baseline), f"the baseline {best.baseline}")
    for gain, better, equal in (
        (best.gain_majority, "a guess does better than every model", "no model does better than a guess"),
        (best.gain_baseline, f"{baseline} does better", f"{baseline} does as well"),
        (best.gain_single, "one modality does better alone", "one modality suffices"),
    ):
        if gain is not None and gain.verdict in ("worse", "equal"):
            return Ahead(dataset=d.name, found=gain, words=better if gain.verdict == "worse" else equal)
    return None


def advice(d: DatasetReport, found: Ahead) -> str:
    """What to use, as a sentence, and what the best combination has beside it."""
    control, best = d.row(found.found.reference), next(r for r in d.cells if r.best)
    scale = d.scale
    standing = "is worse" if found.found.verdict == "worse" else f"is equal within {scale.rope_words}"
    return (
        f"On {d.name}, {found.words}: {control.key} has {scale.label} {interval(control.score, scale)}; the best "
        f"combination, {best.key}, {standing} ({interval(best.score, scale)})."
    )


def headline_of(found: Ahead, d: DatasetReport) -> str:
    """With the numbers where the control is better."""
    if found.found.verdict != "worse":
        return sentence(found.clause)
    control, best = d.row(found.found.reference), next(r for r in d.cells if r.best)
    numbers = (d.scale.number(r.score.mean if r.score else None) for r in (control, best))
    return f"{sentence(found.clause)} ({' against '.join(numbers)})"
