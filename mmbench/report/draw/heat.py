"""Heatmaps of attention x fusion, one per architecture, on one colour scale."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from mmbench.report.draw.words import cause, describe, describe_overall, estimate, mark, plural
from mmbench.report.scores.context import Context
from mmbench.report.values.cells import CellRow
from mmbench.report.values.datasets import DatasetReport
from mmbench.report.values.effects import EffectTable, PairMean
from mmbench.report.values.overall import Overall, OverallRow
from mmbench.report.values.scale import Scale

STEPS = 9
DENSE = 4
"""With more columns than this, cells are narrow: one line of short numbers, upright headers."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """css: classes. value and half as printed. mark: star for the best, dot for equal, circle for open.
    label: read out and hovered."""

    key: str
    css: str
    value: str
    half: str = ""
    mark: str = ""
    label: str = ""


@dataclass(frozen=True, kw_only=True)
class Heat:
    """One table: a row an attention, a column a fusion. None: not in the grid.

    factors: of the rows, of the columns and, where the title is a level too, of the title.
    """

    title: str
    factors: tuple[str, ...]
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Cell | None, ...]], ...]
    dense: bool

    @property
    def width(self) -> int:
        """Pixels that it needs; where there is more room it grows."""
        return 116 + 36 * len(self.columns) if self.dense else 290


@dataclass(frozen=True, kw_only=True)
class Heats:
    """The heatmaps that share one colour scale: how far behind the best, whichever way is better.

    key: what the ends and the middle of the scale say, from the worst to the best; empty where nothing has a score.
    extreme: what the best is.
    """

    maps: tuple[Heat, ...]
    key: tuple[str, ...]
    extreme: str


FURTHEST = 5
"""Margins behind the best at which the colours end. Were they to reach the worst, one cell far off would make all
others look alike."""


@dataclass(frozen=True, kw_only=True)
class _Colours:
    """From FURTHEST margins behind the best of some means to it; of scores without a margin, from the worst."""

    scale: Scale
    means: Sequence[float]

    @cached_property
    def best(self) -> float:
        return max(map(self.scale.oriented, self.means))

    @cached_property
    def clipped(self) -> bool:
        return self.scale.rope > 0

    @cached_property
    def reach(self) -> float:
        if self.clipped:
            return FURTHEST * self.scale.rope
        return self.best - min(map(self.scale.oriented, self.means))

    def step(self, value: float) -> int:
        behind = self.best - self.scale.oriented(value)
        if self.reach <= 0:
            return STEPS - 1
        return max(0, min(STEPS - 1, int(STEPS * (1 - behind / self.reach))))

    def value(self, value: float, dense: bool) -> str:
        return self.scale.short(value) if dense else self.scale.number(value)

    @property
    def key(self) -> tuple[str, ...]:
        if not self.means:
            return ()
        ends = (f"{'≤ ' if self.clipped else ''}{self.scale.change(-self.reach)}", self.scale.change(-self.reach / 2))
        return (*ends, f"{self.scale.change(0.0)}{self.scale.unit_words or f' {self.scale.label}'}")


def _cell(row: CellRow, colours: _Colours, dense: bool) -> Cell:
    scale = colours.scale
    if row.score is None:
        bad = row.state == "failed"
        return Cell(
            key=row.key,
            css="missing-failed" if bad else "missing-unrun",
            value="✕" if bad else "–",
            half="" if dense else cause(row),
            label=describe(row, scale),
        )
    css = [f"q{colours.step(row.score.mean)}"]
    css += ["best"] if row.best else ["undecided"] if row.verdict == "open" else []
    css += ["partial"] if row.state == "partial" else []
    half = scale.plus_minus(row.score.half) if row.score.half is not None else ""
    if row.state == "partial":
        half = f"{half} n\u202f=\u202f{row.done}".strip()
    return Cell(
        key=row.key,
        css=" ".join(css),
        value=colours.value(row.score.mean, dense),
        half="" if dense else half,
        mark=mark(row),
        label=describe(row, scale),
    )


def _overall_cell(row: OverallRow, states: Mapping[str, str], label: str, colours: _Colours, dense: bool) -> Cell:
    if row.score is None:
        bad = any(states.get(name) == "failed" for name in row.missing)
        return Cell(
            key=row.key,
            css="missing-failed" if bad else "missing-unrun",
            value="✕" if bad else "–",
            half="" if dense else "incomplete",
            label=label,
        )
    return Cell(
        key=row.key,
        css=f"q{colours.step(row.score.mean)}{' best' if row.best else ' undecided' if row.verdict == 'open' else ''}",
        value=colours.value(row.score.mean, dense),
        half="" if dense or row.score.half is None else colours.scale.plus_minus(row.score.half),
        mark=mark(row),
        label=label,
    )


def _levels(context: Context, name: str) -> tuple[str, ...]:
    return next((f.by_score for f in context.factors if f.name == name), ())


def _arrange(context: Context, cells: Mapping[tuple[str, str, str], Cell], colours: _Colours) -> Heats:
    attentions, fusions = _levels(context, "attention"), _levels(context, "fusion")
    dense = len(fusions) > DENSE
    maps = tuple(
        Heat(
            title=architecture,
            factors=("attention", "fusion", "architecture"),
            columns=fusions,
            rows=tuple((a, tuple(cells.get((a, f, architecture)) for f in fusions)) for a in attentions),
            dense=dense,
        )
        for architecture in _levels(context, "architecture")
    )
    scale = colours.scale
    extreme = f"{scale.extreme} {'mean rank' if scale.is_ranks else 'mean'}"
    return Heats(maps=maps, key=colours.key, extreme=extreme)


def of_dataset(context: Context, report: DatasetReport) -> Heats:
    """The cells of one data set."""
    colours = _Colours(scale=report.scale, means=[r.score.mean for r in report.cells if r.score])
    dense = len(_levels(context, "fusion")) > DENSE
    cells = {
        (m.attention or "", m.fusion or "", m.architecture or ""): _cell(r, colours, dense)
        for r in report.cells
        for m in (r.method,)
    }
    return _arrange(context, cells, colours)


def of_overall(context: Context, overall: Overall) -> Heats:
    """The cells' means over all data sets."""
    colours = _Colours(scale=overall.scale, means=[r.score.mean for r in overall.rows if r.score])
    scales = {d.name: d.scale for d in context.datasets}
    dense = len(_levels(context, "fusion")) > DENSE
    states: dict[str, dict[str, str]] = {}
    for report in context.datasets:
        for row in report.cells:
            states.setdefault(row.key, {})[report.name] = row.state
    cells = {
        (m.attention or "", m.fusion or "", m.architecture or ""): _overall_cell(
            r, states.get(r.key, {}), describe_overall(r, overall, scales), colours, dense
        )
        for r in overall.rows
        for m in (r.method,)
    }
    return _arrange(context, cells, colours)


def of_pairs(table: EffectTable) -> Heats:
    """Mean of every two levels together: one small heatmap a pair of factors, levels best first, on one scale."""
    scale = table.scale
    order = {(m.factor, m.level): -scale.oriented(m.score.mean) for m in table.means}

    def best_first(factor: str, levels: Iterable[str]) -> tuple[str, ...]:
        return tuple(sorted(dict.fromkeys(levels), key=lambda level: order.get((factor, level), 0.0)))

    colours = _Colours(scale=scale, means=[p.score.mean for p in table.pairs])
    grouped: dict[tuple[str, str], list[PairMean]] = {}
    for pair in table.pairs:
        grouped.setdefault(pair.factors, []).append(pair)
    heats = []
    for factors, pairs in grouped.items():
        rows, columns = (best_first(factors[i], (p.levels[i] for p in pairs)) for i in (0, 1))
        dense = len(columns) > DENSE
        by_levels = {p.levels: p for p in pairs}

        def cell(
            levels: tuple[str, str],
            known: Mapping[tuple[str, str], PairMean] = by_levels,
            dense: bool = dense,
        ) -> Cell | None:
            pair = known.get(levels)
            if pair is None:
                return None
            return Cell(
                key="",
                css=f"q{colours.step(pair.score.mean)}",
                value=colours.value(pair.score.mean, dense),
                half="" if dense or pair.score.half is None else scale.plus_minus(pair.score.half),
                label=f"{' and '.join(levels)}\n{estimate(pair.score, scale)}, n = {plural(pair.score.n, 'seed')}",
            )

        body = tuple((r, tuple(cell((r, c)) for c in columns)) for r in rows)
        heats.append(Heat(title=" and ".join(factors), factors=factors, columns=columns, rows=body, dense=dense))
    return Heats(maps=tuple(heats), key=colours.key, extreme="")
