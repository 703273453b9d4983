"""Figures of ranks and of summaries over data sets, for papers."""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure

from mmbench.report.draw.axis import Axis, Tick
from mmbench.report.draw.figures import panel_heights
from mmbench.report.draw.palette import BEST, INK, MUTED
from mmbench.report.draw.sheet import PAGE, across, name_rows, sheet, whole_numbers
from mmbench.report.sections.ranks.record import Ranks, RankTable
from mmbench.report.values import titles


def _ladder(axes: Any, table: RankTable) -> None:
    """A row a level; brackets to the right of the axis join levels between which it is open."""
    order = [x.level for x in table.levels]
    for y, x in enumerate(table.levels):
        colour = BEST if x.mean_rank == table.levels[0].mean_rank else MUTED
        each = x.per_dataset.values()
        axes.plot([min(each), max(each)], [y, y], color=colour, lw=1)
        axes.plot(x.mean_rank, y, "o", color=colour, ms=4)
    for n, group in enumerate(table.groups):
        place, first, last = 1.02 + 0.025 * n, order.index(group[0]), order.index(group[-1])
        axes.plot([place, place], [first - 0.2, last + 0.2], color=INK, lw=2, clip_on=False,
                  transform=axes.get_yaxis_transform(), solid_capstyle="butt")  # fmt: skip
    name_rows(axes, [titles.side(table.factor, level) for level in order])
    across(axes, _places(len(order)), most=10)
    tested = "no test: too few data sets" if table.withheld else "bar: open between them (Wilcoxon, Holm)"
    axes.set_title(f"{table.factor}; {tested}")


def _places(levels: int) -> Axis:
    axis = Axis(low=0.8, high=max(levels, 2) + 0.2)
    ticks = tuple(Tick(at=axis.at(n), value=n, label=str(n)) for n in dict.fromkeys([1, *whole_numbers(1, levels)]))
    return Axis(low=axis.low, high=axis.high, ticks=ticks)


def ladders(found: Ranks) -> Figure | None:
    """Critical-difference diagrams, a panel a factor."""
    if not found.tables:
        return None
    height, ratios = panel_heights([len(t.levels) for t in found.tables])
    figure = sheet(PAGE, height)
    panels = figure.subplots(len(found.tables), 1, squeeze=False, height_ratios=ratios)[:, 0]
    for axes, table in zip(panels, found.tables, strict=True):
        _ladder(axes, table)
    flag = "; incomplete grid" if found.dropped else ""
    panels[-1].set_xlabel(f"mean rank over {len(found.datasets)} data sets (1 is best); line: best to worst rank{flag}")
    return figure
