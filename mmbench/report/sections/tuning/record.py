"""What tuning changed, one data set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mmbench.report.values.methods import Method
from mmbench.report.values.scale import Scale
from mmbench.stats.estimates import Estimate


@dataclass(frozen=True, kw_only=True)
class TunedRow:
    """One method.

    Attributes:
        finished: Configurations that have ended, of all its seeds; `studies`: seeds on which all have.
        default: The score on test of configuration 0, over these studies; `tuned`: of the one that is best on
            validation; `ensemble`: of an ensemble of them, where outputs are at hand.
        gain: tuned minus default, seed by seed, so turned that positive is better.
        expected: What the best of 1, 2, ... configurations reaches on average, as far as all were trained.
        failed: Configurations that did not end well; they count as the worst.
    """

    method: Method
    finished: int
    failed: int
    studies: int
    default: Estimate | None
    tuned: Estimate | None
    ensemble: Estimate | None
    gain: Estimate | None
    expected: Sequence[float]


@dataclass(frozen=True, kw_only=True)
class LevelGain:
    """How much a level gains by tuning, over all combinations that have it: its tunability."""

    factor: str
    level: str
    gain: Estimate


@dataclass(frozen=True, kw_only=True)
class DatasetTuning:
    """rows: in order of the tuned score. tau: Kendall's, of combinations before and after; None with one. compared:
    contrasts that have a verdict with and without tuning. changes: on those whose verdict is another one."""

    name: str
    scale: Scale
    configurations: int
    rows: tuple[TunedRow, ...]
    levels: tuple[LevelGain, ...]
    tau: float | None
    compared: int
    changes: tuple[str, ...]
