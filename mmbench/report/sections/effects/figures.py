"""Marginal means for papers."""

from __future__ import annotations

from matplotlib.figure import Figure

from mmbench.report.draw.palette import BEST
from mmbench.report.draw.sheet import PAGE, across, name_rows, scores, sheet
from mmbench.report.scores.context import Context
from mmbench.report.sections.effects.tables import effect_tables
from mmbench.report.values import titles

NARROWEST = 1.2
"""Inches of a panel: with more data sets the figure is wider than a page."""


def marginal_means(context: Context) -> Figure | None:
    """A row a level, a column a data set, and one for all of them."""
    parts = [t for t in effect_tables(context) if t.means]
    if not parts:
        return None
    factors = [f for f in context.factors if len(f.levels) > 1]
    width = max(PAGE, 1.4 + NARROWEST * len(parts))
    figure = sheet(width, sum(0.17 * len(f.levels) + 0.15 for f in factors) + 0.5)
    ratios = [len(f.levels) + 0.4 for f in factors]
    axes = figure.subplots(len(factors), len(parts), squeeze=False, height_ratios=ratios)
    for column, part in zip(axes.T, parts, strict=True):
        x = scores([v for m in part.means for v in (m.score.low, m.score.high)], wanted=4)
        for panel, factor in zip(column, factors, strict=True):
            means = {m.level: m.score for m in part.means if m.factor == factor.name}
            across(panel, x, most=4)
            for y, name in enumerate(factor.by_score):
                if name in means:
                    panel.plot([means[name].low, means[name].high], [y, y], color=BEST, lw=1.2)
                    panel.plot(means[name].mean, y, "o", color=BEST, ms=3.5)
            first = column is axes.T[0] or part is parts[0]
            name_rows(panel, [titles.level(factor.name, lv) if first else "" for lv in factor.by_score])
            if factor is not factors[-1]:
                panel.set_xticklabels([])
        column[0].set_title(part.dataset or "all data sets")
        column[-1].set_xlabel(part.scale.label if part.scale.higher else part.scale.title)
    return figure
