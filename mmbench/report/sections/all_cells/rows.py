"""The table of everything: one row a method, by mean."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mmbench.report.draw.axis import Axis, linear
from mmbench.report.draw.costs import cost_text
from mmbench.report.draw.dots import beyond
from mmbench.report.draw.words import cause
from mmbench.report.values import titles
from mmbench.report.values.cells import CellCost, CellRow
from mmbench.report.values.datasets import DatasetReport
from mmbench.report.values.methods import Method
from mmbench.report.values.numbers import NONE
from mmbench.report.values.overall import Overall, OverallRow
from mmbench.report.values.scale import Scale
from mmbench.report.values.words import sentence
from mmbench.stats.estimates import Estimate

STATIC_ROWS = 200
"""Rows in the page itself. The rest lies beside them as text, which the script parses when asked: a browser then
parses and lays out 200 rows, not 5,000. The CSV beside the page holds them all for readers without JavaScript."""


@dataclass(frozen=True, kw_only=True)
class Column:
    """name: for sorting, the same in all tables. kind: "num", "text", "level" or "strip". hint: what it means. low: a
    score of which less is better, so that it is sorted upwards first. optional: hidden until it is chosen. note: below
    the title."""

    name: str
    title: str
    kind: str = "num"
    hint: str = ""
    low: bool = False
    optional: bool = False
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A printed value and what it sorts by: "" sorts last, None means by the text itself."""

    text: str
    sort: str | None = None
    css: str = ""


@dataclass(frozen=True, kw_only=True)
class Strip:
    """Places in %. beyond: "left" or "right" of the axis, which is zoomed on the cells."""

    beyond: str
    low: float
    width: float
    at: float


@dataclass(frozen=True, kw_only=True)
class Row:
    """entries: one a column after the first, None at the strip's place. css: of the row.

    name: what stands in the first column; rest: what completes it where the next two columns are hidden (phones).
    """

    method: Method
    name: str
    rest: str
    css: str
    entries: tuple[Entry | None, ...]
    strip: Strip | None


@dataclass(frozen=True, kw_only=True)
class Table:
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]

    @property
    def shown(self) -> tuple[Row, ...]:
        return self.rows[:STATIC_ROWS]

    @property
    def kept(self) -> tuple[Row, ...]:
        return self.rows[STATIC_ROWS:]


def _number(text: str, value: float | None, css: str = "") -> Entry:
    sort = "" if value is None else f"{value:.8g}"
    # What sorts by its own text needs no more of the page.
    return Entry(text=text, sort=None if sort == text else sort, css=css)


def _names(method: Method) -> dict[str, str]:
    """The first column, and its completion for phones."""
    if method.role == "baseline":
        return {"name": titles.method(method), "rest": ""}
    attention = titles.level("attention", str(method.attention), short=True)
    if method.role == "single":
        return {"name": attention, "rest": f"· {method.modality} alone"}
    fusion, architecture = titles.level("fusion", str(method.fusion), short=True), str(method.architecture)
    return {"name": attention, "rest": f"+ {fusion} · {titles.level('architecture', architecture, short=True)}"}


def _level_entries(method: Method) -> tuple[Entry, ...]:
    if method.role == "single":
        return Entry(text=f"{method.modality} alone"), Entry(text=NONE, sort="")
    if method.role == "baseline":
        return Entry(text=NONE, sort=""), Entry(text=NONE, sort="")
    fusion = titles.level("fusion", str(method.fusion), short=True)
    return Entry(text=fusion), Entry(text=titles.level("architecture", str(method.architecture), short=True))


LEVELS = (
    Column(name="fusion", title="Fusion", kind="level"),
    Column(name="architecture", title="Architecture", kind="level"),
)


def _mean(value: Estimate | None) -> float | None:
    return None if value is None else value.mean


REACH = 10
"""Margins below the best at which the axis of intervals ends: further down, arrows. Without an end, one combination
that fails makes the intervals of all others dots."""


def _axis(scores: Iterable[Estimate | None], scale: Scale) -> Axis:
    known = [s for s in scores if s]
    if not known or scale.rope <= 0:
        return linear([v for s in known for v in (s.low, s.high)])
    end = scale.oriented(max(scale.oriented(s.mean) for s in known) - REACH * scale.rope)
    limit = max if scale.higher else min
    return linear([limit(v, end) for s in known for v in (s.low, s.high)])


def _strip(axis: Axis, value: Estimate | None) -> Strip | None:
    if value is None:
        return None
    low, high = axis.at(value.low), axis.at(value.high)
    return Strip(beyond=beyond(axis, value.mean), low=low, width=round(high - low, 2), at=axis.at(value.mean))


def _verdict_column(scale: Scale) -> Column:
    hint = f"against the combination with the {scale.extreme} mean; of an open one, by how much it may be worse"
    return Column(name="verdict", title="Verdict", kind="text", hint=hint)


VERDICTS = {"better": "best", "equal": "equal", "open": "open", "worse": "worse"}


def _verdict(row: CellRow | OverallRow, scale: Scale) -> Entry:
    """Of an open one with how much it may be behind the best."""
    if row.verdict is None:
        return Entry(text=NONE, sort="")
    if row.best:
        return Entry(text="best")
    text = VERDICTS[row.verdict]
    if row.verdict == "open" and row.may_be_behind:
        text += f" to {scale.change(-row.may_be_behind)}"
    # By their text they sort from the best down.
    return Entry(text=text)


def _hint(what: str, report: DatasetReport) -> str:
    return f"{what}, measured with nothing else running" if report.timed_alone else f"wall {what}, median over seeds"


def of_dataset(report: DatasetReport) -> Table:
    """Every cell and control of one data set."""
    scale = report.scale
    step = f"{scale.unit or f'{scale.label}, + better'}"
    columns = (
        *LEVELS,
        Column(name="rank", title="Rank", hint="among the combinations, by mean"),
        Column(
            name="score",
            title=sentence(scale.title),
            hint=f"mean over seeds on the test split; {scale.direction}",
            low=not scale.higher,
        ),
        Column(name="strip", title="", kind="strip"),
        Column(name="half", title="±", hint="half width of the interval over seeds"),
        Column(name="to_best", title="To best", hint=f"{step}, paired over seeds"),
        _verdict_column(scale),
        Column(name="gain_single", title="vs single", hint=f"{step} over the best single modality", optional=True),
        *(
            Column(
                name=name,
                title=sentence(other.title),
                hint="mean over seeds on the test split",
                low=not other.higher,
                optional=True,
            )
            for name, other in report.beside.items()
        ),
        Column(name="parameters", title="Params ↓"),
        Column(name="flops", title="FLOPs ↓", hint="a sample, forward; a lower bound", optional=True),
        Column(name="train", title="Train ↓", hint=_hint("time", report)),
        Column(name="inference", title="Infer ↓", hint=_hint("time a sample, in batches of 128", report)),
        *([Column(name="memory", title="Memory ↓", hint="at its peak", optional=True)] if report.memory_varies else []),
        Column(name="seeds", title="Seeds", kind="text", hint="finished of declared, and why any are missing"),
    )
    axis = _axis((r.score for r in report.cells or report.rows), scale)
    return Table(columns=columns, rows=tuple(_row(r, axis, report) for r in report.rows))


def _cost(name: str, cost: CellCost | None) -> Entry:
    value: float | None = getattr(cost, name) if cost else None
    text = cost_text(name, value)
    # Times are known to no more digits; counts are exact.
    return _number(text, value if value is None or value == int(value) else float(f"{value:.4g}"))


def _row(row: CellRow, axis: Axis, report: DatasetReport) -> Row:
    cost, scale = row.cost, report.scale
    half = row.score.half if row.score else None
    seeds = f"{row.done}/{row.declared}"
    if row.state != "complete":
        seeds = f"{'✕' if row.state in ('failed', 'partial') else NONE} {seeds} {cause(row)}"
    css: list[str] = ["cell" if row.method.role == "cell" else "control"]
    css += [str(row.verdict)] if row.in_top else []
    css += ["first"] if row.best else []
    css += ["none"] if row.score is None else []
    to_best, over_single = (None if d is None else d.mean for d in (row.to_best, row.gain_single))
    others = ((_mean(row.metrics.get(name)), other) for name, other in report.beside.items())
    return Row(
        method=row.method,
        **_names(row.method),
        css=" ".join(css),
        entries=(
            *_level_entries(row.method),
            _number(NONE if row.rank is None else f"{row.rank:,}", row.rank),
            _number(scale.number(_mean(row.score)), _mean(row.score), "strong" if row.in_top else ""),
            None,
            _number(scale.plus_minus(half), half),
            _number(scale.change(to_best), to_best),
            _verdict(row, scale),
            _number(scale.change(over_single), over_single),
            *(_number(other.number(v), v) for v, other in others),
            *(_cost(name, cost) for name in ("parameters", "flops")),
            *(_cost(name, cost) for name in ("train_seconds", "inference_us")),
            *([_cost("peak_memory", cost)] if report.memory_varies else []),
            Entry(text=seeds, css="state-bad" if row.state in ("failed", "partial") else ""),
        ),
        strip=_strip(axis, row.score),
    )


def _place(rank: float | None) -> str:
    return NONE if rank is None else f"{rank:.1f}"


def of_overall(overall: Overall, reports: Mapping[str, DatasetReport]) -> Table:
    """Every cell over all data sets. reports: by data set."""
    scales = {name: d.scale for name, d in reports.items()}
    scale = overall.scale
    mean_rank = Column(name="mean_rank", title="Mean rank ↓", hint="mean of the ranks on the data sets")
    title = f"Mean {scale.label}" if not scale.is_ranks else "Mean rank"
    columns = (
        *LEVELS,
        Column(name="rank", title="Rank", hint="among the combinations, by mean"),
        Column(
            name="score",
            title=f"{title} {scale.arrow}",
            hint=f"mean over data sets; {scale.direction}",
            low=not scale.higher,
        ),
        Column(name="strip", title="", kind="strip"),
        Column(name="half", title="±", hint="half width of the interval; seed noise on these data sets"),
        Column(name="to_best", title="To best", hint=f"{scale.unit or scale.label}, paired over seeds"),
        _verdict_column(scale),
        *(
            Column(
                name=f"on-{name}",
                title=f"{name} {scales[name].arrow}" if scale.is_ranks else name,
                hint=f"{scales[name].label}, mean over seeds on {name}",
                low=not scales[name].higher,
                note=reports[name].subtitle,
            )
            for name in overall.datasets
        ),
        *([] if scale.is_ranks else [mean_rank]),
    )
    axis = _axis((r.score for r in overall.rows), scale)
    rows = []
    for row in overall.rows:
        half = row.score.half if row.score else None
        to_best = row.to_best.mean if row.to_best else None
        css = ["cell", *([str(row.verdict)] if row.in_top else []), *(["first"] if row.best else [])]
        rows.append(
            Row(
                method=row.method,
                **_names(row.method),
                css=" ".join([*css, *(["none"] if row.score is None else [])]),
                entries=(
                    *_level_entries(row.method),
                    _number(NONE if row.rank is None else f"{row.rank:,}", row.rank),
                    _number(scale.number(_mean(row.score)), _mean(row.score), "strong" if row.in_top else ""),
                    None,
                    _number(scale.plus_minus(half), half),
                    _number(scale.change(to_best), to_best),
                    _verdict(row, scale),
                    *(
                        _number(scales[name].number(row.per_dataset.get(name)), row.per_dataset.get(name))
                        for name in overall.datasets
                    ),
                    *([] if scale.is_ranks else [_number(_place(row.mean_rank), row.mean_rank)]),
                ),
                strip=_strip(axis, row.score),
            )
        )
    return Table(columns=columns, rows=tuple(rows))
