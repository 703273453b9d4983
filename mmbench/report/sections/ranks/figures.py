"""Figures of ranks and of summaries over data sets, for papers."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from mmbench.report.draw.palette import BEST, COLOURS, DASHES, INK, MUTED
from mmbench.report.sections.aggregates.summary import ends
from mmbench.report.values.analysis import Analysis
from mmbench.report.values.sections import AggregateTable, RankTable

ROW, HEAD = 0.26, 0.75
"""Inches of a row, and of a panel's title and axis."""


def _heights(rows: Sequence[int]) -> tuple[float, list[float]]:
    return sum(ROW * n + HEAD for n in rows), [n + 1.5 for n in rows]


def _ladder(axis, table: RankTable) -> None:  # type: ignore[no-untyped-def]
    """A row a level; brackets to the right of the axis join what cannot be told apart."""
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
    tested = "no test: too few data sets" if table.withheld else "bar: cannot be told apart (Wilcoxon, Holm)"
    axis.set_title(f"{table.factor}; {tested}")


def ladders(analysis: Analysis) -> Figure | None:
    """Critical-difference diagrams, a panel a factor."""
    found = analysis.ranks
    if not found.tables:
        return None
    height, ratios = _heights([len(t.levels) for t in found.tables])
    figure = Figure(figsize=(6.4, height), layout="constrained")
    axes = figure.subplots(len(found.tables), 1, squeeze=False, height_ratios=ratios)[:, 0]
    for axis, table in zip(axes, found.tables, strict=True):
        _ladder(axis, table)
    flag = "; incomplete grid" if found.dropped else ""
    axes[-1].set_xlabel(f"mean rank over {len(found.datasets)} data sets (1 is best); line: best to worst rank{flag}")
    return figure


def _dots(axis, table: AggregateTable, of: str) -> None:  # type: ignore[no-untyped-def]
    for y, m in enumerate(table.members):
        found = getattr(m, of)
        if found is None:
            continue
        colour = BEST if m.name == table.first else MUTED
        if of == "improvement":
            low, high = ends(found)
            colour = MUTED if low <= 0.5 <= high else BEST
        axis.plot(ends(found), [y, y], color=colour, lw=1.5)
        axis.plot(found.value, y, "o", color=colour, ms=4)
    axis.tick_params(axis="y", length=0)


def summaries(analysis: Analysis) -> Figure | None:
    """Inter-quartile means and probabilities of improvement, a line of panels a factor."""
    found = analysis.aggregates
    if not found.tables:
        return None
    height, ratios = _heights([len(t.members) for t in found.tables])
    figure = Figure(figsize=(8.4, height), layout="constrained")
    axes = figure.subplots(len(found.tables), 2, squeeze=False, sharey="row", height_ratios=ratios)
    for (left, right), table in zip(axes, found.tables, strict=True):
        _dots(left, table, "iqm")
        _dots(right, table, "improvement")
        names = [m.name for m in table.members]
        left.set(yticks=range(len(names)), yticklabels=names, ylim=(len(names) - 0.5, -0.5))
        left.set_title("best cells" if table.factor == "cell" else table.factor)
        right.axvline(0.5, color=MUTED, lw=0.8)
        right.set(xlim=(-0.02, 1.02))
        right.set_title(f"{'the first' if table.factor == 'cell' else table.first} better than", fontsize=8)
    flag = "; incomplete grid" if found.dropped else ""
    axes[-1][0].set_xlabel(
        f"inter-quartile mean, {found.scale.title.replace('↑', '').replace('↓', '(lower is better)')}"
    )
    axes[-1][1].set_xlabel(f"probability of improvement{flag}")
    return figure


def profiles(analysis: Analysis) -> Figure | None:
    """Performance profiles, a panel a factor; the best six in colour, the rest grey."""
    found = analysis.aggregates
    if not found.tables:
        return None
    figure = Figure(figsize=(3.3 * len(found.tables), 3.2), layout="constrained")
    axes = figure.subplots(1, len(found.tables), squeeze=False, sharey=True)[0]
    for axis, table in zip(axes, found.tables, strict=True):
        for m in table.members[len(COLOURS) :]:
            axis.plot(table.thresholds, m.profile, color="#9AA3AD", lw=0.8)
        for m, colour, dash in zip(table.members, COLOURS, DASHES, strict=False):
            if len(table.members) <= 3:
                axis.fill_between(table.thresholds, m.profile_low, m.profile_high, color=colour, alpha=0.15, lw=0)
            axis.plot(table.thresholds, m.profile, color=colour, ls=dash, lw=1.5, label=m.name)
        axis.set_title("best cells" if table.factor == "cell" else table.factor)
        axis.set_xlabel(found.scale.label)
        axis.legend(fontsize=6, loc="lower left" if found.scale.higher else "lower right")
    axes[0].set_ylabel("share of runs that score better")
    return figure
