"""Reliability diagrams: for the page as paths, for papers as a figure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from mmbench.report.draw.axis import Axis, Tick
from mmbench.report.draw.palette import BEST, GREY, MUTED
from mmbench.report.draw.sheet import PAGE, across, key_above, sheet, upward
from mmbench.report.sections.calibration.compute import Bin, DatasetCalibration
from mmbench.report.values import titles

LEAST = 10
"""Samples of a bin that is drawn: of fewer the share that is right says nothing."""
WHOLE = Axis(
    low=0.0, high=1.0, ticks=tuple(Tick(at=100 * v, value=v, label=f"{v:g}") for v in (0.0, 0.25, 0.5, 0.75, 1.0))
)


@dataclass(frozen=True, kw_only=True)
class Diagram:
    """One method on the page. before, after: paths; spoken: what a reader hears."""

    name: str
    what: str
    axis: Axis
    before: str
    after: str
    spoken: str


def drawn(bins: Sequence[Bin]) -> list[Bin]:
    return [b for b in bins if b.samples >= LEAST]


def _path(bins: Sequence[Bin]) -> str:
    return "".join(
        f"{'L' if i else 'M'}{WHOLE.at(b.confidence):g} {100 - WHOLE.at(b.accuracy):g}"
        for i, b in enumerate(drawn(bins))
    )


def diagrams(d: DatasetCalibration) -> list[Diagram]:
    return [
        Diagram(
            name=titles.titled(r.key),
            what=r.what,
            axis=WHOLE,
            before=_path(r.before),
            after=_path(r.after),
            spoken="; ".join(f"confidence {b.confidence:.2f}, right {b.accuracy:.2f}" for b in drawn(r.before)),
        )
        for r in d.shown
        if drawn(r.before)
    ]


def undrawn(d: DatasetCalibration) -> list[str]:
    """Methods that would be shown if a bin of theirs held enough samples."""
    return [r.what for r in d.shown if not drawn(r.before)]


def reliability_figure(d: DatasetCalibration) -> Figure | None:
    """A panel a method: the share that is right against confidence. None where no bin is drawn."""
    methods = [r for r in d.shown if drawn(r.before)]
    if not methods:
        return None
    figure = sheet(PAGE, 2.7)
    panels = figure.subplots(1, len(methods), squeeze=False)[0]
    for i, (panel, r) in enumerate(zip(panels, methods, strict=True)):
        panel.plot([0, 1], [0, 1], color=GREY, lw=0.8, ls=":")
        for bins, colour, style, label in ((r.before, MUTED, "--", "as trained"), (r.after, BEST, "-", "scaled")):
            shown = drawn(bins)
            x, y = [b.confidence for b in shown], [b.accuracy for b in shown]
            panel.plot(x, y, color=colour, ls=style, marker="o", ms=2.5, lw=1.2, label=label)
        across(panel, WHOLE)
        upward(panel, WHOLE)
        panel.set_xlabel(f"confidence, {r.what}")
        if i == 0:
            panel.set_ylabel("share right")
            key_above(panel, 2)
    return figure
