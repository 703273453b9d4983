"""Inter-quartile means and probabilities of improvement as dots, performance profiles as lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from mmbench.report.draw.axis import Axis, Tick, linear
from mmbench.report.draw.dots import Dot, Dots
from mmbench.report.draw.lines import HUES, Line
from mmbench.report.draw.words import plural
from mmbench.report.sections.aggregates.record import AggregateTable, Member
from mmbench.report.values.scale import Scale
from mmbench.stats.bootstrap import Interval

CHANCES = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True, kw_only=True)
class Profile:
    """Paths are in a 100 x 100 box. lines: of the members named; grey: of the others."""

    x: Axis
    y: Axis
    lines: tuple[Line, ...]
    grey: str
    rest: int


@dataclass(frozen=True, kw_only=True)
class Summary:
    """One factor's levels, or the best cells. first: the member that probabilities speak of."""

    title: str
    table: AggregateTable
    middle: Dots
    chances: Dots
    profile: Profile


def ends(found: Interval) -> tuple[float, float]:
    """Of the interval; the value itself where there is none."""
    return (
        found.value if found.low is None else found.low,
        found.value if found.high is None else found.high,
    )


def interval_words(found: Interval, scale: Scale) -> str:
    """`0.861 to 0.874`"""
    if found.low is None or found.high is None:
        return ""
    return f"{scale.number(found.low)} to {scale.number(found.high)}"


def chance(found: Interval | None) -> str:
    """`0.93 (0.88 to 0.98)`; nothing of a member against itself."""
    if found is None:
        return ""
    inside = "" if found.low is None or found.high is None else f" ({found.low:.2f} to {found.high:.2f})"
    return f"{found.value:.2f}{inside}"


def _dot(name: str, kind: str, found: Interval, axis: Axis, texts: tuple[str, str, str], key: str | None = None) -> Dot:
    """texts: the value, its interval and the hover."""
    low, high = (axis.at(v) for v in ends(found))
    value, interval, tip = texts
    return Dot(
        name=name,
        note="",
        key=key,
        kind=kind,
        at=axis.at(found.value),
        low=low,
        width=round(high - low, 2),
        value=value,
        half=interval,
        tip=tip,
    )


def _middle(table: AggregateTable, scale: Scale) -> Dots:
    # Names of cells leave little room beside them: two or three ticks, or their labels run into one another.
    wanted = 2 if table.factor == "cell" else 5
    axis = linear(chain.from_iterable((*ends(m.iqm), m.iqm.value) for m in table.members), wanted=wanted)
    rows = []
    for m in table.members:
        value, interval = scale.number(m.iqm.value), interval_words(m.iqm, scale)
        tip = f"{m.name}\ninter-quartile mean {value}{', ' + interval if interval else ''}\n{plural(m.runs, 'run')}"
        key = m.name if table.factor == "cell" else None
        rows.append(_dot(m.name, "best" if m.name == table.first else "", m.iqm, axis, (value, interval, tip), key))
    return Dots(ticks=axis.ticks, rows=tuple(rows))


def _chances(table: AggregateTable) -> Dots:
    axis = Axis(low=0, high=1)
    ticks = tuple(Tick(at=axis.at(v), value=v, label=f"{v:g}") for v in CHANCES[::2])
    rows = []
    for m in table.members:
        found = m.improvement
        if found is None:
            continue
        low, high = ends(found)
        told = not low <= 0.5 <= high
        tip = f"a run of {table.first}\nbeats a run of {m.name}\nwith probability {chance(found)}"
        value, _, interval = chance(found).partition(" ")
        kind = ("best" if found.value > 0.5 else "") if told else "control"
        rows.append(_dot(m.name, kind, found, axis, (value, interval.strip("()"), tip)))
    return Dots(ticks=ticks, rows=tuple(rows), zero=axis.at(0.5))


def _path(member: Member, thresholds: Sequence[float], x: Axis, y: Axis) -> str:
    return "M" + "L".join(f"{x.at(t):g} {100 - y.at(v):g}" for t, v in zip(thresholds, member.profile, strict=True))


def _band(member: Member, thresholds: Sequence[float], x: Axis, y: Axis) -> str:
    up = [f"{x.at(t):g} {100 - y.at(v):g}" for t, v in zip(thresholds, member.profile_high, strict=True)]
    down = [f"{x.at(t):g} {100 - y.at(v):g}" for t, v in zip(thresholds, member.profile_low, strict=True)]
    return "M" + "L".join([*up, *reversed(down)]) + "Z"


def _profile(table: AggregateTable) -> Profile:
    x = linear(table.thresholds, pad=0)
    y = Axis(low=0, high=1)
    y = Axis(low=0, high=1, ticks=tuple(Tick(at=y.at(v), value=v, label=f"{v:g}") for v in CHANCES))
    named, rest = table.members[:HUES], table.members[HUES:]
    lines = tuple(
        Line(
            name=m.name,
            hue=i,
            path=_path(m, table.thresholds, x, y),
            band=_band(m, table.thresholds, x, y) if len(named) <= 3 else "",
            end=0.0,
            value="",
        )
        for i, m in enumerate(named, start=1)
    )
    return Profile(x=x, y=y, lines=lines, grey="".join(_path(m, table.thresholds, x, y) for m in rest), rest=len(rest))


def summary(table: AggregateTable, scale: Scale) -> Summary:
    return Summary(
        title="best combinations" if table.factor == "cell" else table.factor,
        table=table,
        middle=_middle(table, scale),
        chances=_chances(table),
        profile=_profile(table),
    )
