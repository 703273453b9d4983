"""Whether another way to average puts the same levels first as means do, by which everything else is said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mmbench.report.scores.choices import AxisChoices
from mmbench.report.values import titles
from mmbench.report.values.words import listing


def agreement(firsts: Mapping[str, str], axes: Sequence[AxisChoices]) -> str:
    """`they agree with the means`, or where they do not. firsts: by axis, the level that comes first the other way.

    Two ways disagree where the level that comes first in one is surely worse in the other: of levels that are equal or
    open by their means, either may come first. Empty where there is nothing to compare.
    """
    compared = [axis for axis in axes if axis.axis in firsts]
    if not compared:
        return ""
    unlike = []
    for axis in compared:
        first, usual = firsts[axis.axis], axis.levels[0]
        pair = None if first == usual else axis.pair(usual, first)
        if pair is not None and pair.found.verdict in ("better", "worse"):
            unlike.append(
                f"{titles.noun(axis.axis, first)}, which is worse than {titles.noun(axis.axis, usual)} by the mean"
            )
    if not unlike:
        return "they agree with the means"
    return f"unlike the means, they put first {listing(unlike)}"
