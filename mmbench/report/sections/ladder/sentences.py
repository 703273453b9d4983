"""What is said of a budget ladder."""

from __future__ import annotations

from collections.abc import Iterator

from mmbench.report.scores.lasting import lasting_words
from mmbench.report.sections.ladder.compute import DatasetLadder
from mmbench.report.values.words import count, listing, sentence, training
from mmbench.stats.estimates import AtBudget, Difference
from mmbench.stats.ladder import fades, learns_faster

TOLD = 6
"""Contrasts of one kind that are told one by one."""


def sentences(d: DatasetLadder) -> Iterator[str]:
    """What was tried, what lasts, and who learns faster."""
    tried = [f"{training(f)}{f' ({d.steps[f]:,} steps)' if f in d.steps else ''}" for f in sorted(d.ladder.epochs)]
    own = f" ({d.steps[1.0]:,} steps)" if 1.0 in d.steps else ""
    yield f"Every method was trained once more with {listing(tried)}, beside the data set's own budget{own}."
    if d.ladder.pending:
        yield f"{count(d.ladder.pending, 'trial')} of these {'is' if d.ladder.pending == 1 else 'are'} still to be run."
    if d.ladder.failed:
        yield f"{count(d.ladder.failed, 'trial')} of these did not end well; what rests on them is not told."
    if d.lasting is not None:
        yield f"{sentence(lasting_words([d.lasting]))}."
    fading = [(x, at) for _, x in d.contrasts if (at := fades(x)) is not None]
    for x, at in fading[:TOLD]:
        yield _both(d, x, at, "that does not last")
    faster = [(x, at) for _, x in d.contrasts if (at := learns_faster(x)) is not None]
    for x, at in faster[:TOLD]:
        ahead = x.subject if at.mean > 0 else x.reference
        yield _both(d, x, at, f"{ahead} learns in fewer steps")
    left = max(len(fading) - TOLD, 0) + max(len(faster) - TOLD, 0)
    if left:
        yield f"So it is with {count(left, 'more contrast')}: see the table."
    if d.taus:
        told = [f"{tau:.2f} with {training(factor)}" for factor, tau in d.taus.items()]
        yield f"Kendall's tau between the order of the combinations here and elsewhere: {listing(told)}."


def _both(d: DatasetLadder, x: Difference, at: AtBudget, why: str) -> str:
    """A contrast here and under another budget: `scaled_dot_product − mean: +1.9 points here, +0.3 with twice ...`."""
    unit = d.scale.unit_words if d.scale.unit else f" of {d.scale.label}, + better"
    here, there = d.scale.change(x.mean), d.scale.change(at.mean)
    return f"{x.subject} against {x.reference}: {here}{unit} here, {there} with {training(at.factor)}; {why}."
