"""Heatmaps for papers."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from mmbench.report.draw.palette import INK, SEQUENTIAL
from mmbench.report.draw.words import mark
from mmbench.report.scores.context import Context
from mmbench.report.values.cells import CellRow
from mmbench.report.values.datasets import DatasetReport
from mmbench.report.values.scale import Scale

DENSE = 4
"""More columns than this are drawn narrow."""


PAGE = 20.0
"""Inches that heatmaps may take side by side."""


def _mark(row: CellRow | None, scale: Scale) -> str:
    if row is None or row.score is None:
        return "✕" if row is not None and row.state == "failed" else "–"
    return scale.number(row.score.mean).removeprefix("0") + f" {mark(row)}".rstrip()


def _on(dark: bool) -> str:
    return "white" if dark else INK


def heatmap(context: Context, d: DatasetReport) -> Figure | None:
    """Attention by fusion, a panel an architecture, as many beside one another as a page takes; one colour scale."""
    attention, fusion, architecture = (f.by_score for f in context.factors)
    rows = {(r.method.attention, r.method.fusion, r.method.architecture): r for r in d.cells}
    scores = [r.score.mean for r in rows.values() if r.score]
    if not scores:
        return None
    low, high = min(scores), max(scores)
    colours = SEQUENTIAL if d.scale.higher else SEQUENTIAL.reversed()
    dense = len(fusion) > DENSE
    wide = (0.36 if dense else 0.85) * len(fusion) + 0.3
    beside = max(1, min(len(architecture), int(PAGE // wide)))
    below = -(-len(architecture) // beside)
    size = (1.6 + wide * beside, below * (1.6 + (0.22 if dense else 0.32) * len(attention)))
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(below, beside, squeeze=False, sharey=True).ravel()
    for axis in panels[len(architecture) :]:
        axis.remove()
    for axis, panel in zip(panels, architecture, strict=False):
        grid = np.full((len(attention), len(fusion)), np.nan)
        for i, a in enumerate(attention):
            for j, f in enumerate(fusion):
                row = rows.get((a, f, panel))
                if row is not None and row.score is not None:
                    grid[i, j] = row.score.mean
                place = (grid[i, j] - low) / (high - low or 1)
                dark = not np.isnan(place) and (place if d.scale.higher else 1 - place) > 0.55
                axis.text(
                    j, i, _mark(row, d.scale), ha="center", va="center", fontsize=6 if dense else 8, color=_on(dark)
                )
        axis.imshow(
            grid,
            cmap=colours,
            vmin=low,
            vmax=high if high > low else low + 1,
            aspect="auto",
        )
        axis.set(xticks=range(len(fusion)), yticks=range(len(attention)), title=panel)
        slope = 60 if dense else 30
        axis.set_xticklabels(list(fusion), rotation=slope, ha="right", rotation_mode="anchor")
        axis.set_yticklabels(list(attention))
        axis.tick_params(length=0)
    return figure
