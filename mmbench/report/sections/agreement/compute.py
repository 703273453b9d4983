"""Whether the best combinations err on the same samples, and what several of them do together."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import mean

import numpy as np

from mmbench.report.scores.cautions import cautions
from mmbench.report.scores.context import Context
from mmbench.report.values.scale import Scale
from mmbench.stats import paired
from mmbench.stats.agreement import Against, Agreement
from mmbench.stats.estimates import Difference, Estimate, Verdict

ALIKE = 0.05
"""Kappas and correlations within it are as good as equal."""
FEW = 20
"""Errors of a combination; with fewer, a kappa hangs on a handful of samples."""


@dataclass(frozen=True, kw_only=True)
class DatasetAgreement:
    """One data set.

    Attributes:
        numbers: Whether it is a regression.
        between: How alike errors of two combinations are, the mean over all pairs; None where unknown.
        within: The same of two trainings of one combination.
        ratio: Common errors of two combinations over those of independent models; None of numbers.
        score, gain: Of the ensemble of the best on validation, and over the best of them alone; None where there is no
            ensemble.
        grouped: Whether samples belong together, so that tests that count each of them for itself are too sure.
        ceiling: The best score that is possible; None where that is unknown, or all there is.
        cautions: What is to be kept in mind first.
    """

    name: str
    scale: Scale
    confidence: float
    found: Agreement
    numbers: bool
    between: float | None
    within: float | None
    ratio: float | None
    score: Estimate | None
    gain: Difference | None
    grouped: bool
    ceiling: float | None
    cautions: tuple[str, ...] = ()

    @property
    def few_errors(self) -> bool:
        """Whether a combination errs on so few samples that who shares them is chance."""
        return self.found.errors is not None and self.found.errors < FEW

    @property
    def alike(self) -> str | None:
        """`same`: two combinations share errors as two trainings of one do; `other`: less; None where unknown."""
        # Where nothing beats a guess, errors say how models guess.
        if self.scale.at_guess or self.few_errors or self.between is None or self.within is None:
            return None
        return "other" if self.between < self.within - ALIKE else "same"

    def verdict(self, against: Against) -> Verdict:
        """On the first combination against another, on these samples."""
        if against.p_holm >= 1 - self.confidence or against.wins == against.losses:
            return "open"
        return "better" if against.wins > against.losses else "worse"


def find_agreements(context: Context) -> tuple[DatasetAgreement, ...] | None:
    """Of the data sets whose outputs are at hand; None where there is none."""
    found = [_of(context, name, context.agreements[name]) for name in context.names if name in context.agreements]
    return tuple(found) or None


def _of(context: Context, name: str, found: Agreement) -> DatasetAgreement:
    count, scale = len(found.methods), context.scales[name]
    pairs = [(i, j) for i in range(count) for j in range(i)]
    together = found.together
    score = None if together is None else paired.estimate(together.scores, context.confidence)
    samples = context.samples.get(name)
    ceiling = context.dataset(name).ceiling
    return DatasetAgreement(
        name=name,
        scale=scale,
        confidence=context.confidence,
        found=found,
        numbers=not found.common,
        between=_mean([found.same[i][j] for i, j in pairs]),
        within=_mean([found.same[i][i] for i in range(count)]),
        ratio=_mean([found.common[i][j] for i, j in pairs]) if found.common else None,
        # An estimate shows a score as it is, not turned.
        score=None if score is None else Estimate(mean=scale.oriented(score.mean), half=score.half, n=score.n),
        gain=_gain(context, found, scale),
        grouped=samples is not None and samples.groups is not None,
        ceiling=None if ceiling is None or ceiling == scale.high else ceiling,
        cautions=cautions(context, name),
    )


def _mean(values: list[float | None]) -> float | None:
    known = [x for x in values if x is not None]
    return mean(known) if known else None


def _gain(context: Context, found: Agreement, scale: Scale) -> Difference | None:
    """Of the ensemble over its first member, paired by seed."""
    together = found.together
    if together is None:
        return None
    delta = paired.settled(np.array(together.scores) - np.array(together.alone), np.array(together.scores))
    seeds = len(delta)
    error = np.array([delta.var(ddof=1) / seeds if seeds > 1 else np.nan])
    tested = paired.test(np.array([delta.mean()]), error, float(max(seeds - 1, 1)), context.confidence)
    mean, half, near, p = (float(x[0]) for x in tested)
    known = seeds > 1
    return Difference(
        subject="ensemble",
        reference=together.members[0],
        mean=mean,
        half=half if known else None,
        near=near if known else None,
        pairs=1,
        n=seeds,
        p=p if known else None,
        p_holm=p if known else None,
        verdict=paired.verdict(
            mean, near if known else None, p if known else None, context.confidence, scale.equal_within
        ),
    )
