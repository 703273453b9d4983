"""Figures as SVG and PDF: the same bytes for the same analysis. The page draws its own."""

from __future__ import annotations

import io
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
from matplotlib.backends.backend_pdf import FigureCanvasPdf
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from mmbench.report.draw.palette import STYLE


def _svg(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    FigureCanvasSVG(figure).print_svg(buffer, metadata={"Date": None, "Creator": None})
    return buffer.getvalue()


def _pdf(figure: Figure) -> bytes:
    """Without a date; TrueType fonts embedded, as publishers ask."""
    buffer = io.BytesIO()
    FigureCanvasPdf(figure).print_pdf(buffer, metadata={"CreationDate": None, "Creator": None, "Producer": None})
    return buffer.getvalue()


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """One figure as files. svg: empty where it is only for papers."""

    name: str
    svg: bytes
    pdf: bytes


ROW, HEAD = 0.19, 0.55
"""Inches of a row, and of a panel's title and axis."""


def panel_heights(rows: Sequence[int]) -> tuple[float, list[float]]:
    """Inches of a figure with a panel for each of these numbers of rows, and the panels' ratios."""
    return sum(ROW * n + HEAD for n in rows), [n + 1.5 for n in rows]


def draw(name: str, figure: Figure, *, svg_too: bool = True) -> Drawn:
    """The files of a figure, to be called within `style`."""
    svg = b""
    if svg_too:
        svg = _svg(figure)
        # Both files are laid out alike, and the layout takes a third of the time.
        figure.set_layout_engine("none")
    return Drawn(name=name, svg=svg, pdf=_pdf(figure))


def style() -> AbstractContextManager[Any]:
    """Within it, figures are created and drawn in the report's colours and type."""
    context: AbstractContextManager[Any] = mpl.rc_context(STYLE)
    return context
