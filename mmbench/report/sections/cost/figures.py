"""Score against cost, and cost against length, for papers."""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from mmbench.report.draw.palette import BEST, COLOURS, DASHES, WARNING
from mmbench.report.sections.cost.lengths import highlighted
from mmbench.report.sections.cost.record import LengthReport
from mmbench.report.values.datasets import DatasetReport, Front

NAMED = 5


def pareto_figure(d: DatasetReport) -> Figure | None:
    """Score against each cost: the field in grey, the front stepped and labelled."""
    if not d.fronts:
        return None
    figure = Figure(figsize=(8.4, 2.9 * ((len(d.fronts) + 1) // 2)), layout="constrained")
    axes = figure.subplots((len(d.fronts) + 1) // 2, 2, squeeze=False).ravel()
    for axis, front in zip(axes, d.fronts, strict=False):
        _front(axis, d, front)
        axis.set_ylabel(d.scale.title if not d.scale.higher else d.scale.label)
    for axis in axes[len(d.fronts) :]:
        axis.remove()
    return figure


def _front(axis: Any, d: DatasetReport, front: Front) -> None:
    field = [
        (getattr(r.cost, front.cost), r.score.mean)
        for r in d.rows
        if r.ranked and r.score and r.cost and getattr(r.cost, front.cost) is not None and r.method.role != "baseline"
    ]
    best = [(key, getattr(r.cost, front.cost), r.score.mean) for key in front.keys if (r := d.row(key)).score]
    axis.plot(*zip(*field, strict=True), "o", color="#B4BAC1", ms=3)
    axis.step([x for _, x, _ in best], [y for _, _, y in best], where="post", color=BEST, lw=1, ls="--")
    for n, (key, x, y) in enumerate(reversed(best), 1):
        named = n <= NAMED
        axis.plot(x, y, "o", color=BEST, ms=5, label=f"{n}  {key}" if named else None)
        if named:
            axis.annotate(str(n), (x, y), xytext=(-3, 4), textcoords="offset points", ha="right", fontsize=8)
    if all(x > 0 for x, _ in field):
        axis.set_xscale("log")
        axis.xaxis.set_minor_formatter(NullFormatter())
    axis.legend(
        fontsize=6,
        loc="lower right" if d.scale.higher else "upper right",
        handlelength=0,
        handletextpad=0,
        markerscale=0,
    )
    axis.set_xlabel(front.label)


def length_figure(part: LengthReport) -> Figure:
    """Time and memory against length, all axes logarithmic; a cross at the upper edge where a mechanism was stopped."""
    figure = Figure(figsize=(8.4, 3.6), layout="constrained")
    axes = figure.subplots(1, 2)
    panels = (("training", "time_growth", "forward and backward, s"), ("memory", "memory_growth", "peak memory, B"))
    named = highlighted(part)
    for axis, (quantity_of, growth_of, title) in zip(axes, panels, strict=True):
        for row in sorted(part.rows, key=lambda r: r.attention in named):
            values, growth = getattr(row, quantity_of), getattr(row, growth_of)
            n = named.index(row.attention) if row.attention in named else None
            colour = "#B4BAC1" if n is None else COLOURS[n]
            exponent = "" if growth is None else f"  {growth.exponent:.2f}"
            label = None if n is None else f"{row.attention}{exponent}"
            dash = "-" if n is None else DASHES[n]
            axis.plot(row.lengths, values, color=colour, ls=dash, lw=0.8 if n is None else 1.5, label=label)
            if row.stopped_at is not None:
                edge = axis.get_xaxis_transform()
                axis.plot(row.stopped_at, 1, "x", color=WARNING, ms=5, transform=edge, clip_on=False)
        axis.set_xscale("log", base=2)
        axis.set_yscale("log")
        axis.set_xticks(part.lengths, [f"{n:,}" for n in part.lengths], rotation=30, ha="right", rotation_mode="anchor")
        axis.yaxis.set_minor_formatter(NullFormatter())
        axis.set_title(title)
        axis.set_xlabel("tokens; number: exponent; ✕ stopped")
        axis.legend(fontsize=6)
    return figure
