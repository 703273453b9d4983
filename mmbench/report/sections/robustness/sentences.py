"""What can be said of robustness on one data set, in words."""

from __future__ import annotations

from collections.abc import Iterator

from mmbench.report.scores.measured import Compared
from mmbench.report.sections.robustness.compute import ALONE, Robustness
from mmbench.report.values import titles
from mmbench.report.values.words import percent
from mmbench.stats.estimates import Difference


def sentences(part: Robustness) -> list[str]:
    return list(_sentences(part))


def _sentences(part: Robustness) -> Iterator[str]:
    found = {x.number.name: x for x in part.compared}
    if "kept_without_one" in found:
        yield from _finding(part, found["kept_without_one"])
        yield from _most_missed(part, found)
    for name, when in (
        ("kept_at_rates", "When modalities are missing at random (rates of 0.1 to 0.9, unweighted mean)"),
        ("kept_under_noise", "Under noise in all modalities (five severities, unweighted mean)"),
    ):
        if name in found:
            yield from _axis(found[name], when)
    yield from _controls(part)
    yield (
        "Shares are of what a model gains over a guess on the same samples. Modalities are masked at test time only: a "
        "model that was not trained with some of them missing has never seen such an input."
    )


def _finding(part: Robustness, kept: Compared) -> Iterator[str]:
    best = kept.of(part.best) if part.best else None
    if best is not None and part.best is not None:
        yield (
            f"The best combination ({titles.titled(part.best)}) keeps {percent(max(0.0, best.mean))} of what it gains "
            "over a guess when one modality is missing (unweighted mean over modalities)."
        )
    yield from _axis(kept, "Without one modality")


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
        verdict = "open" if found is None else found.verdict
        if verdict == "better":
            said.append(
                f"of the fusions, {titles.noun('fusion', first.level)} keeps most ({percent(first.score.mean)}) and "
                f"{titles.noun('fusion', last.level)} least ({percent(last.score.mean)})"
            )
        else:
            said.append("the fusions keep equally much" if verdict == "equal" else "which fusion keeps most is open")
    if said:
        yield f"{when}, {'; '.join(said)}."


def _attention(d: Difference) -> str:
    points = f"{100 * abs(d.mean):.1f} points"
    if d.verdict == "better":
        return f"attention keeps {points} more than pooling"
    if d.verdict == "worse":
        return f"attention keeps {points} less than pooling"
    equal = d.verdict == "equal"
    return "attention and pooling keep equally much" if equal else "whether attention keeps more than pooling is open"


def _most_missed(part: Robustness, found: dict[str, Compared]) -> Iterator[str]:
    shares = {}
    for m in part.modalities:
        own = found.get(f"{ALONE}{m}")
        mean = own.of(part.best) if own is not None and part.best is not None else None
        if mean is not None:
            shares[m] = mean
    if len(shares) < 2:
        return
    worst, least = min(shares, key=lambda m: shares[m].mean), max(shares, key=lambda m: shares[m].mean)
    if shares[worst].half is not None and shares[worst].high < shares[least].low:
        yield (
            f"It misses {worst} most (without it, {percent(max(0.0, shares[worst].mean))} is kept) and {least} least "
            f"({percent(max(0.0, shares[least].mean))})."
        )
    else:
        yield "Which modality it misses most is open."


def _controls(part: Robustness) -> Iterator[str]:
    own = part.subsets.get(part.best or "", {})
    worse = []
    for m, control in part.controls.items():
        turned = part.scale.oriented
        # A control that is no better than a guess is no reference.
        learned = turned(control) > turned(part.guess) + 3 * part.scale.rope
        if learned and m in own and turned(own[m].mean) < turned(control) - part.scale.rope:
            worse.append(f"{m} ({part.scale.number(own[m].mean)} against {part.scale.number(control)})")
    if worse:
        yield (
            "Shown a single modality, the best combination scores worse than the best model trained on that modality "
            f"alone: {', '.join(worse)}. Whoever expects missing modalities does better to train for them."
        )
