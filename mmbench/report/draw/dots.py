"""Interval dots: one row a method, level or difference, a dot and its interval on a common zoomed axis."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from math import inf

from mmbench.report.draw.axis import Axis, Tick, linear
from mmbench.report.draw.words import VERDICTS, describe, describe_overall, difference, estimate, plural
from mmbench.report.values.cells import CellRow
from mmbench.report.values.datasets import DatasetReport
from mmbench.report.values.effects import LevelMean
from mmbench.report.values.methods import POOLING
from mmbench.report.values.numbers import p_value
from mmbench.report.values.overall import Overall, OverallRow
from mmbench.report.values.scale import Scale
from mmbench.stats.estimates import Difference, Estimate, Verdict

SHOWN = 7
"""Cells in the key figure."""


REACH = 3


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A data set's own value on a row's axis: place in %, and what it says."""

    at: float
    said: str


@dataclass(frozen=True, kw_only=True)
class Dot:
    """A row. key: of a method that can be picked, else None. kind: "best", "equal", "open", "control" or "".

    Places in %. marks: of the data sets that it is a mean of. beyond: "left" or "right" where the dot lies beyond that
    end of the axis: an arrow stands there.
    """

    name: str
    note: str
    key: str | None
    kind: str
    at: float
    low: float
    width: float
    value: str
    half: str = ""
    extra: str = ""
    tip: str = ""
    gap: bool = False
    beyond: str = ""
    marks: tuple[Mark, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Dots:
    """zero: place of no difference. band: place and width of the region of practical equivalence."""

    ticks: tuple[Tick, ...]
    rows: tuple[Dot, ...]
    zero: float | None = None
    band: tuple[float, float] | None = None


def _place(axis: Axis, value: Estimate | Difference) -> tuple[float, float, float]:
    low, high = axis.at(value.low), axis.at(value.high)
    return axis.at(value.mean), low, round(high - low, 2)


def _axis(values: Iterable[Estimate | Difference]) -> Axis:
    return linear(chain.from_iterable((v.low, v.mean, v.high) for v in values))


def beyond(axis: Axis, value: float) -> str:
    """At which end of the axis a value is cut off, if at any."""
    return "left" if value < axis.low else "right" if value > axis.high else ""


def _kind(row: CellRow | OverallRow) -> str:
    return "best" if row.best else str(row.verdict) if row.verdict in ("equal", "open") else ""


def key_figure(report: DatasetReport) -> Dots:
    """The top cells of one data set, then its best single modality and its baselines.

    The axis is zoomed on the cells: a control far below them (chance, say) would squeeze all differences to nothing.
    """
    cells = [(r, r.score) for r in report.cells if r.score][:SHOWN]
    wanted = [r for r in report.controls if r.key == report.single or r.method.role == "baseline"]
    controls = [(r, r.score) for r in wanted if r.score]
    scale = report.scale
    axis = _axis(near([e for _, e in cells], [e for _, e in controls], scale))
    rows = []
    for i, (row, value) in enumerate((*cells, *controls)):
        at, low, width = _place(axis, value)
        control = row.method.role != "cell"
        rows.append(
            Dot(
                name=row.key,
                note="best single modality" if row.key == report.single else "",
                key=row.key,
                kind="control" if control else _kind(row),
                at=at,
                low=low,
                width=width,
                value=scale.number(value.mean),
                half=scale.plus_minus(value.half) if value.half is not None else "",
                tip=describe(row, scale),
                gap=control and i == len(cells),
                beyond=beyond(axis, value.mean),
            )
        )
    return Dots(ticks=axis.ticks, rows=tuple(rows))


def near(cells: Sequence[Estimate], controls: Sequence[Estimate], scale: Scale) -> list[Estimate]:
    """What an axis is drawn around: all cells, and the controls at most REACH cell spans worse (all without)."""
    if not cells:
        return list(controls)
    lowest, highest = min(e.low for e in cells), max(e.high for e in cells)
    reach = REACH * max(highest - lowest, scale.rope * 2)
    if scale.higher:
        return [*cells, *(e for e in controls if e.low >= lowest - reach)]
    return [*cells, *(e for e in controls if e.high <= highest + reach)]


def key_figure_overall(overall: Overall, scales: Mapping[str, Scale]) -> Dots:
    """The top cells by their mean over all data sets, and the best without attention where it is not among them."""
    scale = overall.scale
    scored = [r for r in overall.rows if r.score is not None]
    pooling = [r for r in scored if r.method.attention == POOLING]
    # The best of them whatever the order of the rows.
    best = max(pooling, key=lambda r: scale.oriented(r.score.mean) if r.score else -inf, default=None)
    rows = scored[:SHOWN] + ([] if best is None or best in scored[:SHOWN] else [best])
    axis = _axis(r.score for r in rows if r.score)
    dots = []
    for i, row in enumerate(rows):
        assert row.score is not None
        at, low, width = _place(axis, row.score)
        last = i >= SHOWN
        dots.append(
            Dot(
                name=row.key,
                note="best without attention" if last else "",
                key=row.key,
                kind="control" if last else _kind(row),
                at=at,
                low=low,
                width=width,
                value=scale.number(row.score.mean),
                half=scale.plus_minus(row.score.half) if row.score.half is not None else "",
                tip=describe_overall(row, overall, scales),
                gap=last,
            )
        )
    return Dots(ticks=axis.ticks, rows=tuple(dots))


def levels(factor: str, everything: Sequence[LevelMean], scale: Scale) -> Dots:
    """Marginal means of one factor's levels, best first, on the axis that all factors share, so that they can be
    compared."""
    means = [m for m in everything if m.factor == factor]
    axis = _axis(m.score for m in everything)
    top = max((scale.oriented(m.score.mean) for m in means), default=0.0)
    rows = []
    for m in sorted(means, key=lambda m: -scale.oriented(m.score.mean)):
        at, low, width = _place(axis, m.score)
        tip = f"{m.level}\n{estimate(m.score, scale)}\nmean over {plural(m.contexts, 'setting')} of the other factors"
        rows.append(
            Dot(
                name=m.level,
                note="",
                key=None,
                kind="best" if scale.oriented(m.score.mean) == top else "",
                at=at,
                low=low,
                width=width,
                value=scale.number(m.score.mean),
                half=scale.plus_minus(m.score.half) if m.score.half is not None else "",
                tip=tip,
            )
        )
    return Dots(ticks=axis.ticks, rows=tuple(rows))


_KIND_OF: dict[Verdict, str] = {"better": "best", "equal": "equal", "worse": "", "open": "open"}


FURTHEST = 5
"""Margins at which an axis of differences ends: what is further away is an arrow, and does not squeeze the rest."""


def difference_axis(values: Sequence[Difference], rope: float) -> Axis:
    """Around zero, for all differences that are to be compared with one another."""
    low, high = min(d.low for d in values), max(d.high for d in values)
    if rope > 0:
        low, high = max(min(low, -rope), -FURTHEST * rope), min(max(high, rope), FURTHEST * rope)
    return linear([low, high, 0.0])


def differences(
    values: Sequence[Difference],
    scale: Scale,
    axis: Axis,
    *,
    name: Callable[[str], str] = str,
    each: Mapping[str, Sequence[Difference]] | None = None,
) -> Dots:
    """Paired differences, + better, around zero, with the region of practical equivalence.

    axis: of all differences that these are compared with. name: how a level reads. each: by data set, what the values
    are means of.
    """
    rope = scale.rope
    rows = []
    for d in values:
        at, low, width = _place(axis, d)
        size = f"{difference(d, scale)}{scale.unit_words}"
        own = {n: x for n, ds in (each or {}).items() for x in ds if _same(x, d)}
        said = {n: f"{n} {difference(x, scale)}" for n, x in own.items()}
        tip = [
            f"{name(d.subject)} minus {name(d.reference)}",
            f"{size}, {plural(d.pairs, 'pair')}, n = {d.n}",
            *said.values(),
            f"{VERDICTS[d.verdict]}{'' if d.p_holm is None else f', {p_value(d.p_holm)} (Holm)'}",
        ]
        rows.append(
            Dot(
                name=name(d.subject),
                note=f"minus {name(d.reference)}",
                key=None,
                kind=_KIND_OF[d.verdict],
                at=at,
                low=low,
                width=width,
                value=scale.change(d.mean),
                half="" if d.half is None else f"±{scale.width(d.half)}",
                extra=VERDICTS[d.verdict],
                tip="\n".join(tip),
                beyond=beyond(axis, d.mean),
                marks=tuple(Mark(at=axis.at(x.mean), said=said[n]) for n, x in own.items() if not beyond(axis, x.mean)),
            )
        )
    left, right = axis.at(-rope), axis.at(rope)
    ticks = tuple(Tick(at=t.at, value=t.value, label=_change_label(t, scale)) for t in axis.ticks)
    band = (left, round(right - left, 2)) if rope > 0 else None
    return Dots(ticks=ticks, rows=tuple(rows), zero=axis.at(0.0), band=band)


def _same(one: Difference, other: Difference) -> bool:
    return (one.subject, one.reference) == (other.subject, other.reference)


def _change_label(tick: Tick, scale: Scale) -> str:
    """Ticks of points are few and round; others keep the axis' own decimals."""
    if scale.unit == "points":
        return scale.change(tick.value)
    return f"+{tick.label}" if tick.value > 0 and tick.label.strip("0.") else tick.label
