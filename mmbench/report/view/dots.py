"""Interval dots: one row a method, level or difference, a dot and its interval on a common zoomed axis."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

from mmbench.report.analysis import DatasetReport, Difference, Estimate, LevelMean, Overall, Verdict
from mmbench.report.view.axis import Axis, Tick, linear
from mmbench.report.view.numbers import p_value, plus_minus, points, score
from mmbench.report.view.words import VERDICTS, describe, describe_overall, difference, estimate, plural

SHOWN = 7
"""Cells in the key figure."""
REACH = 3


@dataclass(frozen=True, kw_only=True)
class Dot:
    """A row. key: of a method that can be picked, else None. kind: "best", "tied", "control" or "". Places in %.

    beyond: the dot lies below the axis; an arrow stands at the edge instead.
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
    beyond: bool = False


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


def _kind(*, best: bool, in_top: bool | None) -> str:
    return "best" if best else "tied" if in_top else ""


def key_figure(report: DatasetReport) -> Dots:
    """The top cells of one data set, then its best single modality and its baselines.

    The axis is zoomed on the cells: a control far below them (chance, say) would squeeze all differences to nothing.
    """
    cells = [(r, r.score) for r in report.cells if r.score][:SHOWN]
    wanted = [r for r in report.controls if r.key == report.single or r.method.role == "baseline"]
    controls = [(r, r.score) for r in wanted if r.score]
    axis = _axis(near([e for _, e in cells], [e for _, e in controls]))
    rows = []
    for i, (row, value) in enumerate((*cells, *controls)):
        at, low, width = _place(axis, value)
        control = row.method.role != "cell"
        rows.append(
            Dot(
                name=row.key,
                note="best single modality" if row.key == report.single else "",
                key=row.key,
                kind="control" if control else _kind(best=row.best, in_top=row.in_top),
                at=at,
                low=low,
                width=width,
                value=score(value.mean),
                half=plus_minus(value.half) if value.half is not None else "",
                tip=describe(row),
                gap=control and i == len(cells),
                beyond=value.mean < axis.low,
            )
        )
    return Dots(ticks=axis.ticks, rows=tuple(rows))


def near(cells: Sequence[Estimate], controls: Sequence[Estimate]) -> list[Estimate]:
    """What an axis is drawn around: all cells, and the controls at most REACH cell spans below them (all without)."""
    if not cells:
        return list(controls)
    lowest, highest = min(e.low for e in cells), max(e.high for e in cells)
    floor = lowest - REACH * max(highest - lowest, 0.02)
    return [*cells, *(e for e in controls if e.low >= floor)]


def key_figure_overall(overall: Overall) -> Dots:
    """The top cells by their mean over all data sets, and the best without attention where it is not among them."""
    scored = [r for r in overall.rows if r.score is not None]
    pooling = [r for r in scored if r.method.attention == "mean"][:1]
    rows = scored[:SHOWN] + [r for r in pooling if r not in scored[:SHOWN]]
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
                kind="control" if last else _kind(best=row.best, in_top=row.in_top),
                at=at,
                low=low,
                width=width,
                value=score(row.score.mean),
                half=plus_minus(row.score.half) if row.score.half is not None else "",
                tip=describe_overall(row),
                gap=last,
            )
        )
    return Dots(ticks=axis.ticks, rows=tuple(dots))


def levels(means: Sequence[LevelMean], everything: Sequence[LevelMean]) -> Dots:
    """Marginal means of one factor's levels, best first, on the axis that all factors share, so that they can be
    compared."""
    axis = _axis(m.score for m in everything)
    top = max((m.score.mean for m in means), default=0.0)
    rows = []
    for m in sorted(means, key=lambda m: -m.score.mean):
        at, low, width = _place(axis, m.score)
        tip = f"{m.level}\n{estimate(m.score)}\nmean over {plural(m.contexts, 'setting')} of the other factors"
        rows.append(
            Dot(
                name=m.level,
                note="",
                key=None,
                kind="best" if m.score.mean == top else "",
                at=at,
                low=low,
                width=width,
                value=score(m.score.mean),
                half=plus_minus(m.score.half) if m.score.half is not None else "",
                tip=tip,
            )
        )
    return Dots(ticks=axis.ticks, rows=tuple(rows))


_KIND_OF: dict[Verdict, str] = {"better": "best", "equal": "tied", "worse": "", "unclear": "control"}


def differences(values: Sequence[Difference], rope: float) -> Dots:
    """Paired differences in points, around zero, with the region of practical equivalence."""
    axis = linear([*chain.from_iterable((d.low, d.high) for d in values), -rope, rope])
    rows = []
    for d in values:
        at, low, width = _place(axis, d)
        tip = f"{d.subject} − {d.reference}\n{difference(d)} points, {plural(d.pairs, 'pair')}, n = {d.n}"
        rows.append(
            Dot(
                name=d.subject,
                note=f"against {d.reference}",
                key=None,
                kind=_KIND_OF[d.verdict],
                at=at,
                low=low,
                width=width,
                value=points(d.mean),
                half="" if d.half is None else f"±{d.half * 100:.1f}",
                extra=VERDICTS[d.verdict],
                tip=f"{tip}\n{VERDICTS[d.verdict]}{'' if d.p_holm is None else f', {p_value(d.p_holm)} (Holm)'}",
            )
        )
    left, right = axis.at(-rope), axis.at(rope)
    ticks = tuple(Tick(at=t.at, value=t.value, label=points(t.value)) for t in axis.ticks)
    return Dots(ticks=ticks, rows=tuple(rows), zero=axis.at(0.0), band=(left, round(right - left, 2)))


@dataclass(frozen=True, kw_only=True)
class Strip:
    """One data set's whole field on the common axis: every cell a faint mark; the best, the best single modality,
    chance and the ceiling stand out. Places in %, None where there is none."""

    name: str
    field: tuple[float, ...]
    best: float | None
    single: float | None
    chance: float
    ceiling: float | None
    label: str


def strips(reports: Sequence[DatasetReport]) -> tuple[tuple[Tick, ...], tuple[Strip, ...]]:
    """A strip a data set, on one axis that starts at the lowest chance level shown."""
    values = [r.score.mean for d in reports for r in d.rows if r.score]
    marks = [v for d in reports for v in (d.chance, d.ceiling) if v is not None]
    axis = linear([*values, *marks], pad=0.03, floor=0.0, ceiling=1.0)
    result = []
    for d in reports:
        means = {r.key: r.score.mean for r in d.rows if r.score}
        best = means.get(d.best) if d.best else None
        single = means.get(d.single) if d.single else None
        spoken = [f"{len(d.cells)} cells"]
        spoken += [f"best {score(best)}"] if best is not None else []
        spoken += [f"best single modality {score(single)}"] if single is not None else []
        spoken += [f"chance {score(d.chance)}"]
        result.append(
            Strip(
                name=d.name,
                field=tuple(axis.at(r.score.mean) for r in d.cells if r.score),
                best=None if best is None else axis.at(best),
                single=None if single is None else axis.at(single),
                chance=axis.at(d.chance),
                ceiling=None if d.ceiling is None else axis.at(d.ceiling),
                label=", ".join(spoken),
            )
        )
    return axis.ticks, tuple(result)
