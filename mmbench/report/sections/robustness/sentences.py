"""What can be said of robustness on one data set, in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from mmbench.report.scores.measured import Compared
from mmbench.report.sections.robustness.compute import ALONE, Robustness
from mmbench.report.values import titles
from mmbench.report.values.words import listing, percent, percent_interval
from mmbench.stats.estimates import Difference, Estimate

TITLE = "Robustness"


def finding(parts: Sequence[Robustness]) -> str:
    """The heading: what is kept without one modality; nothing of models that were trained too briefly."""
    kept = {p.dataset: x for p in parts if not p.cautions and (x := _kept_by_best(p)) is not None}
    if not kept:
        return TITLE
    spans = {p.dataset: _span(p) for p in parts}
    what = listing([f"{spans[name] or percent(max(0.0, x.mean))} on {name}" for name, x in kept.items()])
    return f"{TITLE}: of its gain, the best combination keeps {what} without one modality"


SPREAD = 0.5
"""Difference of shares from which on a mean over modalities says nothing of any of them."""


def _span(part: Robustness) -> str:
    """`1 to 100 %`, where it depends on which modality is missing; else nothing."""
    shares = [max(0.0, x.mean) for x in _alone(part).values()]
    if not shares or max(shares) - min(shares) < SPREAD:
        return ""
    return f"{100 * min(shares):.0f} to {100 * max(shares):.0f} %"


def _alone(part: Robustness) -> dict[str, Estimate]:
    """What the best combination keeps without each modality, where that is known."""
    found = {x.number.name: x for x in part.compared}
    shares = {}
    for m in part.modalities:
        own = found.get(f"{ALONE}{m}")
        mean = own.of(part.best) if own is not None and part.best is not None else None
        if mean is not None:
            shares[m] = mean
    return shares


def _kept_by_best(part: Robustness) -> Estimate | None:
    """Share of what the best combination gains that is left without one modality; None where it is not known."""
    found = next((x for x in part.compared if x.number.name == "kept_without_one"), None)
    return None if found is None or part.best is None or part.at_guess else found.of(part.best)


def sentences(part: Robustness) -> list[str]:
    return [*part.cautions, *_sentences(part)]


def _sentences(part: Robustness) -> Iterator[str]:
    if part.at_guess:
        yield (
            "No combination is surely better than a guess here, so shares of a gain that are kept are not told: who "
            "may have nothing to lose may keep all of it."
        )
        return
    found = {x.number.name: x for x in part.compared}
    if "kept_without_one" in found:
        yield from _finding(part, found["kept_without_one"])
        yield from _most_missed(part)
    for name, when in (
        (
            "kept_at_rates",
            "When modalities are missing at random (at 0.1 to 0.9, one always kept; unweighted mean)",
        ),
        ("kept_under_noise", "Under noise in all modalities (five severities, unweighted mean)"),
    ):
        if name in found:
            yield from _axis(found[name], when)
    yield from _controls(part)
    yield (
        "Shares are of what a model gains over a guess. Modalities are masked at test time only: a model that was not "
        "trained with some of them missing has never seen such an input. Intervals are over seeds, on the same test "
        "samples for all, few of them where there are many modalities; what other samples would do is not in them."
    )


def _finding(part: Robustness, kept: Compared) -> Iterator[str]:
    best = _kept_by_best(part)
    if best is not None and part.best is not None:
        yield (
            f"The best combination ({titles.titled(part.best)}) keeps {_text(best)} of what it gains over a guess when "
            "one modality is missing (unweighted mean over modalities)."
        )
    yield from _axis(kept, "Without one modality")


def _text(share: Estimate) -> str:
    """Who scores less than a guess has nothing left."""
    return percent_interval(replace(share, mean=max(0.0, share.mean)))


def _axis(kept: Compared, when: str) -> Iterator[str]:
    """Whether attention, and which fusion, keeps more."""
    said = []
    if kept.attention is not None:
        said.append(_attention(kept.attention))
    ends = kept.extremes("fusion")
    if ends is not None:
        first, last = ends
        pair = {first.level, last.level}
        found = next((d for axis, d in kept.contrasts if axis == "fusion" and {d.subject, d.reference} == pair), None)
        if found is not None and found.verdict == "better" and found.subject == first.level:
            said.append(
                f"of the fusions, {titles.noun('fusion', first.level)} has the highest mean "
                f"({percent_interval(first.score)}), decidedly above {titles.noun('fusion', last.level)}, which has "
                f"the lowest ({percent_interval(last.score)})"
            )
        elif found is not None and found.verdict == "equal" and len(pair) == len(_fusions(kept)):
            said.append("the fusions keep equally much")
        else:
            said.append("which fusion keeps most is open")
    if said:
        yield f"{when}, {'; '.join(said)}."


def _fusions(kept: Compared) -> set[str]:
    return {m.level for m in kept.levels if m.factor == "fusion"}


def _attention(d: Difference) -> str:
    points = f"{100 * abs(d.mean):.1f} points"
    half = "" if d.half is None else f" (± {100 * d.half:.1f})"
    if d.verdict == "better":
        return f"attention keeps {points} more than pooling{half}"
    if d.verdict == "worse":
        return f"attention keeps {points} less than pooling{half}"
    equal = d.verdict == "equal"
    return "attention and pooling keep equally much" if equal else "whether attention keeps more than pooling is open"


def _most_missed(part: Robustness) -> Iterator[str]:
    shares = _alone(part)
    if len(shares) < 2:
        return
    worst, least = min(shares, key=lambda m: shares[m].mean), max(shares, key=lambda m: shares[m].mean)
    if shares[worst].half is not None and shares[worst].high < shares[least].low:
        yield (
            f"By the means, it misses {worst} most (without it, {_text(shares[worst])} is kept) and {least} least "
            f"({_text(shares[least])})."
        )
    else:
        yield "Which modality it misses most is open."


def _controls(part: Robustness) -> Iterator[str]:
    own, turned, number = part.subsets.get(part.best or "", {}), part.scale.oriented, part.scale.number
    worse = []
    for m, control in part.controls.items():
        if m not in own or control.half is None or own[m].half is None:
            continue
        ends = (turned(own[m].low), turned(own[m].high)), (turned(control.low), turned(control.high))
        # A control that is no better than a guess is no reference.
        if max(ends[0]) < min(ends[1]) and min(ends[1]) > turned(part.guess):
            worse.append(f"{m} ({number(own[m].mean)} against {number(control.mean)})")
    if worse:
        yield (
            "Shown a single modality, the best combination scores worse than a model with the same attention that was "
            f"trained on that modality alone, their intervals apart: {', '.join(worse)}. If you expect "
            "missing modalities, train for them (train.modality_dropout)."
        )
