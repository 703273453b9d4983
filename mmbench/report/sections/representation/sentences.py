"""What can be said of representations on one data set, in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mmbench.probe.shared.places import PLACES
from mmbench.report.scores.measured import Compared
from mmbench.report.sections.representation.compute import Representations
from mmbench.report.values import titles
from mmbench.report.values.methods import POOLING
from mmbench.report.values.numbers import two_decimals
from mmbench.report.values.words import gain, listing, percent
from mmbench.stats.estimates import Difference, Verdict

PLACE_WORDS = {
    "stem": "after the stems",
    "middle": "after the middle layer",
    "last": "after the last layer",
    "read-out": "at the read-outs",
}

PROBED = "a linear probe of the read-outs"
WHAT = {
    "attention": "attentions",
    "fusion": "fusions",
    "architecture": "architectures",
}


TITLE = "Representations"
ANSWERS: dict[Verdict, str] = {
    "better": "better than those of pooling",
    "worse": "worse than those of pooling",
    "equal": "as good as those of pooling",
    "open": "with no verdict yet",
}


def finding(parts: Sequence[Representations]) -> str:
    """The heading: whether attention gives better ones; nothing of models that were trained too briefly."""
    where: dict[str, list[str]] = {}
    for part in parts:
        read_out = part.named("linear_probe_read_out")
        if not part.cautions and read_out is not None and read_out.attention is not None:
            where.setdefault(ANSWERS[read_out.attention.verdict], []).append(part.dataset)
    said = [f"{answer} on {listing(names)}" for answer, names in where.items()]
    return f"{TITLE}: the read-outs of attention are {listing(said, between='; ')}" if said else TITLE


def sentences(part: Representations) -> list[str]:
    return [*part.cautions, *_sentences(part)]


def _sentences(part: Representations) -> Iterator[str]:
    read_out, last = part.named("linear_probe_read_out"), part.named("linear_probe_last")
    if read_out is not None and read_out.attention is not None:
        yield _finding(part, read_out.attention)
    if last is not None and last.attention is not None:
        yield _before(part, last.attention)
    if read_out is not None:
        yield from _extremes(part, read_out)
    yield from _growth(part)
    yield from _retrieval(part)
    yield from _alignment(part)
    yield from _gap(part)
    yield (
        f"A linear probe is fitted on training samples and scored by {part.scale.label} on test samples, of vectors "
        "that are frozen: it tells what a linear model can read there, not all that they hold. Means over pairs and "
        "modalities are unweighted; retrieval is the mean of both directions."
    )


def _finding(part: Representations, d: Difference) -> str:
    """Whether attention gives better representations than pooling."""
    if d.verdict == "better":
        return f"Attention gives better representations than pooling: {gain(d, part.scale)} by {PROBED}."
    if d.verdict == "worse":
        return f"Attention gives worse representations than pooling: {gain(d, part.scale)} by {PROBED}."
    if d.verdict == "equal":
        return (
            "Attention gives representations as good as those of pooling: linear probes of their read-outs differ by "
            f"{gain(d, part.scale)}, which is within the margin."
        )
    return (
        "Whether attention gives better representations than pooling is open: linear probes of their read-outs differ "
        f"by {gain(d, part.scale)}."
    )


def _before(part: Representations, d: Difference) -> str:
    """Read-outs are attentions or poolings themselves; what layers have made of the tokens is before them."""
    where = "after the last layer, before any read-out"
    words = {
        "better": f"With attention, means of the tokens {where}, are better already",
        "worse": f"With attention, means of the tokens {where}, are worse",
        "equal": f"Means of the tokens {where}, are equally good with attention and with pooling",
        "open": f"Whether attention gives better means of the tokens {where}, is open",
    }
    return f"{words[d.verdict]}: {gain(d, part.scale)}."


def _extremes(part: Representations, read_out: Compared) -> Iterator[str]:
    for axis, what in WHAT.items():
        ends = read_out.extremes(axis)
        if ends is None:
            continue
        first, last = ends
        pair = {first.level, last.level}
        d = next((d for own, d in read_out.contrasts if own == axis and {d.subject, d.reference} == pair), None)
        if d is None:
            continue
        if d.verdict == "better" and d.subject == first.level:
            names = [
                "pooling" if axis == "attention" and m.level == POOLING else titles.noun(axis, m.level) for m in ends
            ]
            yield (
                f"Of the {what}, the read-outs of {names[0]} have the best mean "
                f"({part.scale.number(first.score.mean)}), decidedly better than those of {names[1]}, which have the "
                f"worst ({part.scale.number(last.score.mean)})."
            )
        elif d.verdict == "equal" and sum(m.factor == axis for m in read_out.levels) == 2:
            yield f"The read-outs of both {what} are equally good, within the margin."
        else:
            yield f"Which of the {what} has the best read-outs is open."


def _growth(part: Representations) -> Iterator[str]:
    told = [f"{part.scale.number(part.overall[p].mean)} {PLACE_WORDS[p]}" for p in PLACES if p in part.overall]
    if len(told) > 1:
        yield f"Over all combinations, the linear probe of all modalities scores {', '.join(told)}."


def _retrieval(part: Representations) -> Iterator[str]:
    found, mean = part.named("retrieval_1"), part.overall.get("retrieval_1")
    if found is None or mean is None or not part.candidates:
        return
    chance = 1 / part.candidates
    text = (
        f"Among {part.candidates} samples, the other modality's vector of the same sample is the nearest in "
        f"{percent(mean.mean)} of cases (a guess: {percent(chance)})"
    )
    if found.attention is None:
        yield f"{text}."
        return
    points = f"{100 * abs(found.attention.mean):.1f} points"
    words = {
        "better": f"with attention it is by {points} more often than with pooling",
        "worse": f"with attention it is by {points} less often than with pooling",
        "equal": "attention and pooling are equal in this, within 1 point",
        "open": "whether attention or pooling has it more often is open",
    }
    yield f"{text}; {words[found.attention.verdict]}."


def _alignment(part: Representations) -> Iterator[str]:
    stem, last = part.overall.get("cka_stem"), part.overall.get("cka_last")
    if stem is None or last is None:
        return
    yield (
        "Two modalities are aligned (CKA: 1 is the same but for rotation and scale, 0 unrelated) by "
        f"{two_decimals(stem.mean)} after the stems and by {two_decimals(last.mean)} after the last layer."
    )


def _gap(part: Representations) -> Iterator[str]:
    gap, paired, own = (part.overall.get(n) for n in ("modality_gap", "paired_distance", "modality_spread"))
    if gap is None or paired is None or own is None:
        return
    more = "further apart than" if gap.mean > own.mean else "no further apart than"
    yield (
        "Modality gap: of vectors of length 1 after the last layer, the centroids of two modalities are "
        f"{gap.mean:.2f} apart, {more} a sample is from its own centroid ({own.mean:.2f}); the two of a sample are "
        f"{paired.mean:.2f} apart."
    )
