"""What a probe measured, as dots with intervals."""

from __future__ import annotations

import textwrap

from matplotlib.figure import Figure

from mmbench.report.draw.figures import HEAD, ROW
from mmbench.report.draw.palette import BEST
from mmbench.report.draw.sheet import PAGE, across, name_rows, scores, sheet
from mmbench.report.sections.probes.record import Measured
from mmbench.report.values import titles

MOST, ACROSS = 20, 3
"""Methods in a figure, the best-ranked ones; panels in a row."""


def dots(part: Measured) -> Figure:
    """One panel per number; methods in the order of their rank, the best at the top."""
    methods = part.methods[:MOST]
    beside = min(ACROSS, len(part.numbers))
    below = -(-len(part.numbers) // beside)
    figure = sheet(PAGE, below * (HEAD + ROW * len(methods)))
    panels = figure.subplots(below, beside, squeeze=False).ravel()
    for panel in panels[len(part.numbers) :]:
        panel.remove()
    for i, (panel, number) in enumerate(zip(panels, part.numbers, strict=False)):
        shown = [(y, number.values[key]) for y, key in enumerate(methods) if key in number.values]
        across(panel, scores([v for _, e in shown for v in (e.low, e.high)], wanted=4), most=4)
        for y, value in shown:
            panel.errorbar(value.mean, y, xerr=value.half, fmt="o", color=BEST, ms=3.5, lw=1)
        panel.set_title("\n".join(textwrap.wrap(number.title, 28)))
        name_rows(panel, ["" if i % beside else titles.titled(key) for key in methods])
    return figure
