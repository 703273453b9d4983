"""Learning curves for papers."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from mmbench.report.draw.palette import COLOURS, DASHES
from mmbench.report.scores.context import Context
from mmbench.report.values.datasets import DatasetReport

BANDS = 3
"""With at most this many curves each has a band."""


def curves_figure(context: Context, d: DatasetReport) -> Figure | None:
    """The main metric on validation by epoch: every cell in grey, the levels of each factor in colour, at most as many
    as can be told apart: the rest is grey too."""
    curves = [c for c in context.curves if c.dataset == d.name]
    order = {f.name: f.by_score for f in context.factors}
    kinds = [k for k in order if any(c.kind == k for c in curves)]
    if not kinds or context.epochs < 2:
        return None
    figure = Figure(figsize=(3.2 * len(kinds), 2.9), layout="constrained")
    axes = figure.subplots(1, len(kinds), squeeze=False, sharey=True)[0]
    cells = [c for c in curves if c.kind == "cell"][:100]
    for axis, kind in zip(axes, kinds, strict=True):
        for c in cells:
            axis.plot(range(1, len(c.median) + 1), _floats(c.median), color="#D9DDE1", lw=0.6)
        levels = sorted((c for c in curves if c.kind == kind), key=lambda c: order[kind].index(c.name))
        some = len(levels) > len(COLOURS)
        if some:
            levels.sort(key=lambda c: -d.curve.oriented(next((v for v in reversed(c.median) if v is not None), 0.0)))
        for c in levels[len(COLOURS) :]:
            axis.plot(range(1, len(c.median) + 1), _floats(c.median), color="#9AA3AD", lw=0.8)
        for c, colour, dash in zip(levels, COLOURS, DASHES, strict=False):
            epochs = range(1, len(c.median) + 1)
            if len(levels) <= BANDS:
                axis.fill_between(epochs, _floats(c.low), _floats(c.high), color=colour, alpha=0.15, lw=0)
            axis.plot(epochs, _floats(c.median), color=colour, ls=dash, lw=1.5, label=c.name)
        axis.set_title(f"{kind}: the {d.curve.extreme} {len(COLOURS)} of {len(levels)}" if some else kind)
        axis.set_xlabel("epoch")
        axis.legend(fontsize=7, loc="lower right" if d.curve.higher else "upper right")
    axes[0].set_ylabel(f"validation {d.curve.label}")
    return figure


def _floats(values: Sequence[float | None]) -> list[float]:
    return [float("nan") if v is None else v for v in values]
