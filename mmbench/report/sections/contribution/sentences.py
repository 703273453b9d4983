"""What can be said of contributions on one data set, in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from mmbench.report.scores.measured import Number
from mmbench.report.sections.contribution.compute import Contributions
from mmbench.report.values import titles
from mmbench.report.values.numbers import signed
from mmbench.report.values.words import listing, percent_interval
from mmbench.stats.estimates import Estimate

UNUSED = 0.05
"""Of a share: who brings less is as good as unused."""


TITLE = "Which modality does the work"


def finding(parts: Sequence[Contributions]) -> str:
    """The heading: the modality that brings most, by data set; nothing of models that were trained too briefly."""
    leads: dict[str, list[str]] = {}
    for part in parts:
        shares = {} if part.cautions or part.at_guess else _shares(part)
        ordered = sorted(shares, key=lambda m: -shares[m].mean)
        if len(ordered) > 1 and shares[ordered[0]].half is not None:
            first, second = (shares[m] for m in ordered[:2])
            leads.setdefault(ordered[0] if first.low > second.high else "none", []).append(part.dataset)
    said = [f"{name} leads on {listing(names)}" for name, names in leads.items()]
    return f"{TITLE}: {listing(said, between='; ')}" if said else TITLE


def _shares(part: Contributions) -> dict[str, Estimate]:
    """Of the best combination, by modality."""
    found = {m: own.of(part.best) for m in part.modalities if part.best and (own := part.share(m)) is not None}
    return {m: mean for m, mean in found.items() if mean is not None}


def sentences(part: Contributions) -> list[str]:
    return [*part.cautions, *_sentences(part)]


def _sentences(part: Contributions) -> Iterator[str]:
    if part.at_guess:
        yield (
            "No combination is surely better than a guess here, so shares of what modalities bring are not told: they "
            "might be shares of nothing."
        )
        return
    shares = _shares(part)
    if shares and part.best is not None:
        ordered = sorted(shares, key=lambda m: -shares[m].mean)
        told = ", ".join(f"{m} {_signed_percent(shares[m])}" for m in ordered)
        who = titles.titled(part.best)
        yield f"Of what the best combination ({who}) gains over a guess, its modalities bring: {told}."
        # One seed alone, or an interval that reaches further, does not tell.
        known = [m for m in ordered if shares[m].half is not None]
        harmful = [m for m in known if shares[m].mean < -UNUSED and shares[m].high < 0]
        if harmful:
            take = "takes" if len(harmful) == 1 else "take"
            yield f"On average over all orders in which modalities are added, {listing(harmful)} {take} something away."
        unused = [m for m in known if shares[m].low > -UNUSED and shares[m].high < UNUSED]
        if unused:
            why = "" if not part.carriers else f"; what carries the label here is {listing(list(part.carriers))}"
            yield f"It hardly uses {listing(unused)}{why}."
    together = part.named("interaction")
    mean = together.of(part.best) if together is not None and part.best is not None else None
    if together is not None and mean is not None:
        yield _interaction(part, mean, together.number)
    yield from _fusions(part)


def _signed_percent(share: Estimate) -> str:
    """What takes something away has a share below 0."""
    mean, rest = percent_interval(replace(share, mean=abs(share.mean))).split(" ", 1)
    return f"{signed(f'-{mean}') if share.mean < 0 else mean} {rest}"


def _interaction(part: Contributions, mean: Estimate, number: Number) -> str:
    size = f"(interaction {number.scale.number(mean.mean)})"
    which = "Two modalities" if len(part.modalities) == 2 else "On average over pairs, unweighted, two modalities"
    if mean.half is not None and mean.low > number.margin:
        return f"{which} together bring more than both apart {size}: they complement each other."
    if mean.half is not None and mean.high < -number.margin:
        return f"{which} together bring less than both apart {size}: they say much the same."
    return f"Whether two modalities bring more together than apart is open {size}."


def _fusions(part: Contributions) -> Iterator[str]:
    own = part.named("imbalance")
    ends = None if own is None else own.extremes("fusion")
    if own is None or ends is None:
        return
    first, last = ends
    pair = {first.level, last.level}
    found = next((d for axis, d in own.contrasts if axis == "fusion" and {d.subject, d.reference} == pair), None)
    if found is not None and found.verdict == "better" and found.subject == first.level:
        yield (
            f"Of the fusions, {titles.noun('fusion', first.level)} has the lowest mean imbalance "
            f"({first.score.mean:.2f}), decidedly below {titles.noun('fusion', last.level)}, which has the highest "
            f"({last.score.mean:.2f}). Where one modality says it all, an even share of the work is no merit."
        )
    elif found is not None and found.verdict == "open":
        yield "Whether one fusion shares the work out more evenly than another is open."
