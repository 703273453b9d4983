"""Figure of the best cells and the controls."""

from __future__ import annotations

from matplotlib.figure import Figure

from mmbench.report.draw.palette import BEST, MUTED, NEAR, WARNING
from mmbench.report.scores.context import Context
from mmbench.report.values.cells import CellRow
from mmbench.report.values.datasets import DatasetReport

TOP = 10


def top(context: Context) -> Figure | None:
    """The best cells of each data set, each modality alone under its best attention, and the baselines."""
    parts = [d for d in context.datasets if d.best]
    if not parts:
        return None
    shown = [[r for r in d.cells if r.ranked][:TOP] + _controls(d) for d in parts]
    heights = [len(rows) for rows in shown]
    figure = Figure(figsize=(8, 0.24 * sum(heights) + 0.9 * len(parts)), layout="constrained")
    axes = figure.subplots(len(parts), 1, squeeze=False, height_ratios=heights)[:, 0]
    for axis, d, rows in zip(axes, parts, shown, strict=True):
        for y, row in enumerate(rows):
            assert row.score is not None
            close = not row.best and row.verdict in ("equal", "open")
            colour = BEST if row.best else NEAR if close else MUTED
            marker = "D" if close else "o"
            axis.plot([row.score.low, row.score.high], [y, y], color=colour, lw=1.5)
            hollow = row.method.role != "cell" or (close and row.verdict == "open")
            face = "white" if hollow else colour
            axis.plot(row.score.mean, y, marker, color=colour, mfc=face, ms=5)
        if d.ceiling is not None:
            axis.axvline(d.ceiling, color=WARNING, lw=1, ls="--")
        axis.set(yticks=range(len(rows)), yticklabels=[r.key for r in rows], ylim=(len(rows) - 0.5, -0.5))
        axis.set_title(d.name)
        axis.tick_params(axis="y", length=0)
    noise = f"{100 * context.confidence:g} % interval over seeds" if context.replicated else "one seed"
    # One line below all where they share a scale, one below each where not.
    shared = len({d.scale.metric for d in parts}) == 1
    for axis, d in zip(axes, parts, strict=True):
        if axis is axes[-1] or not shared:
            way = "" if d.scale.higher else " (lower is better)"
            axis.set_xlabel(f"{d.scale.label}{way} on test; {noise}")
    return figure


def _controls(d: DatasetReport) -> list[CellRow]:
    """Of the controls with a score, the highest of each modality and each baseline: there may be one an attention."""
    found: dict[str | None, CellRow] = {}
    for row in d.controls:
        if row.score:
            found.setdefault(row.method.modality or row.method.baseline, row)
    return list(found.values())
