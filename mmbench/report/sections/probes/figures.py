"""What a probe measured, as dots with intervals."""

from __future__ import annotations

from matplotlib.figure import Figure

from mmbench.report.draw.figures import HEAD, ROW
from mmbench.report.draw.palette import BEST
from mmbench.report.sections.probes.record import Measured

MOST, ACROSS = 20, 4
"""Methods in a figure, the best-ranked ones; panels in a row."""


def dots(part: Measured) -> Figure:
    """One panel per number; methods in the order of their rank, the best at the top."""
    methods = part.methods[:MOST]
    across = min(ACROSS, len(part.numbers))
    below = -(-len(part.numbers) // across)
    size = (2.6 + 2.2 * across, below * (HEAD + ROW * len(methods)))
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(below, across, squeeze=False, sharey=True).ravel()
    for panel in panels[len(part.numbers) :]:
        panel.remove()
    for panel, number in zip(panels, part.numbers, strict=False):
        shown = [(y, number.values[key]) for y, key in enumerate(methods) if key in number.values]
        for y, value in shown:
            panel.errorbar(value.mean, y, xerr=value.half, fmt="o", color=BEST, ms=4, lw=1)
        panel.set_title(number.title, fontsize=8)
        panel.set_yticks(range(len(methods)), methods)
        panel.set_ylim(len(methods) - 0.5, -0.5)
    return figure
