"""Advice from the contrasts, in words: the headline, and the numbers behind it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from mmbench.registry import GRID_AXES
from mmbench.report.scores.choices import AxisChoices, Choice
from mmbench.report.scores.contrasts import turned
from mmbench.report.scores.interaction import Interaction
from mmbench.report.values import titles
from mmbench.report.values.methods import POOLING
from mmbench.report.values.scale import Scale
from mmbench.report.values.words import listing, sentence, training
from mmbench.stats.estimates import Difference
from mmbench.stats.ladder import fades

MOST = 2
"""Sentences about what holds on single data sets only."""


def either(names: Sequence[str]) -> str:
    """`a`, `a or b`, `a, b or c`."""
    return listing(list(names), most=len(names)).replace(" and ", " or ")


def strongest_first(axes: Sequence[AxisChoices]) -> list[AxisChoices]:
    """By their largest difference."""
    return sorted(axes, key=lambda a: -a.largest)


def advise(axes: Sequence[AxisChoices]) -> str:
    """What to use, what hardly matters, and what is open, as sentences; empty where no axis says anything."""
    lasting = [a for a in strongest_first(axes) if a.fading is None]
    said = [_use(lasting), _hardly(lasting)]
    said += [_differs(a) for a in lasting if a.state == "differs"]
    said += [_learns(a) for a in strongest_first(axes) if a.fading is not None]
    if any(said) and (
        open_ := [axis for axis in GRID_AXES if any(a.axis == axis and a.state == "open" for a in lasting)]
    ):
        said.append(f"Which {either(open_)} is best is still open.")
    return " ".join(filter(None, said))


def _use(axes: Sequence[AxisChoices]) -> str:
    leading = [a for a in axes if a.state in ("leads", "prefers")]
    avoided = [titles.noun(a.axis, a.beaten[0]) for a in leading if _is_avoided(a)]
    used = [a for a in leading if not _is_avoided(a)]
    where = next((a for a in used if a.axis == "architecture" and a.state == "leads"), None)
    others = [_used(a) for a in used if a is not where]
    text = ""
    if others:
        text = f"Use {listing(others)}{'' if where is None else _in(where)}"
    elif where is not None:
        text = f"Use {_used(where)}"
    if avoided:
        text += f", and avoid {listing(avoided)}" if text else f"Avoid {listing(avoided)}"
    return f"{text}." if text else ""


def _is_avoided(a: AxisChoices) -> bool:
    """Whether all but one level may be used: that one is better named than they."""
    return a.state == "leads" and len(a.beaten) == 1 < len(a.group) and a.beaten != (POOLING,)


def _used(a: AxisChoices) -> str:
    if a.axis == "attention" and a.beaten == (POOLING,):
        return "attention" if len(a.group) > 1 else titles.noun(a.axis, a.group[0])
    if a.axis == "attention" and a.group == (POOLING,):
        return f"{titles.noun(a.axis, POOLING)} in place of attention"
    text = either([titles.noun(a.axis, level) for level in a.group])
    if a.state == "prefers":
        text += f" rather than {either([titles.noun(a.axis, level) for level in a.beaten])}"
    return text


def _in(a: AxisChoices) -> str:
    text = _used(a)
    return f" in {text}" if text.endswith("architecture") else f" with {text}"


def _hardly(axes: Sequence[AxisChoices]) -> str:
    equal = [axis for axis in GRID_AXES if any(a.axis == axis and a.state == "equal" for a in axes)]
    if not equal:
        return ""
    # Equal on average may be better on one data set.
    uneven = any(d.verdict != "equal" for a in axes if a.axis in equal for c in a.pairs for d in c.each.values())
    if uneven or len(equal) == len(axes) > 1:
        return f"On average the choice of {either(equal)} hardly matters."
    then = " then" if any(a.state in ("leads", "prefers") for a in axes) else ""
    return f"Which {either(equal)} you{then} choose hardly matters."


def _differs(a: AxisChoices) -> str:
    assert a.by_dataset is not None
    return depends(a.axis, {name: titles.level(a.axis, lv) for name, lv in a.by_dataset.items()})


def depends(what: str, best: Mapping[str, str]) -> str:
    """`The best fusion depends on the data: concatenation on a and b, cross-attention on c.` best: by data set."""
    where: dict[str, list[str]] = {}
    for name, choice in best.items():
        where.setdefault(choice, []).append(name)
    return f"The best {what} depends on the data: {', '.join(f'{c} on {listing(n)}' for c, n in where.items())}."


def _learns(a: AxisChoices) -> str:
    d = a.fading
    assert d is not None
    at = fades(d)
    assert at is not None
    what = "attention" if a.axis == "attention" and d.reference == POOLING else titles.noun(a.axis, d.subject)
    return f"{sentence(what)} only learns faster: with {training(at.factor)} it is no better."


def numbers(axes: Sequence[AxisChoices], scale: Scale, depends_on: Interaction | None = None) -> Iterator[str]:
    """The sizes behind the advice, first of what leads, then of what hardly matters. axes: as they are advised on;
    depends_on: what of that holds for the leading levels of another axis only."""
    if scale.is_ranks:
        return
    told = [text for a in strongest_first(axes) if a.state in ("leads", "prefers") and (text := _sizes(a, scale))]
    if told:
        yield sentence("; ".join(told)) + "."
    equal = [a for a in axes if a.state == "equal"]
    inside = None if depends_on is None else depends_on.inside
    everywhere = [a for a in equal if a is not inside]
    if everywhere:
        levels = either([a.axis for a in everywhere])
        which = "Choices" if told else "All choices"
        yield f"{which} of {levels} differ by {_at_most(everywhere, scale)} on average, which counts as equal."
    if depends_on is not None and inside in equal:
        # True of these levels alone: elsewhere they may differ by more.
        where = either([titles.noun(depends_on.base.axis, level) for level in depends_on.base.group])
        yield f"With {where}, choices of {inside.axis} differ by {_at_most([inside], scale)}, which counts as equal."
    if depends_on is not None:
        yield from _elsewhere(depends_on, scale)
    else:
        yield from _on_single_datasets(axes, scale)


def _at_most(axes: Sequence[AxisChoices], scale: Scale) -> str:
    most = amount(max(a.largest for a in axes), scale)
    return most if most.startswith("less") else f"at most {most}"


def _elsewhere(found: Interaction, scale: Scale) -> Iterator[str]:
    """What an axis is worth where the leading levels of another are not used."""
    sizes = _sizes(found.outside, scale)
    where = either([titles.noun(found.base.axis, level) for level in found.base.beaten])
    if sizes:
        yield f"With {where}, {sizes}."
    elif found.outside.state == "equal":
        yield f"With {where} the choice of {found.outside.axis} hardly matters."


def amount(value: float, scale: Scale) -> str:
    """`0.7 points`, `less than 0.1 points`, `0.041 of MAE`."""
    size, unit = scale.width(value), scale.unit_words if scale.unit else f" of {scale.label}"
    if not size.strip("0."):
        size = f"less than {size[:-1]}1"
    return f"{size}{unit}"


def _sizes(a: AxisChoices, scale: Scale) -> str:
    """`a hybrid architecture scores 2.8 points more than independent weights and 4.3 more than shared weights`."""
    decided = [c for c in a.shown if c.found.verdict == "better"]
    if not decided:
        return ""
    unit = scale.unit_words if scale.unit else f" {'more' if scale.higher else 'lower'} {scale.label}"
    parts = []
    for i, c in enumerate(decided):
        size = scale.width(c.found.mean)
        more = f"{size}{unit if i == 0 else ''}{' more' if scale.unit else ''}"
        parts.append(f"{more} than {titles.noun(a.axis, c.found.reference)}")
    return f"{titles.noun(a.axis, a.levels[0])} {_verb(a.axis, a.levels[0], scale)} {listing(parts)}"


def _verb(axis: str, level: str, scale: Scale) -> str:
    plural = titles.noun(axis, level).endswith("weights")
    if scale.unit:
        return "score" if plural else "scores"
    return "have" if plural else "has"


def _on_single_datasets(axes: Sequence[AxisChoices], scale: Scale) -> Iterator[str]:
    """What is better on a data set though not over all of them: a sentence a data set, the largest first."""
    found: list[tuple[float, str, Choice, Difference]] = [
        (abs(d.mean), name, c, turned(d) if d.verdict == "worse" else d)
        for a in axes
        for c in a.shown
        for name, d in c.each.items()
        if len(c.each) > 1 and d.verdict in ("better", "worse") and c.found.verdict != d.verdict and fades(d) is None
    ]
    by_dataset: dict[str, list[str]] = {}
    said: dict[str, str] = {}
    for size, name, c, d in sorted(found, key=lambda x: -x[0])[:MOST]:
        own, subject = by_dataset.setdefault(name, []), titles.noun(c.axis, d.subject)
        verb = f"{_verb(c.axis, d.subject, scale)} " if scale.unit and not own else ""
        more = f"{verb}{scale.width(size) if own else amount(size, scale)} more" if scale.unit else ""
        better = more or f"is better by {amount(size, scale)}"
        again = f"{subject} " if said.get(name) != subject else ""
        own.append(f"{again}{better} than {titles.noun(c.axis, d.reference)}")
        said[name] = subject
    for name, parts in by_dataset.items():
        yield f"On {name}, {listing(parts)}."
