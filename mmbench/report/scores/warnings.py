"""What stands beside the scores of a data set because it makes them doubtful."""

from __future__ import annotations

from collections.abc import Iterator

from mmbench.report.values.datasets import DatasetReport
from mmbench.report.values.words import listing, sentence
from mmbench.schema import few_samples

SURE = 2.576
"""Standard errors by which the two splits must differ: 99 %."""
FAR = 10
"""Margins by which they must differ where the noise of few samples is not known."""
LEAKAGE, GROUPS = "accepted leakage: ", "few groups: "
"""How notes of a data set begin that tell of these."""
MAY = ", and other groups may differ"
"""What each note on groups ends with; said once of several."""


def warnings(d: DatasetReport) -> Iterator[str]:
    """Sentences; none where there is nothing to say."""
    # A data set that is known from its trials alone has no samples.
    if d.splits["test"] > 1 and (said := few_samples.warning(d.splits["test"], d.classes)):
        yield f"{sentence(said)}."
    gap = validation_gap(d)
    if gap:
        yield gap
    leaks = [note.removeprefix(LEAKAGE).rstrip(".") for note in d.notes if note.startswith(LEAKAGE)]
    if leaks:
        yield f"Scores may be too good: leakage between the splits was accepted ({listing(leaks, most=9)})."
    groups = [note.removeprefix(GROUPS).rstrip(".").removesuffix(MAY) for note in d.notes if note.startswith(GROUPS)]
    if groups:
        chosen = all(" of validation " in note for note in groups)
        what = "What is chosen on validation, such as the epoch, holds" if chosen else "Intervals and verdicts hold"
        yield f"{what} for these groups alone: {listing(groups, most=9)}{MAY}."


def validation_gap(d: DatasetReport) -> str:
    """That validation does not stand for test, on average over the combinations; empty where it does."""
    both = [(r.validation.mean, r.score.mean) for r in d.cells if r.ranked and r.validation and r.score]
    if not both:
        return ""
    validation, test = (sum(x) / len(both) for x in zip(*both, strict=True))
    if abs(validation - test) <= _noise(d, validation, test):
        return ""
    label, number = d.scale.label, d.scale.number
    return (
        f"On {d.name}, validation and test differ: over all combinations the mean {label} is "
        f"{number(validation)} on validation and {number(test)} on test, more than chance explains. Whatever was "
        "chosen on validation (the epoch, the length of training, a configuration) may be wrong for test."
    )


def _noise(d: DatasetReport, validation: float, test: float) -> float:
    """How far the two may be apart: for a share of samples by which of them happen to be in each split."""
    if d.scale.unit != "points":
        return FAR * d.scale.rope if d.scale.rope > 0 else float("inf")
    share = min(max((validation + test) / 2, 0.0), 1.0)
    samples = 1 / d.splits["validation"] + 1 / d.splits["test"]
    return SURE * (share * (1 - share) * samples) ** 0.5 + d.scale.rope
