"""Marginal means and the variance that each factor explains."""

from __future__ import annotations

from dataclasses import dataclass

from mmbench.report.values.scale import Scale
from mmbench.stats.estimates import Estimate
from mmbench.stats.variance import Term


@dataclass(frozen=True, kw_only=True)
class LevelMean:
    """Marginal mean of one level: over the settings of the other factors that every level has (`contexts`)."""

    factor: str
    level: str
    score: Estimate
    contexts: int


@dataclass(frozen=True, kw_only=True)
class PairMean:
    """Mean score of two levels together, for interaction plots; over the third factor's common levels."""

    factors: tuple[str, str]
    levels: tuple[str, str]
    score: Estimate


@dataclass(frozen=True, kw_only=True)
class EffectTable:
    """Main effects and interactions on one data set, or with data set as block (dataset = None).

    dropped: the cells that were left out, in words; empty on a complete grid. scale: of the means. split: the share
    of the attention axis as that of having any attention and that of which one; empty where pooling is no level of it.
    """

    dataset: str | None
    scale: Scale
    means: tuple[LevelMean, ...]
    pairs: tuple[PairMean, ...]
    terms: tuple[Term, ...]
    noise_share: float | None
    finding: str
    dropped: tuple[str, ...]
    split: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Effects:
    """winner_changes: True when every cell is worse than the best on some data set. None with one
    data set."""

    per_dataset: tuple[EffectTable, ...]
    blocked: EffectTable | None
    winner_changes: bool | None
    winner_sentence: str
