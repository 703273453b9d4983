"""What each choice is worth, for papers."""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from mmbench.report.draw.palette import BEST, MUTED, NEAR, SMALL
from mmbench.report.draw.sheet import COLUMN, across, dot, name_rows, page_key, scores, sheet
from mmbench.report.draw.words import difference
from mmbench.report.scores.choices import Choice
from mmbench.report.scores.context import Context
from mmbench.report.sections.first.record import Screen
from mmbench.report.values import titles
from mmbench.report.values.words import count

MARKS = {"better": ("o", BEST, False), "worse": ("o", BEST, False), "equal": ("s", NEAR, False)}
"""Marker and colour of a verdict, and whether the marker is hollow; so that they differ without colour, too."""
OPEN = ("o", MUTED, True)
GREY = "#E6E8EB"


def contrasts_figure(screen: Screen, context: Context, width: float) -> Figure | None:
    """A row a contrast: its interval, a tick for each data set, the margin in grey; the numbers at the right."""
    rows = [(axis, c) for axis, choices in screen.shown for c in choices]
    if not rows:
        return None
    narrow = width <= COLUMN
    figure = sheet(width, (0.3 if narrow else 0.22) * len(rows) + (0.95 if narrow else 0.8))
    axes = figure.subplots()
    unit, rope = _unit(screen), screen.scale.rope
    values = [unit * v for _, c in rows for v in (c.found.low, c.found.high, *(d.mean for d in c.each.values()))]
    across(axes, scores([*values, -unit * rope, unit * rope, 0.0]), most=5)
    if rope > 0:
        axes.axvspan(-unit * rope, unit * rope, color=GREY, lw=0)
    axes.axvline(0, color=MUTED, lw=0.8)
    for y, (_, c) in enumerate(rows):
        _row(axes, y, c, unit)
        label = difference(c.found, screen.scale)
        axes.annotate(label, (1.01, y), xycoords=("axes fraction", "data"), va="center", fontsize=SMALL)
        if y and rows[y - 1][0] != rows[y][0]:
            axes.axhline(y - 0.5, color=GREY, lw=0.8)
    name_rows(axes, [_name(c, screen, narrow=narrow) for _, c in rows])
    axes.tick_params(axis="y", labelsize=SMALL if narrow else None)
    axes.set_xlabel(f"difference in {screen.scale.label}, {screen.scale.gains_in}")
    page_key(figure, _key(screen, rows, rope), 2 if narrow else 5, handletextpad=0.4)
    return figure


def _unit(screen: Screen) -> float:
    return 100.0 if screen.scale.unit == "points" else 1.0


def _row(axes: Any, y: int, c: Choice, unit: float) -> None:
    d = c.found
    marker, colour, hollow = MARKS.get(d.verdict, OPEN) if d.half is not None else OPEN
    axes.plot([unit * d.low, unit * d.high], [y, y], color=colour, lw=1.6)
    if len(c.each) > 1:
        axes.plot([unit * x.mean for x in c.each.values()], [y] * len(c.each), "|", color=MUTED, ms=6, mew=0.8)
    axes.plot(unit * d.mean, y, marker, color=colour, ms=4, mfc="white" if hollow else colour)


def _name(c: Choice, screen: Screen, *, narrow: bool) -> str:
    """`hybrid − shared weights`; on two lines where there is little room, and with the settings where not in all."""
    subject, reference = (titles.level(c.axis, x) for x in (c.found.subject, c.found.reference))
    given = ""
    if c.given and screen.depends is not None:
        base = screen.depends.base.axis
        given = f"{' / '.join(titles.level(base, x, short=True) for x in c.given)}: "
    if not narrow:
        return f"{given}{subject} − {reference}"
    return f"{given}{subject}\n− {reference}"


def _key(screen: Screen, rows: list[tuple[str, Choice]], rope: float) -> list[Any]:
    """What its marks mean, of those that are there."""
    found = {c.found.verdict if c.found.half is not None else "open" for _, c in rows}
    said = {"better": "better", "equal": f"equal within {screen.scale.rope_words.removeprefix('±')}", "open": "open"}
    entries: list[Any] = []
    for verdict, label in said.items():
        if verdict in found:
            marker, colour, hollow = MARKS.get(verdict, OPEN)
            entries.append(dot(colour, label, hollow=hollow, marker=marker))
    if rope > 0:
        entries.append(Patch(color=GREY, label="margin"))
    if any(len(c.each) > 1 for _, c in rows):
        entries.append(Line2D([], [], color=MUTED, marker="|", ls="", ms=6, label="one data set"))
    return entries


def contrasts_caption(screen: Screen, context: Context) -> str:
    """What the figure shows, in full sentences."""
    d = context.datasets
    where = f"on {screen.name}" if screen.name is not None else f"mean over {count(len(d), 'data set')}"
    if screen.name is None and len(d) == 1:
        where = f"on {d[0].name}"
    text = (
        f"What each choice is worth: difference in test {screen.scale.label} between two levels of an axis, all else "
    )
    text += f"equal, {where}."
    if context.replicated:
        text += f" Bars are {100 * context.confidence:g} % intervals over seeds ({context.seeds_told} a combination)."
    else:
        text += " One seed, so there are no intervals."
    if screen.name is None and len(d) > 1:
        text += " Short vertical lines: each data set by itself."
    if screen.scale.rope > 0:
        text += f" Grey: the margin of {screen.scale.rope_words}; a difference whose whole interval lies inside it "
        text += "counts as equal."
    return text
