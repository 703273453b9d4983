"""What each choice is worth, for papers."""

from __future__ import annotations

from matplotlib.figure import Figure

from mmbench.report.draw.palette import BEST, MUTED, NEAR
from mmbench.report.scores.context import Context
from mmbench.report.sections.first.record import Screen
from mmbench.report.values import titles


def contrasts_figure(screen: Screen, context: Context) -> Figure | None:
    """A row a contrast: its interval, a tick for each data set, the margin in grey."""
    shown = [c for _, choices in screen.shown for c in choices]
    if not shown:
        return None
    unit = 100.0 if screen.scale.unit == "points" else 1.0
    figure = Figure(figsize=(6.75, 0.28 * len(shown) + 0.7), layout="constrained")
    axis = figure.subplots()
    if screen.scale.rope > 0:
        axis.axvspan(-unit * screen.scale.rope, unit * screen.scale.rope, color=MUTED, alpha=0.18, lw=0)
    axis.axvline(0, color=MUTED, lw=0.8)
    names = []
    for y, c in enumerate(shown):
        d = c.found
        colour = {"better": BEST, "equal": NEAR}.get(d.verdict if d.half is not None else "open", MUTED)
        axis.plot([unit * d.low, unit * d.high], [y, y], color=colour, lw=1.8)
        axis.plot(unit * d.mean, y, "o", color=colour, ms=4.5, mfc="white" if d.verdict == "open" else colour)
        if len(c.each) > 1:
            axis.plot([unit * x.mean for x in c.each.values()], [y] * len(c.each), "|", color=MUTED, ms=7)
        subject, reference = (titles.level(c.axis, x) for x in (d.subject, d.reference))
        names.append(f"{subject} − {reference}")
    axis.set(yticks=range(len(shown)), yticklabels=names, ylim=(len(shown) - 0.5, -0.5))
    axis.tick_params(axis="y", length=0)
    what = f"{screen.scale.label}, {screen.scale.gains_in}"
    noise = f", {100 * context.confidence:g} % interval over seeds" if context.replicated else ""
    axis.set_xlabel(f"difference in {what}{noise}")
    return figure
