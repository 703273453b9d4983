"""Score against cost, for papers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from mmbench.report.draw.axis import Axis, logarithmic, spread
from mmbench.report.draw.costs import cost_text
from mmbench.report.draw.palette import BEST, GREY, INK, MUTED, SMALL
from mmbench.report.draw.sheet import COLUMN, PAGE, across, dot, page_key, scores, sheet, upward
from mmbench.report.sections.cost.pareto import MANY, Point, within_frame
from mmbench.report.values import titles
from mmbench.report.values.cells import CellRow
from mmbench.report.values.datasets import DatasetReport, Front
from mmbench.report.values.words import count, listing

NAMED = 8
"""Methods that are named below a figure, at most."""
BAND = "#E4EEF6"
NEAR = 5
"""Margins over the best within which a ceiling is in the frame."""
ROOM = {COLUMN: 2, PAGE: 6}
"""Data sets in a figure of all of them, by its width: more would be taller than a page."""
FIRST_COST = "train_seconds"
"""What every method has, the baselines too: the cost of the figure that stands for all."""


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One plot of score against cost. known: cost, score and row of all methods that are drawn; outside: how many lie
    beyond the frame, which is drawn around the combinations."""

    data: DatasetReport
    front: Front
    known: Sequence[Point]
    outside: int
    x: Axis
    y: Axis

    @property
    def steps(self) -> list[Point]:
        """Of the front, cheapest first."""
        return sorted((k for k in self.known if k[2].key in self.front.keys), key=lambda k: k[0])

    @property
    def corners(self) -> list[CellRow]:
        """The best of the front, and for every margin that is given up the cheapest; the best first."""
        scale = self.data.scale
        left = sorted(self.steps, key=lambda k: -scale.oriented(k[1]))
        found: list[CellRow] = [left[0][2]] if left else []
        while left:
            top = scale.oriented(left[0][1])
            group = [k for k in left if scale.oriented(k[1]) >= top - scale.rope - 1e-12]
            cheapest = min(group, key=lambda k: k[0])[2]
            found += [cheapest] if cheapest not in found else []
            left = left[len(group) :]
        return found

    @property
    def named(self) -> list[CellRow]:
        """The corners, and the baseline that is best where no combination is better by more than the margin."""
        scale, best = self.data.scale, self.data.best
        baselines = [k for k in self.known if k[2].method.role == "baseline"]
        top = max(baselines, key=lambda k: scale.oriented(k[1]), default=None)
        score = self.data.row(best).score if best else None
        if top is None or score is None or scale.oriented(top[1]) < scale.oriented(score.mean) - scale.rope:
            return self.corners
        return [*self.corners, top[2]]


def pareto_figure(d: DatasetReport, width: float) -> Figure | None:
    """Score against each cost of one data set."""
    panels = [p for f in d.fronts if (p := _panel(d, f)) is not None]
    return _figure(panels, width, 2) if panels else None


def score_cost_figure(datasets: Sequence[DatasetReport], width: float) -> Figure | None:
    """Score against the time of training, a panel a data set; the first ones where not all have room."""
    panels = [
        p for d in datasets[: ROOM[width]] for f in d.fronts if f.cost == FIRST_COST and (p := _panel(d, f)) is not None
    ]
    if not panels:
        return None
    return _figure(panels, width, 1 if width <= COLUMN else min(3, len(panels)), named=True)


def _panel(d: DatasetReport, front: Front) -> Panel | None:
    def cost_of(row: CellRow) -> float | None:
        value: float | None = getattr(row.cost, front.cost) if row.cost else None
        return value if value and value > 0 else None

    known = [(c, r.score.mean, r) for r in d.rows if r.score and (c := cost_of(r)) is not None]
    if not any(r.method.role == "cell" for *_, r in known):
        return None
    framed = within_frame(known, d.scale)
    x = logarithmic((c for c, *_ in framed), name=lambda v: cost_text(front.cost, v).replace(".0", ""))
    ends = [v for _, _, r in framed if r.score for v in (r.score.low, r.score.high)]
    top = max((s for _, s, _ in framed), key=d.scale.oriented)
    if d.ceiling is not None and abs(d.ceiling - top) <= NEAR * d.scale.rope:
        ends.append(d.ceiling)
    y = scores(ends, floor=d.scale.low, ceiling=d.scale.high)
    inside = [k for k in known if x.low <= k[0] <= x.high and y.low <= k[1] <= y.high]
    return Panel(data=d, front=front, known=inside, outside=len(known) - len(inside), x=x, y=y)


def _figure(panels: Sequence[Panel], width: float, beside: int, *, named: bool = False) -> Figure:
    """named: whether a panel has its data set as its title."""
    beside = min(beside, len(panels))
    below = -(-len(panels) // beside)
    numbers = _numbers(panels)
    columns = (
        1 if width <= COLUMN or max((len(titles.method(r.method)) for _, r in numbers.values()), default=0) > 55 else 2
    )
    lines = -(-(len(numbers)) // columns) + (3 if width <= COLUMN else 1)
    figure = sheet(width, 1.95 * below + 0.14 * lines + 0.1)
    grid = figure.subplots(below, beside, squeeze=False).ravel()
    for axes in grid[len(panels) :]:
        axes.remove()
    for i, (axes, panel) in enumerate(zip(grid, panels, strict=False)):
        _draw(axes, panel, numbers, ticks=4 if beside > 1 else 6)
        scale = panel.data.scale
        if i % beside == 0 or named:
            axes.set_ylabel(f"{scale.label} on {panel.data.name}" if named else scale.label)
        # Ticks have units.
        axes.set_xlabel(panel.front.label.removesuffix(", s").removesuffix(", µs a sample"))
    page_key(figure, _key(panels, numbers, width), columns, handletextpad=0.5)
    return figure


def _numbers(panels: Sequence[Panel]) -> dict[str, tuple[int, CellRow]]:
    """The methods that are named, by key: those at the corners of most panels, in the order of the panels."""
    found: dict[str, list[CellRow]] = {}
    for p in panels:
        for row in p.named:
            found.setdefault(row.key, []).append(row)
    kept = sorted(found, key=lambda key: -len(found[key]))[:NAMED]
    return {key: (i, found[key][0]) for i, key in enumerate((k for k in found if k in kept), 1)}


def _draw(axes: Any, p: Panel, numbers: dict[str, tuple[int, CellRow]], *, ticks: int) -> None:
    d, scale, steps = p.data, p.data.scale, p.steps
    across(axes, p.x, most=ticks)
    upward(axes, p.y)
    best = d.row(d.best) if d.best else None
    if best is not None and best.score is not None and scale.rope > 0:
        axes.axhspan(best.score.mean - scale.rope, best.score.mean + scale.rope, color=BAND, lw=0)
    size = 1.6 if len(p.known) > MANY else 2.8
    others = [k for k in p.known if k[2].key not in p.front.keys]
    for control, style in (
        (False, {"color": GREY, "ms": size, "mew": 0}),
        (True, {"color": MUTED, "mfc": "white", "ms": 3.5}),
    ):
        # All at once: a thousand lines of one point each take a hundred times as long.
        points = [(c, s) for c, s, r in others if (r.method.role != "cell") == control]
        axes.plot([c for c, _ in points], [s for _, s in points], "o", **style)
    axes.step([c for c, *_ in steps], [s for _, s, _ in steps], where="post", color=BEST, lw=0.9, ls="--")
    for c, s, r in steps:
        assert r.score is not None
        axes.plot([c, c], [r.score.low, r.score.high], color=BEST, lw=1)
        axes.plot(c, s, "o", color=BEST, mfc="white" if r.method.role != "cell" else BEST, ms=4)
    if d.ceiling is not None and p.y.low <= d.ceiling <= p.y.high:
        axes.axhline(d.ceiling, color=INK, lw=0.7, ls=":")
    shown = {row.key for row in p.named} & numbers.keys()
    _place_numbers(axes, p, [(c, s, numbers[r.key][0]) for c, s, r in p.known if r.key in shown])


def _place_numbers(axes: Any, p: Panel, points: Sequence[tuple[float, float, int]]) -> None:
    """In a line over the plot, apart from one another, with a leader to the point."""
    figure = axes.get_figure()
    columns = axes.get_gridspec().ncols
    gap = 100 * 1.5 * SMALL / (figure.get_size_inches()[0] * 72 / columns * 0.75)
    places = spread((p.x.at(c) for c, *_ in points), gap=gap)
    for place, (c, s, number) in zip(places, points, strict=True):
        axes.annotate(
            str(number),
            (c, s),
            xytext=(place / 100, 1.03),
            textcoords="axes fraction",
            ha="center",
            va="bottom",
            fontsize=SMALL,
            fontweight="bold",
            color=BEST,
            arrowprops={"arrowstyle": "-", "color": BEST, "lw": 0.4, "shrinkA": 0, "shrinkB": 2},
        )


def _key(panels: Sequence[Panel], numbers: dict[str, tuple[int, CellRow]], width: float) -> list[Any]:
    """First the numbered methods, then what the marks mean, of those that are there."""
    entries: list[Any] = [
        Line2D([], [], ls="", marker=f"${n}$", ms=5, mew=0, color=BEST, label=titles.method(row.method))
        for n, row in numbers.values()
    ]
    entries += [dot(BEST, "best for its cost (front)"), dot(GREY, "other combination", size=2.8)]
    if any(r.method.role != "cell" for p in panels for *_, r in p.known):
        entries.append(dot(MUTED, "control: one modality, baseline", hollow=True, size=3.5))
    if any(p.data.best and p.data.scale.rope > 0 for p in panels):
        words = list(dict.fromkeys(p.data.scale.rope_words for p in panels))
        entries.append(Patch(color=BAND, label=f"best {words[0]}" if len(words) == 1 else "best ± the margin"))
    if any(p.data.ceiling is not None and p.y.low <= p.data.ceiling <= p.y.high for p in panels):
        entries.append(Line2D([], [], color=INK, lw=0.7, ls=":", label="ceiling: the best possible"))
    return entries


def caption(panels_of: Sequence[DatasetReport], what: str, confidence: float, *, replicated: bool) -> str:
    """Of a figure of score against `what`."""
    where = listing([x.name for x in panels_of], most=len(panels_of))
    labels = list(dict.fromkeys(x.scale.label for x in panels_of))
    text = f"Test {labels[0] if len(labels) == 1 else 'score'} against {what} on {where}. "
    if any(not x.scale.higher for x in panels_of):
        text += f"{'Lower is better. ' if len(labels) == 1 else 'Of errors, lower is better. '}"
    text += "Blue: the Pareto front of combinations and single modalities"
    text += f", with {100 * confidence:g} % intervals over seeds" if replicated else ""
    text += (
        "; grey: the other combinations; hollow: controls. Numbers name the best of the front, the cheapest for each "
    )
    text += "margin of score that is given up, and a baseline that is as good. Shaded: within the margin of the best "
    text += "combination."
    known = [p for x in panels_of for f in x.fronts if (p := _panel(x, f)) is not None]
    outside = max((p.outside for p in known), default=0)
    if outside:
        text += f" Up to {count(outside, 'control')} that are far worse or far cheaper lie outside of a frame."
    return text
