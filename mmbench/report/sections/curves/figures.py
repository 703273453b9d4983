"""Learning curves for papers."""

from __future__ import annotations

from collections.abc import Sequence
from math import nan
from typing import Any

from matplotlib.figure import Figure

from mmbench.report.draw.axis import Axis, Tick
from mmbench.report.draw.palette import COLOURS, DASHES, GREY, INK, PALE, SMALL
from mmbench.report.draw.sheet import PAGE, across, label_ends, scores, sheet, upward, whole_numbers
from mmbench.report.scores.context import Context
from mmbench.report.values import titles
from mmbench.report.values.curves import Curve
from mmbench.report.values.datasets import DatasetReport

BANDS = 3
"""With at most this many curves each has a band."""
BESIDE = 3
"""Panels in a row."""
NEAR = 0.05
"""A ceiling that is further above what is drawn, as a part of the axis' possible length, is left out."""


def curves_figure(context: Context, d: DatasetReport) -> Figure | None:
    """The main metric on validation by training step: every cell in grey, the levels of each factor in colour, at most
    as many as can be told apart: the rest is grey too."""
    curves = [c for c in context.curves if c.dataset == d.name and any(v is not None for v in c.median)]
    order = {f.name: f.by_score for f in context.factors}
    kinds = [k for k in order if any(c.kind == k for c in curves)]
    if not kinds or context.epochs < 2:
        return None
    steps = steps_per_epoch(context, d.name)
    cells = [c for c in curves if c.kind == "cell"][:100]
    drawn = [c for c in curves if c.kind in kinds]
    y = _scores(drawn, d)
    x = _training(max(len(c.median) for c in drawn), steps)
    figure = sheet(PAGE, 1.9)
    axes = figure.subplots(1, len(kinds), squeeze=False)[0]
    for i, (panel, kind) in enumerate(zip(axes, kinds, strict=True)):
        across(panel, x, most=4)
        upward(panel, y)
        levels = sorted((c for c in curves if c.kind == kind), key=lambda c: order[kind].index(c.name))
        _panel(panel, levels, cells, d, y, steps or 1)
        some = len(levels) > len(COLOURS)
        panel.set_title(f"{kind}: the best {len(COLOURS)} of {len(levels)}" if some else kind)
        panel.set_xlabel("epoch" if steps is None else "gradient steps")
        if i:
            panel.set_yticklabels([])
    axes[0].set_ylabel(f"validation {d.curve.label}")
    return figure


def steps_per_epoch(context: Context, dataset: str) -> int | None:
    """None where trials differ."""
    found = next((t for t in context.training if t.dataset == dataset), None)
    return None if found is None or found.steps is None or not found.epochs else found.steps // found.epochs


def _scores(curves: Sequence[Curve], d: DatasetReport) -> Axis:
    """Around the curves of levels, and around the ceiling where it is near."""
    values = [v for c in curves for band in (c.low, c.median, c.high) for v in band if v is not None]
    ceiling = ceiling_of(d)
    if ceiling is not None and min(abs(ceiling - v) for v in values) <= NEAR * max(max(values) - min(values), 1e-9) * 4:
        values.append(ceiling)
    return scores(values, floor=d.curve.low, ceiling=d.curve.high)


def ceiling_of(d: DatasetReport) -> float | None:
    """Where it is of the metric that the curves show."""
    return d.ceiling if d.scale.metric == d.curve.metric else None


def _training(epochs: int, steps: int | None) -> Axis:
    """From the first epoch to the last, in steps where each has equally many."""
    size = steps or 1
    places = [float(v) for v in whole_numbers(size, epochs * size)]
    axis = Axis(low=size - 0.02 * epochs * size, high=1.02 * epochs * size)
    return Axis(
        low=axis.low,
        high=axis.high,
        ticks=tuple(Tick(at=axis.at(v), value=v, label=f"{v:,.0f}") for v in places),
    )


def _panel(panel: Any, levels: Sequence[Curve], cells: Sequence[Curve], d: DatasetReport, y: Axis, size: int) -> None:
    def places(c: Curve) -> list[int]:
        return [size * epoch for epoch in range(1, len(c.median) + 1)]

    # One line with gaps: a thousand lines take much longer.
    panel.plot(
        [x for c in cells for x in (*places(c), nan)],
        [y for c in cells for y in (*_floats(c.median), nan)],
        color=PALE,
        lw=0.5,
    )
    if len(levels) > len(COLOURS):
        levels = sorted(levels, key=lambda c: -d.curve.oriented(_last(c)))
    for c in levels[len(COLOURS) :]:
        panel.plot(places(c), _floats(c.median), color=GREY, lw=0.7)
    ends = []
    for c, colour, dash in zip(levels, COLOURS, DASHES, strict=False):
        if len(levels) <= BANDS:
            panel.fill_between(places(c), _floats(c.low), _floats(c.high), color=colour, alpha=0.13, lw=0)
        panel.plot(places(c), _floats(c.median), color=colour, ls=dash, lw=1.2)
        ends.append((_last(c), titles.level(c.kind, c.name, short=True), colour))
    label_ends(panel, ends, y)
    ceiling = ceiling_of(d)
    if ceiling is not None and y.low <= ceiling <= y.high:
        panel.axhline(ceiling, color=INK, lw=0.7, ls=":")
        panel.annotate(
            "ceiling", (0.02, ceiling), xycoords=("axes fraction", "data"), xytext=(0, 1.5), fontsize=SMALL,
            textcoords="offset points", color=INK,
        )  # fmt: skip


def _last(curve: Curve) -> float:
    return next((v for v in reversed(curve.median) if v is not None), 0.0)


def _floats(values: Sequence[float | None]) -> list[float]:
    return [float("nan") if v is None else v for v in values]


def caption(context: Context, d: DatasetReport) -> str:
    text = f"Validation {d.curve.label} on {d.name} as training goes on: the median over all runs of a level"
    levels = [len(f.levels) for f in context.factors]
    text += ", with quartiles shaded" if min(levels, default=9) <= BANDS else ""
    text += "; pale grey: each combination."
    if ceiling_of(d) is not None:
        text += " Dotted, where it is in the frame: the ceiling, the best score that the data allow."
    return text
