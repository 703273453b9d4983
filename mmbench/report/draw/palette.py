"""Colours and type of the figures for papers."""

from __future__ import annotations

from matplotlib.colors import LinearSegmentedColormap

INK, MUTED, LINE, BEST, NEAR, WARNING = "#15181D", "#5B626B", "#E1E4E8", "#0A70C2", "#29A3A3", "#A33B00"
COLOURS = ("#0A70C2", "#A33B00", "#29A3A3", "#5B1F66", "#99850A", "#1F1F1F")
DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1)), (0, (3, 1)))
SEQUENTIAL = LinearSegmentedColormap.from_list(
    "mmbench",
    ["#F3F6F2", "#C3DFD6", "#98C7C4", "#74AEBA", "#4796B5", "#3279A3", "#245C91", "#1A4075", "#10254F"],
)
TEXT, SMALL, LEAST = 8, 7, 6.5
"""Points of text, of ticks and keys, and of what stands inside of cells: nothing is smaller."""
PALE, GREY = "#D9DDE1", "#9AA3AD"
"""Of what is drawn behind the rest, and of what has no name there."""
STYLE = {
    "figure.dpi": 72,  # a point is a pixel, whoever imported matplotlib before
    "svg.hashsalt": "mmbench",
    "pdf.fonttype": 42,
    "svg.fonttype": "path",
    "font.family": "DejaVu Sans",
    "font.size": TEXT,
    "axes.titlesize": TEXT,
    "axes.labelsize": TEXT,
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
    "legend.fontsize": SMALL,
    "axes.edgecolor": LINE,
    "axes.labelcolor": MUTED,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": INK,
    "legend.frameon": False,
}
