"""What the figures share: the widths that papers have, ticks at round numbers, names of rows, keys beside the plot."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

from mmbench.report.draw.axis import Axis, linear, round_step, spread
from mmbench.report.draw.palette import SMALL

COLUMN, PAGE, TALL = 3.25, 6.75, 6.4
"""Inches: the width of one column and of two, and the height of a page less a caption, of the usual classes."""


def sheet(width: float, height: float) -> Figure:
    return Figure(figsize=(width, height), layout="constrained")


def fits(figure: Figure) -> bool:
    """Whether it goes into a column or across a page of a paper."""
    width, height = figure.get_size_inches()
    return width in (COLUMN, PAGE) and height <= TALL


def scores(values: Sequence[float], *, wanted: int = 5, **limits: Any) -> Axis:
    """An axis around the values with at least two ticks. limits: as of `linear`."""
    axis = linear(values, wanted=wanted, **limits)
    while len(axis.ticks) < 2:
        wanted += 1
        axis = linear(values, wanted=wanted, **limits)
    return axis


def whole_numbers(low: int, high: int, wanted: int = 5) -> list[int]:
    """Ticks at whole numbers only: of epochs, steps and ranks nothing lies between."""
    step = max(1, round(round_step(max(high - low, 1), wanted)))
    found = [n for n in range(low, high + 1) if n % step == 0]
    return found if len(found) > 1 else list(dict.fromkeys([low, high]))


def across(axes: Any, axis: Axis, most: int = 6) -> None:
    """Limits, scale and ticks from left to right."""
    if axis.log:
        axes.set_xscale("log")
    _ticks(axes.xaxis, axis, most)
    axes.set_xlim(axis.low, axis.high)


def upward(axes: Any, axis: Axis, most: int = 6) -> None:
    """The same from the bottom to the top."""
    if axis.log:
        axes.set_yscale("log")
    _ticks(axes.yaxis, axis, most)
    axes.set_ylim(axis.low, axis.high)


def _ticks(side: Any, axis: Axis, most: int) -> None:
    kept = axis.ticks[:: -(-len(axis.ticks) // most)]
    side.set_major_locator(FixedLocator([t.value for t in kept]))
    side.set_major_formatter(FixedFormatter([t.label for t in kept]))
    side.set_minor_locator(NullLocator())


def name_rows(axes: Any, names: Sequence[str], *, room: float = 0.5) -> None:
    """A row a name, the first at the top. room: in rows, above the first and below the last."""
    axes.set(yticks=range(len(names)), ylim=(len(names) - 1 + room, -room))
    axes.set_yticklabels(list(names))
    axes.tick_params(axis="y", length=0)


def name_columns(axes: Any, names: Sequence[str], *, letters: int) -> None:
    """Names below columns: broken after so many letters, upright where a word is longer than that."""
    axes.set_xticks(range(len(names)))
    if max((len(word) for name in names for word in name.split()), default=0) <= letters:
        axes.set_xticklabels(["\n".join(textwrap.wrap(name, letters)) for name in names])
    else:
        axes.set_xticklabels(list(names), rotation=90)


def key_above(axes: Any, columns: int, handles: Sequence[Any] | None = None) -> None:
    """A key over the plot, in place of its title, where it covers nothing."""
    tight = {"handlelength": 1.6, "columnspacing": 1.0, "handletextpad": 0.4, "labelspacing": 0.25, "borderpad": 0.1}
    known = {} if handles is None else {"handles": list(handles)}
    axes.legend(loc="lower left", bbox_to_anchor=(-0.02, 1.0), ncols=columns, fontsize=SMALL, **tight, **known)


def label_ends(axes: Any, ends: Sequence[tuple[float, str, str]], axis: Axis) -> None:
    """Names beside the ends of lines, none on another. ends: value, name and colour; axis: from the bottom to the
    top."""
    height = axes.get_figure(root=True).get_size_inches()[1] * axes.get_position().height * 72
    places = spread((axis.at(value) for value, *_ in ends), gap=100 * 1.25 * SMALL / height)
    for place, (_, name, colour) in zip(places, ends, strict=True):
        axes.annotate(
            name, (1.02, place / 100), xycoords="axes fraction", color=colour, fontsize=SMALL, va="center", ha="left"
        )


def page_key(figure: Figure, handles: Sequence[Any], columns: int, **style: Any) -> None:
    """A key for all panels, below them."""
    tight = {"handlelength": 1.5, "columnspacing": 1.4, "labelspacing": 0.3, "borderpad": 0.1, "fontsize": SMALL}
    figure.legend(handles=list(handles), loc="outside lower center", ncols=columns, **(tight | style))


def dot(colour: str, label: str, *, hollow: bool = False, marker: str = "o", size: float = 4) -> Line2D:
    """An entry of a key."""
    face = "white" if hollow else colour
    return Line2D([], [], color=colour, marker=marker, mfc=face, ms=size, ls="", label=label)
