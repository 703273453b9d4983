"""What is said of a budget ladder."""

from __future__ import annotations

from collections.abc import Iterator

from mmbench.report.scores.lasting import lasting_words
from mmbench.report.sections.ladder.compute import Contrast, DatasetLadder
from mmbench.report.values.words import count, listing, sentence, training
from mmbench.stats.estimates import Difference
from mmbench.stats.ladder import fades, learns_faster

TOLD = 9
"""Contrasts that are told one by one."""


def sentences(d: DatasetLadder) -> Iterator[str]:
    """What was tried, what lasts, and who learns faster."""
    known = {factor: f" ({count(steps, 'step')})" for factor, steps in d.steps.items()}
    tried = [f"{training(factor)}{known.get(factor, '')}" for factor in sorted(d.ladder.epochs)]
    own = known.get(1.0, "")
    yield f"Every method was trained once more with {listing(tried)}, beside the data set's own budget{own}."
    if d.left_out:
        missing = listing([training(factor) for factor in d.left_out])
        yield f"{sentence(missing)} is left out: rounded to whole epochs, it equals another budget."
    if d.ladder.pending:
        yield f"{count(d.ladder.pending, 'trial')} of these {'is' if d.ladder.pending == 1 else 'are'} still to be run."
    if d.ladder.failed:
        yield f"{count(d.ladder.failed, 'trial')} of these did not end well; comparisons that need them are left out."
    if d.lasting is not None:
        yield f"{sentence(lasting_words([d.lasting]))}."
    told = [text for x in d.contrasts if (text := _contrast(d, x.found))]
    yield from told[:TOLD]
    if len(told) > TOLD:
        yield f"The same holds for {count(len(told) - TOLD, 'more contrast')}: see the table."
    yield from _own_best(d)
    if d.taus:
        told = [f"{tau:.2f} with {training(factor)}" for factor, tau in d.taus.items()]
        yield f"Kendall's tau between the order of the combinations under this budget and others: {listing(told)}."


def _own_best(d: DatasetLadder) -> Iterator[str]:
    """Equal steps for all, and the own best of each: two fair views."""
    decided = [x for x in d.contrasts if x.found.half is not None and x.found.verdict != "open"]
    known = [x for x in decided if x.own is not None]
    if not known:
        return
    view = "Where each combination is trained for as long as is best for it on validation, of these lengths,"
    differing = [_both(d, x) for x in known if x.views_differ]
    same, unknown = len(known) - len(differing), len(decided) - len(known)
    kept = f"{count(same, 'contrast')} that {'is' if same == 1 else 'are'} decided {'keeps' if same == 1 else 'keep'}"
    said = [listing(differing, most=TOLD)] if differing else []
    said += [f"{kept} {'its' if same == 1 else 'their'} verdict{'' if same == 1 else 's'}"] if same else []
    said += [f"of {unknown} it is not known"] if unknown else []
    yield f"{view} {'; '.join(said)}."


def _both(d: DatasetLadder, x: Contrast) -> str:
    """`additive is no longer better than mean (+0.6 points, +1.9 here)`."""
    assert x.own is not None
    unit = d.scale.unit_words if d.scale.unit else f" of {d.scale.label}, + better"
    word = "equal to" if x.found.verdict == "equal" else f"{x.found.verdict} than"
    numbers = f"{d.scale.change(x.own.mean)}{unit}, {d.scale.change(x.found.mean)} here"
    return f"{x.found.subject} is no longer {word} {x.found.reference} ({numbers})"


def _contrast(d: DatasetLadder, x: Difference) -> str:
    """`additive against mean: +3.0 points at 200 steps, +1.9 at 400 steps, +0.7 at 800 steps: additive learns in fewer
    steps; with twice the training it is no longer better.` Empty where neither is so."""
    faster, fading = learns_faster(x), fades(x)
    said = []
    if faster is not None:
        said.append(f"{x.subject if faster.mean > 0 else x.reference} learns in fewer steps")
    if fading is not None:
        said.append(f"with {training(fading.factor)} it is no longer {x.verdict}")
    if not said:
        return ""
    found = sorted({1.0: x.mean, **{at.factor: at.mean for at in x.budgets}}.items())
    unit = d.scale.unit_words if d.scale.unit else f" of {d.scale.label}, + better,"
    numbers = [f"{d.scale.change(mean)}{'' if i else unit} {_when(d, f)}" for i, (f, mean) in enumerate(found)]
    return f"{x.subject} against {x.reference}: {', '.join(numbers)}: {'; '.join(said)}."


def _when(d: DatasetLadder, factor: float) -> str:
    """`at 800 steps`; where steps differ, `with twice the training`."""
    if factor in d.steps:
        return f"at {count(d.steps[factor], 'step')}"
    return "here" if factor == 1 else f"with {training(factor)}"
