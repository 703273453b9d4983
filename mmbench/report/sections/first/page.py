"""The first screen as the page shows it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain

from mmbench.report.draw.axis import Tick, linear
from mmbench.report.draw.views import ALL
from mmbench.report.paper.contrasts import contrasts
from mmbench.report.paper.tabular import environment
from mmbench.report.scores.advice import either
from mmbench.report.scores.choices import Choice
from mmbench.report.sections.first.paper import picks_grid
from mmbench.report.sections.first.record import COSTS, FirstScreen, Limit, Pick, Screen
from mmbench.report.sections.first.tables import choices_table, picks_table
from mmbench.report.values import titles
from mmbench.report.values.scale import Scale
from mmbench.stats.estimates import Difference
from mmbench.stats.ladder import fades


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A data set's own difference on the axis: place in %, and what it says."""

    at: float
    said: str


@dataclass(frozen=True, kw_only=True)
class ChoiceRow:
    """One contrast. axis: its name where it is the first of it, else empty. given: in which settings, where not in all.
    Places in %. why: what makes it equal where the interval that is shown does not say so; note: below the verdict."""

    axis: str
    given: str
    subject: str
    reference: str
    kind: str
    at: float
    low: float
    width: float
    marks: tuple[Mark, ...]
    value: str
    half: str
    verdict: str
    why: str
    note: str


@dataclass(frozen=True, kw_only=True)
class PickRow:
    """One method. key: to open its details. copy: the command that repeats it."""

    labels: str
    key: str
    name: str
    recommended: str
    score: str
    half: str
    loss: str
    loss_half: str
    worst: str
    costs: tuple[str, ...]
    command: str


@dataclass(frozen=True, kw_only=True)
class ScreenView:
    """Of one data set, or of all. band: place and width of the margin. description: what the
    data set is, nothing for several; worth, take: headings; several: whether there are several."""

    name: str
    description: str
    worth: str
    take: str
    several: bool
    scale: Scale
    ticks: tuple[Tick, ...]
    zero: float
    band: tuple[float, float] | None
    rows: tuple[ChoiceRow, ...]
    payoff: str
    limits: tuple[Limit, ...]
    picks: tuple[PickRow, ...]
    latex: str
    csv: str


def screen_view(screen: Screen, record: FirstScreen) -> ScreenView:
    shown = [c for _, choices in screen.shown for c in choices]
    rope = screen.scale.rope
    values = list(chain.from_iterable((c.found.low, c.found.high, *(d.mean for d in c.each.values())) for c in shown))
    axis = linear([*values, -rope, rope, 0.0], wanted=5)
    left, right = axis.at(-rope), axis.at(rope)
    rows = []
    for name, choices in screen.shown:
        rows += [
            _row(c, name if i == 0 else "", screen, axis.at, record.context.confidence) for i, c in enumerate(choices)
        ]
    grids = [contrasts(record.context, screen.name), picks_grid(screen, record)]
    tables = [*choices_table(record, screen.name), *picks_table(record, screen.name)]
    return ScreenView(
        name=ALL if screen.name is None else screen.name,
        description="" if screen.name is None else record.context.dataset(screen.name).description,
        worth=screen.worth,
        take=screen.take,
        several=screen.name is None,
        scale=screen.scale,
        ticks=tuple(Tick(at=t.at, value=t.value, label=screen.scale.change(t.value)) for t in axis.ticks),
        zero=axis.at(0.0),
        band=(left, round(right - left, 2)) if rope > 0 else None,
        rows=tuple(rows),
        payoff=" ".join(_payoff(screen, record)),
        limits=screen.limits,
        picks=tuple(_pick(p, screen) for p in screen.picks),
        latex="\n".join(environment(grid) for grid in grids if grid is not None),
        csv="\n".join(t.raw.to_csv(index=False, float_format="%.8g", lineterminator="\n") for t in tables),
    )


def _row(c: Choice, axis: str, screen: Screen, place: Callable[[float], float], confidence: float) -> ChoiceRow:
    """axis: its name where this is the first of it, else nothing. confidence: of intervals."""
    d, scale = c.found, screen.scale
    low, high = place(d.low), place(d.high)
    marks = [Mark(at=place(x.mean), said=f"{name} {scale.change(x.mean)}") for name, x in c.each.items()]
    return ChoiceRow(
        axis=axis.capitalize(),
        given=_given(c, screen),
        subject=titles.level(c.axis, d.subject),
        reference=titles.level(c.axis, d.reference),
        kind=d.verdict if d.half is not None else "open",
        at=place(d.mean),
        low=low,
        width=round(high - low, 2),
        marks=tuple(marks) if len(marks) > 1 else (),
        value=scale.change(d.mean),
        half="" if d.half is None else f"±{scale.width(d.half)}",
        verdict=_verdict(d, scale),
        why=_why(d, scale, confidence),
        note=_note(c),
    )


def _given(c: Choice, screen: Screen) -> str:
    """`with a hybrid architecture:`, or nothing."""
    if not c.given or screen.depends is None:
        return ""
    return f"with {either([titles.noun(screen.depends.base.axis, level) for level in c.given])}: "


def _verdict(d: Difference, scale: Scale) -> str:
    if d.half is None:
        return "one seed"
    if d.verdict == "equal":
        return f"equal within {scale.rope_words.removeprefix('±')}"
    return d.verdict


def _why(d: Difference, scale: Scale, confidence: float) -> str:
    """What decided on equality, where that is not the interval that is shown: two one-sided tests ask for less."""
    if d.verdict != "equal" or d.near is None or max(-d.low, d.high) <= scale.rope:
        return ""
    ends = " to ".join(scale.change(d.mean + side * d.near) for side in (-1, 1))
    return f"{100 * (2 * confidence - 1):g} % interval: {ends}, within {scale.rope_words}"


def _note(c: Choice) -> str:
    """What a reader of the verdict should know: that it fades, or on which data sets it is another; else how often."""
    if fades(c.found) is not None:
        return "not with longer training"
    other = [name for name, d in c.each.items() if d.verdict not in (c.found.verdict, "open")]
    if len(c.each) > 1 and other and c.found.half is not None:
        return f"{c.each[other[0]].verdict} on {other[0]}"
    return f"{c.won} of {c.settings} settings"


def _payoff(screen: Screen, record: FirstScreen) -> Iterator[str]:
    """Whether several modalities pay: by data set, the gain over the one that is best alone."""
    parts = []
    for name, gain in screen.payoff.items():
        scale = record.context.dataset(name).scale
        half = "" if gain.half is None else f" ±{scale.width(gain.half)}"
        said = {
            "better": "",
            "equal": ", so one is enough",
            "worse": ", so one alone is better",
            "open": " (open)",
        }[gain.verdict if gain.half is not None else "open"]
        parts.append(f"{name} {scale.change(gain.mean)}{half}{said}")
    if parts:
        unit = " in points" if all(record.context.dataset(n).scale.unit == "points" for n in screen.payoff) else ""
        yield f"The best combination minus the best modality alone{unit}: {'; '.join(parts)}."


def _pick(p: Pick, screen: Screen) -> PickRow:
    scale = screen.scale
    worst = "" if p.worst is None else f"{scale.change(p.worst[1].mean)} on {p.worst[0]}"
    return PickRow(
        labels=", ".join([p.labels[0], *(x[:1].lower() + x[1:] for x in p.labels[1:])]),
        key=p.method.key,
        name=titles.method(p.method),
        recommended=p.advice,
        score=scale.number(p.score.mean if p.score else None),
        half=scale.plus_minus(p.score.half) if p.score and p.score.half is not None else "",
        loss="best" if p.loss is None else scale.change(p.loss.mean),
        loss_half="" if p.loss is None or p.loss.half is None else f"±{scale.width(p.loss.half)}",
        worst=worst,
        costs=tuple(p.share(cost) for cost in COSTS),
        command=p.command,
    )
