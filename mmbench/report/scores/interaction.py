"""Where it depends on one axis what the levels of another are worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mmbench.report.scores.choices import AxisChoices, axis_choices
from mmbench.report.scores.dataset_scores import DatasetScores, Settings
from mmbench.stats.variance import Term


@dataclass(frozen=True, kw_only=True)
class Interaction:
    """Where it depends on a leading axis what the levels of another are worth.

    Attributes:
        base: The leading axis.
        inside: The other one, where `base.group` is used; outside: where `base.beaten` is.
    """

    base: AxisChoices
    inside: AxisChoices
    outside: AxisChoices


CLEAR, LARGE = 0.01, 0.02
"""p of an interaction, and the share of the variance that it explains, from which on it is asked what it means."""


def interaction(
    fields: Sequence[DatasetScores],
    axes: Sequence[AxisChoices],
    levels: Mapping[str, Sequence[str]],
    terms: Sequence[Term],
    settings: Settings,
) -> Interaction | None:
    """The strongest interaction of two axes that changes what is said of one of them; None where none does."""
    known = {a.axis: a for a in axes}
    clear = [t for t in terms if t.p is not None and t.p < CLEAR and (t.omega2 or 0.0) >= LARGE]
    for term in sorted(clear, key=lambda t: -(t.omega2 or 0.0)):
        pair = [known[f] for f in term.factors if f in known]
        leading = [a for a in pair if a.state in ("leads", "prefers") and a.fading is None]
        if len(pair) != 2 or len(term.factors) != 2 or not leading:
            continue
        base = max(leading, key=lambda a: a.largest)
        other = next(a.axis for a in pair if a is not base)
        inside, outside = (
            axis_choices(fields, other, levels[other], settings, given=(base.axis, given))
            for given in (base.group, base.beaten)
        )
        if inside is None or outside is None:
            continue
        if (inside.state, inside.group, inside.beaten) != (outside.state, outside.group, outside.beaten):
            return Interaction(base=base, inside=inside, outside=outside)
    return None
