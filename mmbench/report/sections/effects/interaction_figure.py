"""Interaction plots for papers: the means of two axes' levels together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from mmbench.report.draw.palette import COLOURS
from mmbench.report.draw.sheet import PAGE, dot, key_above, name_columns, scores, sheet, upward
from mmbench.report.values import titles
from mmbench.report.values.effects import EffectTable, PairMean

MARKERS = "osD^vP"
DODGE = 0.6
"""Of the distance between two columns: what the marks of one column take."""
LETTER = 0.052
"""Inches of a letter in the names of columns."""
MANY = 8
"""Columns that stand side by side; with more levels the plot is no figure for a page."""


def interaction_figure(table: EffectTable) -> Figure | None:
    """A panel a pair of axes: levels of the longer one side by side, of the other one in colour. Points are not joined,
    since levels have no order. None where no two axes have two levels, or one has too many."""
    pairs = [p for p in _grouped(table).items() if min(map(len, _levels(table, *p))) > 1]
    if not pairs or any(max(map(len, _levels(table, *p))) > MANY for p in pairs):
        return None
    # Keys stand over plots: as many lines as the longest needs.
    figure = sheet(PAGE, 2.2)
    y = scores([v for p in table.pairs for v in (p.score.low, p.score.high)], floor=table.scale.low)
    axes = figure.subplots(1, len(pairs), squeeze=False)[0]
    for i, (panel, (factors, found)) in enumerate(zip(axes, pairs, strict=True)):
        upward(panel, y)
        _panel(panel, table, factors, found, inches=(PAGE - 0.6) / len(pairs))
        if i:
            panel.set_yticklabels([])
    label = table.scale.label if table.scale.higher else table.scale.title
    axes[0].set_ylabel(label if table.scale.is_ranks else f"mean {label}")
    return figure


def _grouped(table: EffectTable) -> dict[tuple[str, str], list[PairMean]]:
    grouped: dict[tuple[str, str], list[PairMean]] = {}
    for pair in table.pairs:
        grouped.setdefault(pair.factors, []).append(pair)
    return grouped


def _levels(table: EffectTable, factors: tuple[str, str], pairs: Sequence[PairMean]) -> tuple[list[str], list[str]]:
    """Of the first and of the second axis, best first."""
    order: Mapping[tuple[str, str], float] = {
        (m.factor, m.level): -table.scale.oriented(m.score.mean) for m in table.means
    }
    first, second = (
        sorted(dict.fromkeys(p.levels[i] for p in pairs), key=lambda lv: order.get((factors[i], lv), 0.0))
        for i in (0, 1)
    )
    return first, second


def _panel(
    panel: Any, table: EffectTable, factors: tuple[str, str], pairs: Sequence[PairMean], *, inches: float
) -> None:
    levels = _levels(table, factors, pairs)
    by, over = (0, 1) if len(levels[0]) <= len(levels[1]) else (1, 0)
    known = {(p.levels[by], p.levels[over]): p.score for p in pairs}
    rows, columns = levels[by][: len(COLOURS)], levels[over]
    step = DODGE / max(len(rows), 2)
    handles = []
    for i, row in enumerate(rows):
        colour, marker, shift = COLOURS[i], MARKERS[i], step * (i - (len(rows) - 1) / 2)
        for x, column in enumerate(columns):
            score = known.get((row, column))
            if score is not None:
                panel.plot([x + shift] * 2, [score.low, score.high], color=colour, lw=1)
                panel.plot(x + shift, score.mean, marker, color=colour, ms=3.5)
        handles.append(dot(colour, titles.level(factors[by], row, short=True), marker=marker, size=3.5))
    panel.set_xlim(-0.5, len(columns) - 0.5)
    name_columns(
        panel,
        [titles.level(factors[over], c, short=True) for c in columns],
        letters=int(0.95 * inches / len(columns) / LETTER),
    )
    panel.tick_params(axis="x", length=0)
    panel.set_xlabel(factors[over])
    key_above(panel, 3, handles)


def caption(table: EffectTable, confidence: float, *, replicated: bool) -> str:
    where = "over all data sets" if table.dataset is None else f"on {table.dataset}"
    what = table.scale.label if table.scale.is_ranks else f"mean test {table.scale.label}"
    text = f"{what[:1].upper()}{what[1:]} of every two levels together, {where}, over the settings of the third axis"
    text += f", with {100 * confidence:g} % intervals over seeds for comparing levels" if replicated else ""
    return text + ". Where the distances between colours differ from column to column, the axes interact."
