"""What a score on a handful of samples can say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mmbench.schema.dataset import DataSpec
from mmbench.schema.metric import CLASSES

LEAST = 30
"""Test samples below which every answer comes with a warning."""
CONFIDENCE = 0.95
TYPICAL = 0.75
"""The share of right answers that the warning takes as its example."""


def interval(right: int, samples: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Wilson's interval of an accuracy: where it may lie on other samples of the same kind."""
    # Late: most data sets have enough samples, and scipy.stats takes a second to import.
    from scipy import stats

    found = stats.binomtest(right, samples).proportion_ci(confidence, method="wilson")
    return float(found.low), float(found.high)


def warnings_of(specs: Iterable[DataSpec]) -> Iterator[str]:
    """One for each data set with so few test samples that nothing can be decided on it."""
    for spec in specs:
        classes = len(spec.task.targets) if spec.task.kind in CLASSES else None
        if said := warning(spec.splits["test"], classes):
            yield f"{spec.name}: {said}"


def warning(samples: int, classes: int | None, split: str = "test") -> str | None:
    """What so few samples mean, in words; None where there are enough.

    classes: among which a model chooses; None where it predicts something else, which has no such interval.
    """
    if samples >= LEAST:
        return None
    if not samples:
        return f"{split} has no samples"
    has = f"{split} has only {samples} sample{'s' if samples > 1 else ''}"
    if classes is None:
        return f"{has}; scores on fewer than {LEAST} are rough"
    right = max(1, round(TYPICAL * samples))
    low, high = interval(right, samples)
    said = (
        f"{has}: a model that gets {right} of {samples} right could have an accuracy from {100 * low:.0f} % to "
        f"{100 * high:.0f} % on other samples (95 % interval)"
    )
    if interval(samples, samples)[0] <= 1 / classes:
        return f"{said}, and even one that gets all of them right need not be better than a guess"
    return f"{said}; have at least {LEAST}, and some hundreds to see differences of a few points"
