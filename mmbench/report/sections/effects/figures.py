"""Marginal means for papers."""

from __future__ import annotations

from matplotlib.figure import Figure

from mmbench.report.draw.palette import BEST
from mmbench.report.scores.context import Context
from mmbench.report.sections.effects.tables import effect_tables


def marginal_means(context: Context) -> Figure | None:
    parts = [t for t in effect_tables(context) if t.means]
    if not parts:
        return None
    factors = [f for f in context.factors if len(f.levels) > 1]
    figure = Figure(
        figsize=(2.4 + 2.3 * len(parts), sum(0.26 * len(f.levels) + 0.55 for f in factors)), layout="constrained"
    )
    axes = figure.subplots(
        len(factors), len(parts), squeeze=False, sharex="col", height_ratios=[len(f.levels) + 1 for f in factors]
    )
    for n, (line, factor) in enumerate(zip(axes, factors, strict=True)):
        for axis, part in zip(line, parts, strict=True):
            means = {m.level: m.score for m in part.means if m.factor == factor.name}
            for y, name in enumerate(factor.by_score):
                if name in means:
                    axis.plot([means[name].low, means[name].high], [y, y], color=BEST, lw=1.5)
                    axis.plot(means[name].mean, y, "o", color=BEST, ms=4)
            first = axis is line[0]
            axis.set(yticks=range(len(factor.levels)), ylim=(len(factor.levels) - 0.5, -0.5))
            axis.set_yticklabels(list(factor.by_score) if first else [])
            axis.tick_params(axis="y", length=0)
            if n == 0:
                axis.set_title(part.dataset or "all data sets")
            if factor is factors[-1] and len({p.scale.metric for p in parts}) > 1:
                axis.set_xlabel(part.scale.title)
    return figure
