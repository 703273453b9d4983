"""Figure of the best cells and the controls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from mmbench.report.draw.axis import Axis
from mmbench.report.draw.palette import BEST, INK, MUTED, NEAR, SMALL
from mmbench.report.draw.sheet import PAGE, across, dot, name_rows, page_key, scores, sheet
from mmbench.report.scores.context import Context
from mmbench.report.values import titles
from mmbench.report.values.cells import CellRow
from mmbench.report.values.datasets import DatasetReport
from mmbench.report.values.words import listing

TOP = 10
ROOM = 1.0
"""A control that is further behind the worst drawn combination than so many times the drawn span is off the axis."""


def top(context: Context, datasets: Sequence[DatasetReport]) -> Figure | None:
    """The best cells of these data sets, each modality alone under its best attention, and the baselines."""
    parts = [d for d in datasets if d.best]
    if not parts:
        return None
    shown = [[r for r in d.cells if r.ranked][:TOP] + _controls(d) for d in parts]
    heights = [len(rows) for rows in shown]
    figure = sheet(PAGE, 0.155 * sum(heights) + 0.5 * len(parts) + 0.35)
    axes = figure.subplots(len(parts), 1, squeeze=False, height_ratios=heights)[:, 0]
    for panel, d, rows in zip(axes, parts, shown, strict=True):
        _panel(panel, d, rows)
    noise = f"; {100 * context.confidence:g} % intervals over seeds" if context.replicated else "; one seed"
    # One line below all where they share a scale, one below each where not.
    shared = len({d.scale.metric for d in parts}) == 1
    for panel, d in zip(axes, parts, strict=True):
        if panel is axes[-1] or not shared:
            way = "" if d.scale.higher else " (lower is better)"
            panel.set_xlabel(f"test {d.scale.label}{way}{noise}")
    page_key(figure, _key(parts, shown), 5)
    return figure


def _panel(panel: Any, d: DatasetReport, rows: list[CellRow]) -> None:
    x = _axis(d, rows)
    across(panel, x)
    for y, row in enumerate(rows):
        assert row.score is not None
        colour, marker, hollow = _mark(row)
        beyond = not x.low <= row.score.mean <= x.high
        if beyond:
            left = row.score.mean < x.low
            side, text = (0.005, "◂ {}") if left else (0.995, "{} ▸")
            panel.annotate(
                text.format(d.scale.number(row.score.mean)), (side, y), xycoords=("axes fraction", "data"),
                va="center", ha="left" if left else "right", fontsize=SMALL, color=MUTED,
            )  # fmt: skip
            continue
        panel.plot([row.score.low, row.score.high], [y, y], color=colour, lw=1.2)
        panel.plot(row.score.mean, y, marker, color=colour, mfc="white" if hollow else colour, ms=4)
    if d.ceiling is not None and x.low <= d.ceiling <= x.high:
        panel.axvline(d.ceiling, color=INK, lw=0.7, ls=":")
    name_rows(panel, [titles.method(r.method) for r in rows], room=0.7)
    panel.set_title(d.name)


def _mark(row: CellRow) -> tuple[str, str, bool]:
    if row.method.role != "cell":
        return MUTED, "o", True
    if row.best:
        return BEST, "D", False
    marks = {"equal": (NEAR, "s", False), "open": (MUTED, "s", True)}
    return marks.get(row.verdict or "", (MUTED, "o", False))


def _axis(d: DatasetReport, rows: list[CellRow]) -> Axis:
    """Around the combinations, and the controls that are not far behind; those that are would flatten all else."""
    cells = [r.score for r in rows if r.score and r.method.role == "cell"]
    values = [v for s in cells for v in (s.low, s.high)]
    worst = min(map(d.scale.oriented, values))
    best = max(map(d.scale.oriented, values))
    reach = worst - ROOM * max(best - worst, 5 * d.scale.rope)
    others = [r.score for r in rows if r.score and r.method.role != "cell"]
    near = [v for s in others if d.scale.oriented(s.mean) >= reach for v in (s.low, s.high)]
    ends = [*values, *near, *([d.ceiling] if d.ceiling is not None and _near(d, best) else [])]
    return scores(ends, floor=d.scale.low, ceiling=d.scale.high)


def _near(d: DatasetReport, best: float) -> bool:
    """Whether the ceiling is within ten margins of the best."""
    assert d.ceiling is not None
    return abs(d.scale.oriented(d.ceiling) - best) <= 10 * d.scale.rope


def _key(parts: list[DatasetReport], shown: list[list[CellRow]]) -> list[Any]:
    rows = [row for part in shown for row in part]
    cells = [r for r in rows if r.method.role == "cell"]
    entries = [dot(BEST, "best", marker="D")]
    if any(r.verdict == "equal" and not r.best for r in cells):
        entries.append(dot(NEAR, "equal within the margin", marker="s"))
    if any(r.verdict == "open" for r in cells):
        entries.append(dot(MUTED, "open", marker="s", hollow=True))
    if any(r.verdict == "worse" for r in cells):
        entries.append(dot(MUTED, "worse"))
    if len(rows) > len(cells):
        entries.append(dot(MUTED, "control", hollow=True))
    if any(d.ceiling is not None for d in parts):
        entries.append(Line2D([], [], color=INK, lw=0.7, ls=":", label="ceiling"))
    return entries


def _controls(d: DatasetReport) -> list[CellRow]:
    """Of the controls with a score, the highest of each modality and each baseline: there may be one an attention."""
    found: dict[str | None, CellRow] = {}
    for row in d.controls:
        if row.score:
            found.setdefault(row.method.modality or row.method.baseline, row)
    return list(found.values())


def caption(context: Context, datasets: Sequence[DatasetReport]) -> str:
    names = listing([d.name for d in datasets], most=len(datasets))
    noise = f" with {100 * context.confidence:g} % intervals over seeds" if context.replicated else " with one seed"
    return (
        f"The best {TOP} combinations on {names} and the controls (each modality alone, and baselines), by test "
        f"score{noise}. Equal: within the margin of the best; open: these seeds do not decide. Controls off the axis "
        "are written at its edge. Dotted: the ceiling, the best score that the data allow, where it is known."
    )
