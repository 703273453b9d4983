"""What a linear probe reads at each place of a model, under each attention."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from mmbench.probe.shared.places import PLACES
from mmbench.report.draw.palette import BEST, PALE, WARNING
from mmbench.report.draw.sheet import PAGE, label_ends, scores, sheet, upward
from mmbench.report.sections.representation.compute import Representations
from mmbench.report.values import titles
from mmbench.report.values.methods import POOLING

BESIDE = 3
"""Panels in a row."""


def places_figure(parts: Sequence[Representations]) -> Figure | None:
    """A panel a data set, a line an attention; the best at the end and pooling are named."""
    parts = [part for part in parts if len(part.by_place) > 1]
    if not parts:
        return None
    width = min(BESIDE, len(parts))
    rows = -(-len(parts) // width)
    figure = sheet(PAGE, 1.9 * rows)
    panels = list(figure.subplots(rows, width, squeeze=False).flat)
    for part, panel in zip(parts, panels, strict=False):
        places = [p for p in PLACES if p in part.by_place]
        lines: dict[str, list[float]] = {}
        for place in places:
            for m in part.by_place[place]:
                lines.setdefault(m.level, []).append(m.score.mean)
        whole = {level: values for level, values in lines.items() if len(values) == len(places)}
        axis = scores([v for values in whole.values() for v in values])
        panel.set_xticks(range(len(places)), places)
        upward(panel, axis)
        panel.set_title(f"{part.dataset}: {part.scale.title}")
        others = [level for level in whole if level != POOLING]
        best = max(others, key=lambda level: part.scale.oriented(whole[level][-1]), default=None)
        ends = []
        for level, values in whole.items():
            colour = WARNING if level == POOLING else BEST if level == best else PALE
            panel.plot(values, "-o", color=colour, lw=1.2, ms=2.5, zorder=1 if colour == PALE else 2)
            if colour != PALE:
                ends.append((values[-1], titles.level("attention", level, short=True), colour))
        label_ends(panel, ends, axis)
    for panel in panels[len(parts) :]:
        panel.set_visible(False)
    return figure
