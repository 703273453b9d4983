"""How alike errors are, as a heat map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from mmbench.report.draw.palette import INK, LEAST, SEQUENTIAL
from mmbench.report.draw.sheet import PAGE, name_rows, sheet
from mmbench.report.sections.agreement.compute import DatasetAgreement
from mmbench.report.values import titles
from mmbench.report.values.methods import Method

STEPS = 9
DARK = 0.55
"""Of the colours' range: from there on what stands inside is white."""


@dataclass(frozen=True, kw_only=True)
class Square:
    """A cell on the page. css: its colour; tip: what a hover says."""

    css: str
    text: str
    tip: str


def scale_ends(d: DatasetAgreement) -> tuple[float, float]:
    """Where the colours begin and end."""
    known = [x for row in d.found.same for x in row if x is not None]
    low, high = min(known, default=0.0), max(known, default=1.0)
    return low, max(high, low + 1e-9)


def squares(d: DatasetAgreement, methods: Sequence[Method]) -> list[tuple[str, str, list[Square | None]]]:
    """A row a combination: short and long name, and cells up to the diagonal. methods: those of the rows."""
    low, high = scale_ends(d)
    names = [titles.titled(m) for m in d.found.methods]
    rows = []
    for i, name in enumerate(names):
        cells: list[Square | None] = []
        for j, value in enumerate(d.found.same[i]):
            if j > i or value is None:
                cells.append(None)
                continue
            step = min(STEPS - 1, int(STEPS * (value - low) / (high - low)))
            other = "another training of it" if i == j else names[j]
            text = short(value)
            cells.append(Square(css=f"q{step}", text=text, tip=f"{name} and {other}: {text}"))
        rows.append((titles.method(methods[i], short=True), name, cells))
    return rows


def short(value: float) -> str:
    """`.62`, `1.00`."""
    text = f"{value:.2f}".replace("-", "−")
    return text.replace("0.", ".", 1) if abs(value) < 0.995 else text


def heat_map(d: DatasetAgreement, methods: Sequence[Method]) -> Figure:
    """methods: those of the rows."""
    count = len(methods)
    values = np.array([[np.nan if x is None else x for x in row] for row in d.found.same], float)
    shown = np.where(np.tril(np.ones((count, count), bool)), values, np.nan)
    low, high = scale_ends(d)
    figure = sheet(PAGE, 0.26 * count + 0.6)
    panel = figure.subplots()
    panel.imshow(shown, cmap=SEQUENTIAL, vmin=low, vmax=high, aspect="auto")
    for i in range(count):
        for j in range(i + 1):
            if not np.isnan(shown[i, j]):
                ink = "white" if (shown[i, j] - low) / (high - low) > DARK else INK
                panel.text(j, i, short(float(shown[i, j])), ha="center", va="center", fontsize=LEAST, color=ink)
    name_rows(panel, [f"{titles.method(m, short=True)}  {i + 1}" for i, m in enumerate(methods)])
    panel.set_xticks(range(count), [str(i + 1) for i in range(count)])
    panel.tick_params(axis="x", length=0)
    for side in panel.spines.values():
        side.set_visible(False)
    return figure
