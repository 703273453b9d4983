"""Summaries over data sets for papers."""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure

from mmbench.report.draw.axis import linear
from mmbench.report.draw.figures import panel_heights
from mmbench.report.draw.palette import BEST, COLOURS, DASHES, GREY, MUTED
from mmbench.report.draw.sheet import PAGE, across, key_above, name_rows, scores, sheet
from mmbench.report.sections.aggregates.record import Aggregates, AggregateTable
from mmbench.report.sections.aggregates.summary import ends
from mmbench.report.values import titles

BESIDE = 2


def _dots(axes: Any, table: AggregateTable, of: str) -> None:
    for y, m in enumerate(table.members):
        found = getattr(m, of)
        if found is None:
            continue
        colour = BEST if m.name == table.first else MUTED
        if of == "improvement":
            low, high = ends(found)
            colour = MUTED if low <= 0.5 <= high else BEST
        axes.plot(ends(found), [y, y], color=colour, lw=1.2)
        axes.plot(found.value, y, "o", color=colour, ms=3.5)


def summaries(found: Aggregates) -> Figure | None:
    """Inter-quartile means and probabilities of improvement, a line of panels a factor."""
    if not found.tables:
        return None
    height, ratios = panel_heights([len(t.members) for t in found.tables])
    figure = sheet(PAGE, height)
    panels = figure.subplots(len(found.tables), 2, squeeze=False, height_ratios=ratios)
    for (left, right), table in zip(panels, found.tables, strict=True):
        across(left, scores([v for m in table.members for v in ends(m.iqm)]), most=4)
        across(right, linear([0.0, 1.0], floor=0.0, ceiling=1.0))
        right.set_xlim(-0.02, 1.02)
        _dots(left, table, "iqm")
        _dots(right, table, "improvement")
        name_rows(left, [titles.side(table.factor, m.name) for m in table.members])
        name_rows(right, [""] * len(table.members))
        left.set_title("best combinations" if table.factor == "cell" else table.factor)
        right.axvline(0.5, color=MUTED, lw=0.8)
        first = "the first" if table.factor == "cell" else titles.level(table.factor, table.first)
        right.set_title(f"{first} is better than")
    flag = "\nincomplete grid" if found.dropped else ""
    panels[-1][0].set_xlabel(
        f"inter-quartile mean, {found.scale.title.replace('↑', '').replace('↓', '(lower is better)')}"
    )
    panels[-1][1].set_xlabel(f"probability of improvement{flag}")
    return figure


def profiles(found: Aggregates) -> Figure | None:
    """Performance profiles, a panel a factor; the best six in colour, the rest grey."""
    if not found.tables:
        return None
    below = -(-len(found.tables) // BESIDE)
    figure = sheet(PAGE, 2.5 * below)
    panels = figure.subplots(below, BESIDE, squeeze=False).ravel()
    for axes in panels[len(found.tables) :]:
        axes.remove()
    for i, (axes, table) in enumerate(zip(panels, found.tables, strict=False)):
        across(axes, scores(list(table.thresholds)), most=5)
        for m in table.members[len(COLOURS) :]:
            axes.plot(table.thresholds, m.profile, color=GREY, lw=0.7)
        for m, colour, dash in zip(table.members, COLOURS, DASHES, strict=False):
            if len(table.members) <= 3:
                axes.fill_between(table.thresholds, m.profile_low, m.profile_high, color=colour, alpha=0.13, lw=0)
            label = titles.side(table.factor, m.name)
            axes.plot(table.thresholds, m.profile, color=colour, ls=dash, lw=1.2, label=label)
        axes.set_xlabel(found.scale.label)
        key_above(axes, 1 if table.factor == "cell" else 2)
        if i % BESIDE == 0:
            axes.set_ylabel("share of runs that score better")
    return figure
