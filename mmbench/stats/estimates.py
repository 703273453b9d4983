"""The records that everything else is made of: a mean with its interval, and a paired difference."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["better", "worse", "equal", "open"]
"""better, worse: the adjusted p-value is below 1 - confidence. equal: within the margin, the region of practical
equivalence (ROPE), by two one-sided tests (TOST; Schuirmann 1987), each at 1 - confidence; of a difference that is both
(real and smaller than the margin) it is what is said. open: neither; these seeds do not decide."""


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A mean over n replicates (seeds, unless said otherwise) and the half width of its Student-t interval.

    half is None with fewer than two replicates.
    """

    mean: float
    half: float | None
    n: int

    @property
    def low(self) -> float:
        return self.mean - (self.half or 0.0)

    @property
    def high(self) -> float:
        return self.mean + (self.half or 0.0)


@dataclass(frozen=True, kw_only=True)
class AtBudget:
    """A difference under another budget, `factor` times as long as the data set's own.

    mean: as that of the difference. half: half width of the interval of its change from the data set's own budget to
    this one. margin: differences within it are equal.
    """

    factor: float
    mean: float
    half: float
    margin: float


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A paired difference `subject` - `reference`: what differs is named, all else including the seed is the same.

    mean: so turned that positive means that the subject is better. half: half width of the interval, None where there
    is no replicate; near: of the interval that decides on equality, whose confidence is lower by 1 - confidence. pairs:
    cells that were paired. n: replicates (seeds; over several data sets the fewest).
    p: raw; p_holm: adjusted within its family of comparisons. verdict says whether the subject is better or worse than
    the reference. budgets: what it is under others than the data set's own, the shortest first, where that was tried.
    sampled: half width of the interval over draws of the test samples, which is not in half and near; None where
    unknown.
    """

    subject: str
    reference: str
    mean: float
    half: float | None
    near: float | None
    pairs: int
    n: int
    p: float | None
    p_holm: float | None
    verdict: Verdict
    budgets: tuple[AtBudget, ...] = ()
    sampled: float | None = None

    @property
    def low(self) -> float:
        return self.mean - (self.half or 0.0)

    @property
    def high(self) -> float:
        return self.mean + (self.half or 0.0)
