"""Cost against length, for papers."""

from __future__ import annotations

from math import ceil
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from mmbench.report.draw.axis import logarithmic
from mmbench.report.draw.palette import COLOURS, DASHES, GREY, WARNING
from mmbench.report.draw.sheet import PAGE, label_ends, sheet, upward
from mmbench.report.sections.cost.length_plots import duration, memory
from mmbench.report.sections.cost.lengths import highlighted
from mmbench.report.sections.cost.record import LengthReport
from mmbench.report.values import titles

TICKS = 5


def length_figure(part: LengthReport) -> Figure:
    """Time and memory against length, all axes logarithmic; a cross at the upper edge where a mechanism was stopped."""
    figure = sheet(PAGE, 2.6)
    left, right = figure.subplots(1, 2)
    _panel(left, part, "training", "time_growth", "forward and backward pass")
    _panel(right, part, "memory", "memory_growth", "peak memory")
    return figure


def _panel(axes: Any, part: LengthReport, of: str, growth_of: str, title: str) -> None:
    named = highlighted(part)
    write = memory if of == "memory" else duration
    values = [v for r in part.rows for v in getattr(r, of) if v > 0]
    y = logarithmic(values, name=lambda v: write(v).replace(".0 ", " "))
    upward(axes, y)
    ends = []
    for row in sorted(part.rows, key=lambda r: r.attention in named):
        n = named.index(row.attention) if row.attention in named else None
        colour, dash = (GREY, "-") if n is None else (COLOURS[n], DASHES[n])
        shown = getattr(row, of)
        axes.plot(row.lengths, shown, color=colour, ls=dash, lw=0.7 if n is None else 1.3)
        if n is not None and shown and shown[-1] > 0:
            growth = getattr(row, growth_of)
            exponent = "" if growth is None else f" {growth.exponent:.2f}"
            ends.append((shown[-1], f"{titles.level('attention', row.attention, short=True)}{exponent}", colour))
        if row.stopped_at is not None:
            edge = axes.get_xaxis_transform()
            axes.plot(row.stopped_at, 1, "x", color=WARNING, ms=4, transform=edge, clip_on=False)
    axes.set_xscale("log", base=2)
    ticks = sorted(part.lengths[:: -ceil(len(part.lengths) / TICKS)])
    axes.set_xticks(ticks, [f"{n:,}" for n in ticks])
    axes.xaxis.set_minor_locator(NullLocator())
    label_ends(axes, ends, y)
    axes.set_title(title)
    axes.set_xlabel("tokens" + ("; ✕: stopped" if any(r.stopped_at is not None for r in part.rows) else ""))


def caption(part: LengthReport) -> str:
    return (
        f"Time and memory of a forward and backward pass against the number of tokens ({part.conditions}). Numbers are "
        f"exponents: cost grows as tokens to that power, fitted from {part.fitted_from:,} tokens. Grey: the other "
        "mechanisms. A cross marks a length at which one was stopped."
    )
