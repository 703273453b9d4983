"""What is said of relevance on a data set."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mmbench.report.sections.interpretation.record import Interpretation
from mmbench.report.values import titles
from mmbench.report.values.numbers import two_decimals
from mmbench.report.values.words import listing
from mmbench.schema.relevance import METHODS, TITLES
from mmbench.stats.estimates import Difference, Estimate, Verdict

SAMPLES = 24
"""What `mmbench.probe.shared.explained` takes, which cannot be imported without PyTorch."""
ABOUT: dict[Verdict, str] = {
    "better": "better than",
    "worse": "worse than",
    "equal": "as well as",
    "open": "with no verdict yet against",
}
LOST: dict[Verdict, str] = {
    "better": "more than with",
    "worse": "less than with",
    "equal": "as much as with",
    "open": "with no verdict yet against",
}
"""How much of an answer is lost."""


def text(value: Estimate) -> str:
    """`0.85 ± 0.02`."""
    return two_decimals(value.mean) + ("" if value.half is None else f" ± {value.half:.2f}")


POINTS: dict[Verdict, str] = {
    "better": "point at the evidence",
    "equal": "point at the evidence no better than chance",
    "worse": "point away from the evidence",
    "open": "have no verdict against chance",
}


def heading(parts: Sequence[Interpretation]) -> str:
    """What is known of attention weights where evidence is, with their AUROC; else the question."""
    by_verdict: dict[Verdict, dict[str, str]] = {}
    for part in parts:
        rated, by_chance = _of(part, "AUROC", "attention"), part.against("AUROC", "random")
        if part.attends and not part.cautions and rated is not None and by_chance is not None:
            by_verdict.setdefault(by_chance.verdict, {})[part.dataset] = two_decimals(rated.mean)
    if not by_verdict.keys() - {"open"}:
        return "Is attention an explanation?"
    said = [
        f"{POINTS[verdict]} on {listing(list(found))} (AUROC {listing(list(found.values()))})"
        for verdict in POINTS
        if (found := by_verdict.get(verdict))
    ]
    return f"Attention weights {listing(said)}"


def finding(part: Interpretation) -> str:
    """The first sentence: is attention an explanation here?"""
    rated, lost = (_of(part, judge, "attention") for judge in ("AUROC", "comprehensiveness, masked"))
    if not part.attends:
        return (
            "No trained model has attention weights to look at, so whether attention explains answers cannot be said."
        )
    if rated is not None:
        by_chance = part.against("AUROC", "random")
        points = {
            "better": "point at the tokens that carry the label",
            "worse": "point away from the tokens that carry the label",
            "equal": "point at the tokens that carry the label no better than chance",
        }.get("open" if by_chance is None else by_chance.verdict, "have no verdict yet against a random ranking")
        others = _others(part, "AUROC")
        return f"Attention weights {points} (AUROC {text(rated)}){others}."
    unknown = "It is not known which tokens carry the label"
    if lost is not None:
        first = f"without those that attention weights put first, models lose {text(lost)} of their answer"
        return f"{unknown}; {first}{_others(part, 'comprehensiveness, masked')}."
    agreed = ""
    if part.agreement is not None:
        agreed = f"; their ranking correlates with that of integrated gradients at {text(part.agreement)}"
    return f"{unknown}, so whether attention weights are right cannot be said{agreed}."


def _of(part: Interpretation, judge: str, method: str) -> Estimate | None:
    return part.judged.get(method, {}).get(judge)


def _others(part: Interpretation, judge: str) -> str:
    """`, worse than occlusion (0.90) and as well as gradient x input (0.79); a random ranking has 0.48`."""
    by_verdict: dict[str, list[str]] = {}
    for method in METHODS[1:-1]:
        d, own = part.against(judge, method), _of(part, judge, method)
        if d is not None and own is not None:
            words = (ABOUT if judge.startswith("AUROC") else LOST)[d.verdict]
            by_verdict.setdefault(words, []).append(f"{TITLES[method]} ({text(own)})")
    said = [f"{words} {listing(names)}" for words, names in by_verdict.items()]
    by_chance = _of(part, judge, "random")
    end = "" if by_chance is None else f"; a random ranking has {text(by_chance)}"
    return (f", {', '.join(said)}" if said else "") + end


def sentences(part: Interpretation) -> Iterator[str]:
    """What else is known."""
    if part.compared:
        own = part.compared[0]
        ends = own.extremes("attention")
        if ends is not None:
            (high, low), label = ends, own.number.label
            pair = {high.level, low.level}
            d = next((d for a, d in own.contrasts if a == "attention" and {d.subject, d.reference} == pair), None)
            decided = d is not None and d.verdict == "better" and d.subject == high.level
            yield (
                f"By mechanism, {label} is between {text(low.score)} with {titles.noun('attention', low.level)} and "
                f"{text(high.score)} with {titles.noun('attention', high.level)}; "
                + ("the two differ." if decided else "whether the two differ is open.")
            )
    if part.undefined:
        names = listing([titles.level("attention", name) for name in part.undefined])
        yield f"Without weights over tokens of a modality that are a distribution, so not defined: {names}."
    yield from _sane(part)
    yield from _faithful(part)
    yield (
        f"Measured on {SAMPLES} test samples, the same for all models, or all where there are fewer. Intervals are "
        "over seeds: what other samples would do is not in them."
    )


def _sane(part: Interpretation) -> Iterator[str]:
    signed = {m: x for m in METHODS[:-1] if (x := _of(part, "AUROC, signed, with fresh weights", m)) is not None}
    sizes = {m: x for m in METHODS[1:-1] if (x := _of(part, "AUROC with fresh weights", m)) is not None}
    if signed and sizes:
        yield (
            f"With fresh weights, that have learned nothing, the signed AUROC is {_span(signed)} and that of sizes "
            f"{_span(sizes)}{_widest([*signed.values(), *sizes.values()])}: by so much tokens with evidence stand out "
            "by themselves."
        )
    same = {m: x for m in METHODS[:-1] if (x := _of(part, "sanity", m)) is not None}
    if same:
        yield f"Rankings by models with fresh weights correlate with those of the trained models at {_span(same)}."


def _widest(values: Sequence[Estimate]) -> str:
    """` (± 0.24 at most)`; nothing with one seed."""
    known = [x.half for x in values if x.half is not None]
    return f" (± {max(known):.2f} at most)" if known else ""


def _span(values: dict[str, Estimate]) -> str:
    """`0.49 to 0.55`."""
    low, high = (two_decimals(f(x.mean for x in values.values())) for f in (min, max))
    return low if low == high else f"{low} to {high}"


def _faithful(part: Interpretation) -> Iterator[str]:
    for how, judge in (("masked", "comprehensiveness, masked"), ("replaced", "comprehensiveness, swapped")):
        own = _of(part, judge, "attention")
        if part.attends and own is not None and _of(part, "AUROC", "attention") is not None:
            yield (
                f"When the tokens that attention weights put first are {how}, models lose {text(own)} of their answer"
                f"{_others(part, judge)}."
            )
    verdicts: list[tuple[Difference | None, Difference | None]] = [
        (part.against("comprehensiveness, masked", m), part.against("comprehensiveness, swapped", m))
        for m in METHODS[1:]
    ]
    apart = [
        a.reference
        for a, b in verdicts
        if a is not None and b is not None and "open" not in (a.verdict, b.verdict) and a.verdict != b.verdict
    ]
    if apart:
        yield f"The verdict depends on how tokens are taken away against {listing([TITLES[m] for m in apart])}."
