"""Figures for papers, as SVG and PDF: the same bytes for the same analysis. The page draws its own."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_pdf import FigureCanvasPdf
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from mmbench.report.draw.palette import BEST, COLOURS, DASHES, INK, MUTED, SEQUENTIAL, STYLE, TIED, WARNING
from mmbench.report.sections.cells.tables import effect_tables
from mmbench.report.sections.cost.lengths import highlighted
from mmbench.report.sections.ranks.figures import ladders, profiles, summaries
from mmbench.report.values.analysis import Analysis, CellRow, DatasetReport, Front, LengthReport
from mmbench.report.values.scale import Scale

TOP, NAMED = 10, 5
DENSE, PAGE, BANDS = 4, 20.0, 3
"""More columns than this are drawn narrow; inches that heatmaps may take side by side; curves that may have bands."""


def _svg(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    FigureCanvasSVG(figure).print_svg(buffer, metadata={"Date": None, "Creator": None})
    return buffer.getvalue()


def _pdf(figure: Figure) -> bytes:
    """Without a date; TrueType fonts embedded, as publishers ask."""
    buffer = io.BytesIO()
    FigureCanvasPdf(figure).print_pdf(buffer, metadata={"CreationDate": None, "Creator": None, "Producer": None})
    return buffer.getvalue()


def _top(analysis: Analysis) -> Figure | None:
    """The best cells of each data set, each modality alone under its best attention, and the baselines."""
    parts = [d for d in analysis.datasets if d.best]
    if not parts:
        return None
    shown = [[r for r in d.cells if r.ranked][:TOP] + _controls(d) for d in parts]
    heights = [len(rows) for rows in shown]
    figure = Figure(figsize=(8, 0.24 * sum(heights) + 0.9 * len(parts)), layout="constrained")
    axes = figure.subplots(len(parts), 1, squeeze=False, height_ratios=heights)[:, 0]
    for axis, d, rows in zip(axes, parts, shown, strict=True):
        for y, row in enumerate(rows):
            assert row.score is not None
            colour = BEST if row.best else TIED if row.in_top else MUTED
            marker = "o" if row.best else "D" if row.in_top else "o"
            axis.plot([row.score.low, row.score.high], [y, y], color=colour, lw=1.5)
            face = colour if row.method.role == "cell" else "white"
            axis.plot(row.score.mean, y, marker, color=colour, mfc=face, ms=5)
        if d.ceiling is not None:
            axis.axvline(d.ceiling, color=WARNING, lw=1, ls="--")
        axis.set(yticks=range(len(rows)), yticklabels=[r.key for r in rows], ylim=(len(rows) - 0.5, -0.5))
        axis.set_title(d.name)
        axis.tick_params(axis="y", length=0)
    noise = f"{100 * analysis.confidence:g} % interval over seeds" if analysis.replicated else "one seed"
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


def _mark(row: CellRow | None, scale: Scale) -> str:
    if row is None or row.score is None:
        return "✕" if row is not None and row.state == "failed" else "–"
    return scale.number(row.score.mean).removeprefix("0") + (" ★" if row.best else " •" if row.in_top else "")


def _on(dark: bool) -> str:
    return "white" if dark else INK


def _heatmap(analysis: Analysis, d: DatasetReport) -> Figure | None:
    """Attention by fusion, a panel an architecture, as many beside one another as a page takes; one colour scale."""
    attention, fusion, architecture = (f.by_score for f in analysis.factors)
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


def _marginal(analysis: Analysis) -> Figure | None:
    parts = [t for t in effect_tables(analysis) if t.means]
    if not parts:
        return None
    factors = [f for f in analysis.factors if len(f.levels) > 1]
    figure = Figure(
        figsize=(2.4 + 2.3 * len(parts), sum(0.26 * len(f.levels) + 0.55 for f in factors)), layout="constrained"
    )
    axes = figure.subplots(
        len(factors), len(parts), squeeze=False, sharex="col", height_ratios=[len(f.levels) + 1 for f in factors]
    )
    for n, (line, factor) in enumerate(zip(axes, factors, strict=True)):
        for axis, part in zip(line, parts, strict=True):
            means = {m.level: m.score for m in part.means if m.factor == factor.name}
            for y, name in enumerate(factor.by_score):
                if name in means:
                    axis.plot([means[name].low, means[name].high], [y, y], color=BEST, lw=1.5)
                    axis.plot(means[name].mean, y, "o", color=BEST, ms=4)
            first = axis is line[0]
            axis.set(yticks=range(len(factor.levels)), ylim=(len(factor.levels) - 0.5, -0.5))
            axis.set_yticklabels(list(factor.by_score) if first else [])
            axis.tick_params(axis="y", length=0)
            if n == 0:
                axis.set_title(part.dataset or "all data sets")
            if factor is factors[-1] and len({p.scale.metric for p in parts}) > 1:
                axis.set_xlabel(part.scale.title)
    return figure


def _pareto(analysis: Analysis, d: DatasetReport) -> Figure | None:
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


def _curves(analysis: Analysis, d: DatasetReport) -> Figure | None:
    """The main metric on validation by epoch: every cell in grey, the levels of each factor in colour, at most as many
    as can be told apart: the rest is grey too."""
    curves = [c for c in analysis.curves if c.dataset == d.name]
    order = {f.name: f.by_score for f in analysis.factors}
    kinds = [k for k in order if any(c.kind == k for c in curves)]
    if not kinds or analysis.epochs < 2:
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


def _length(part: LengthReport) -> Figure:
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


def _floats(values: Sequence[float | None]) -> list[float]:
    return [float("nan") if v is None else v for v in values]


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """One figure as files."""

    name: str
    svg: bytes
    pdf: bytes


def figures(analysis: Analysis) -> Iterator[Drawn]:
    """Each as SVG and PDF; figures without anything to show are left out."""
    with mpl.rc_context(STYLE):
        made: list[tuple[str, Figure | None]] = [("top", _top(analysis)), ("marginal_means", _marginal(analysis))]
        for d in analysis.datasets:
            made.append((f"heatmap_{d.name}", _heatmap(analysis, d)))
            made.append((f"pareto_{d.name}", _pareto(analysis, d)))
            made.append((f"curves_{d.name}", _curves(analysis, d)))
        made += [
            (f"length_{part.device}", _length(part))
            for part in analysis.lengths
            if any(row.lengths for row in part.rows)
        ]
        made += [("ranks", ladders(analysis)), ("aggregates", summaries(analysis)), ("profiles", profiles(analysis))]
        # All of them before the first is handed over: a caller that stops half way would leave its style to others.
        drawn = [Drawn(name=name, svg=_svg(f), pdf=_pdf(f)) for name, f in made if f is not None]
    yield from drawn
