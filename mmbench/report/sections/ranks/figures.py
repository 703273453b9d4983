"""Figures of ranks and of summaries over data sets, for papers."""

from __future__ import annotations

from matplotlib.figure import Figure

from mmbench.report.draw.figures import panel_heights
from mmbench.report.draw.palette import BEST, INK, MUTED
from mmbench.report.sections.ranks.record import Ranks, RankTable


def _ladder(axis, table: RankTable) -> None:  # type: ignore[no-untyped-def]
    """A row a level; brackets to the right of the axis join levels between which it is open."""
    order = [x.level for x in table.levels]
    for y, x in enumerate(table.levels):
        colour = BEST if x.mean_rank == table.levels[0].mean_rank else MUTED
        each = x.per_dataset.values()
        axis.plot([min(each), max(each)], [y, y], color=colour, lw=1.2)
        axis.plot(x.mean_rank, y, "o", color=colour, ms=5)
    for n, group in enumerate(table.groups):
        place, first, last = 1.02 + 0.025 * n, order.index(group[0]), order.index(group[-1])
        axis.plot([place, place], [first - 0.2, last + 0.2], color=INK, lw=2, clip_on=False,
                  transform=axis.get_yaxis_transform(), solid_capstyle="butt")  # fmt: skip
    axis.set(yticks=range(len(order)), yticklabels=order, ylim=(len(order) - 0.5, -0.5), xlim=(0.8, len(order) + 0.2))
    axis.tick_params(axis="y", length=0)
    tested = "no test: too few data sets" if table.withheld else "bar: open between them (Wilcoxon, Holm)"
    axis.set_title(f"{table.factor}; {tested}")


def ladders(found: Ranks) -> Figure | None:
    """Critical-difference diagrams, a panel a factor."""
    if not found.tables:
        return None
    height, ratios = panel_heights([len(t.levels) for t in found.tables])
    figure = Figure(figsize=(6.4, height), layout="constrained")
    axes = figure.subplots(len(found.tables), 1, squeeze=False, height_ratios=ratios)[:, 0]
    for axis, table in zip(axes, found.tables, strict=True):
        _ladder(axis, table)
    flag = "; incomplete grid" if found.dropped else ""
    axes[-1].set_xlabel(f"mean rank over {len(found.datasets)} data sets (1 is best); line: best to worst rank{flag}")
    return figure
