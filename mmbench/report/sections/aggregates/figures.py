"""Summaries over data sets for papers."""

from __future__ import annotations

from matplotlib.figure import Figure

from mmbench.report.draw.figures import panel_heights
from mmbench.report.draw.palette import BEST, COLOURS, DASHES, MUTED
from mmbench.report.sections.aggregates.record import Aggregates, AggregateTable
from mmbench.report.sections.aggregates.summary import ends


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


def summaries(found: Aggregates) -> Figure | None:
    """Inter-quartile means and probabilities of improvement, a line of panels a factor."""
    if not found.tables:
        return None
    height, ratios = panel_heights([len(t.members) for t in found.tables])
    figure = Figure(figsize=(8.4, height), layout="constrained")
    axes = figure.subplots(len(found.tables), 2, squeeze=False, sharey="row", height_ratios=ratios)
    for (left, right), table in zip(axes, found.tables, strict=True):
        _dots(left, table, "iqm")
        _dots(right, table, "improvement")
        names = [m.name for m in table.members]
        left.set(yticks=range(len(names)), yticklabels=names, ylim=(len(names) - 0.5, -0.5))
        left.set_title("best combinations" if table.factor == "cell" else table.factor)
        right.axvline(0.5, color=MUTED, lw=0.8)
        right.set(xlim=(-0.02, 1.02))
        right.set_title(f"{'the first' if table.factor == 'cell' else table.first} better than", fontsize=8)
    flag = "; incomplete grid" if found.dropped else ""
    axes[-1][0].set_xlabel(
        f"inter-quartile mean, {found.scale.title.replace('↑', '').replace('↓', '(lower is better)')}"
    )
    axes[-1][1].set_xlabel(f"probability of improvement{flag}")
    return figure


def profiles(found: Aggregates) -> Figure | None:
    """Performance profiles, a panel a factor; the best six in colour, the rest grey."""
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
        axis.set_title("best combinations" if table.factor == "cell" else table.factor)
        axis.set_xlabel(found.scale.label)
        axis.legend(fontsize=6, loc="lower left" if found.scale.higher else "lower right")
    axes[0].set_ylabel("share of runs that score better")
    return figure
