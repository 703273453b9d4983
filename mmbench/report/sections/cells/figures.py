"""Heatmaps for papers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from mmbench.report.draw.palette import INK, LEAST, SEQUENTIAL, SMALL
from mmbench.report.draw.sheet import PAGE, sheet
from mmbench.report.draw.words import mark
from mmbench.report.scores.context import Context
from mmbench.report.values import titles
from mmbench.report.values.cells import CellRow
from mmbench.report.values.datasets import DatasetReport

DENSE = 4
"""More columns than this in all panels of a row are too narrow for a half width under the score."""
NARROW, WIDE, NAMES = 0.33, 0.54, 1.15
"""Inches of a column with a score alone, of one with its half width, and of the names of rows."""
FAR = 5
"""Margins behind the best beyond which all colours are the same: one outlier must not flatten all others."""

Rows = Mapping[tuple[str, str, str], CellRow]


def heatmap(context: Context, d: DatasetReport) -> Figure | None:
    """Attention by fusion, a panel an architecture, as many beside one another as a page takes. The colour is how far a
    combination is behind the best."""
    attention, fusion, architecture = (f.by_score for f in context.factors)
    rows = {(str(r.method.attention), str(r.method.fusion), str(r.method.architecture)): r for r in d.cells}
    means = [d.scale.oriented(r.score.mean) for r in rows.values() if r.score]
    if not means:
        return None
    room = PAGE - NAMES - 0.5
    dense = len(fusion) > DENSE
    beside = max(1, min(len(architecture), int(room // ((NARROW if dense else WIDE) * len(fusion)))))
    below = -(-len(architecture) // beside)
    high = 0.2 if dense else 0.28
    figure = sheet(PAGE, below * (0.75 + high * len(attention)) + 0.1)
    panels = figure.subplots(below, beside, squeeze=False).ravel()
    span = FAR * d.scale.rope or (max(means) - min(means)) or 1.0
    colours = ScalarMappable(Normalize(-span, 0.0), SEQUENTIAL)
    for panel in panels[len(architecture) :]:
        panel.remove()
    for i, (panel, level) in enumerate(zip(panels, architecture, strict=False)):
        _panel(panel, d, rows, (attention, fusion, level), max(means), colours, span, dense=dense)
        panel.set_title(titles.level("architecture", level))
        if i % beside:
            panel.set_yticklabels([])
    _scale(figure, list(panels[: len(architecture)]), d, colours, span)
    return figure


def _panel(
    panel: Any,
    d: DatasetReport,
    rows: Rows,
    levels: tuple[Sequence[str], Sequence[str], str],
    best: float,
    colours: ScalarMappable,
    span: float,
    *,
    dense: bool,
) -> None:
    attention, fusion, architecture = levels
    grid = np.full((len(attention), len(fusion)), np.nan)
    for i, a in enumerate(attention):
        for j, f in enumerate(fusion):
            row = rows.get((a, f, architecture))
            if row is not None and row.score is not None:
                grid[i, j] = d.scale.oriented(row.score.mean) - best
            dark = bool(grid[i, j] > -0.45 * span)
            text, size = _mark(row, d, dense=dense), LEAST if dense else SMALL
            panel.text(
                j, i, text, ha="center", va="center", fontsize=size, color="white" if dark else INK, linespacing=1
            )
    panel.imshow(grid, cmap=colours.get_cmap(), norm=colours.norm, aspect="auto")
    panel.set(xticks=range(len(fusion)), yticks=range(len(attention)))
    names = [titles.level("fusion", f, short=True) for f in fusion]
    slope = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"} if max(map(len, names)) > 7 or dense else {}
    panel.set_xticklabels(names, **slope)
    panel.set_yticklabels([titles.level("attention", a) for a in attention])
    panel.tick_params(length=0)


def _mark(row: CellRow | None, d: DatasetReport, *, dense: bool) -> str:
    """`.887 •`, and on a second line its half width where there is room."""
    if row is None or row.score is None:
        return "✕" if row is not None and row.state == "failed" else "–"
    text = f"{d.scale.short(row.score.mean)} {mark(row)}".rstrip()
    if dense or row.score.half is None:
        return text.replace(" ", "")
    return f"{text}\n±{d.scale.short(row.score.half)}"


def _scale(figure: Figure, panels: Sequence[Any], d: DatasetReport, colours: ScalarMappable, span: float) -> None:
    """What the colours mean."""
    bar = figure.colorbar(colours, ax=panels, fraction=0.03, pad=0.015, aspect=18)
    unit = 100.0 if d.scale.unit == "points" else 1.0
    ticks = [-span, -span / 2, 0.0] if d.scale.rope == 0 else [-span, -0.6 * span, -0.2 * span, 0.0]
    labels = [f"{unit * t:.3g}".replace("-", "−") for t in ticks]
    labels[0] = f"≤ {labels[0]}"
    labels[-1] = "best"
    bar.set_ticks(ticks, labels=labels)
    bar.set_label(f"behind the best, {d.scale.unit or d.scale.label}")
    bar.outline.set_visible(False)
    bar.ax.tick_params(length=2, labelsize=SMALL)


def caption(context: Context, d: DatasetReport) -> str:
    dense = any(f.name == "fusion" and len(f.levels) > DENSE for f in context.factors)
    text = f"Test {d.scale.label} of every combination on {d.name}"
    text += ", mean over seeds" if context.replicated else ", one seed"
    text += f" with the half width of its {100 * context.confidence:g} % interval" * (context.replicated and not dense)
    text += ". Colour: how far it is behind the best"
    text += f", cut at {FAR} margins" if d.scale.rope else ""
    found = {r.verdict for r in d.cells if not r.best}
    marks = ["★ best"] if d.best else []
    marks += [f"• equal to it within {d.scale.rope_words}"] if "equal" in found else []
    marks += ["◦ open"] if "open" in found else []
    marks += ["✕ failed"] if any(r.score is None and r.state == "failed" for r in d.cells) else []
    return f"{text}. {'; '.join(marks)}.".replace(". .", ".")
