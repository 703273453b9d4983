"""What attention weights show, by mechanism, beside integrated gradients of the same models."""

from __future__ import annotations

from matplotlib.figure import Figure

from mmbench.report.draw.palette import BEST, MUTED, WARNING
from mmbench.report.draw.sheet import PAGE, across, dot, key_above, name_rows, scores, sheet
from mmbench.report.sections.interpretation.record import Interpretation
from mmbench.report.values import titles


def by_mechanism(part: Interpretation) -> Figure | None:
    """A row a mechanism, a mark a method of relevance; a line where a guess is."""
    if not part.compared:
        return None
    first = part.compared[0].number
    parts = [c for c in part.compared if c.number.name.split("_")[0] == first.name.split("_")[0]]
    means = [{m.level: m.score for m in c.levels if m.factor == "attention"} for c in parts]
    rows = list(dict.fromkeys(level for own in means for level in own))
    if len(rows) < 2:
        return None
    turned = means[0] or means[-1]
    rows.sort(key=lambda level: -turned[level].mean if level in turned else float("inf"))
    figure = sheet(PAGE, 0.2 * len(rows) + 0.7)
    panel = figure.subplots()
    across(panel, scores([v for own in means for m in own.values() for v in (m.low, m.high)]))
    for i, (own, colour) in enumerate(zip(means, (BEST, WARNING), strict=False)):
        shift = 0.12 * (2 * i - 1) if len(means) > 1 else 0.0
        for y, level in enumerate(rows):
            if level in own:
                panel.plot([own[level].low, own[level].high], [y + shift, y + shift], color=colour, lw=1.2)
                panel.plot(own[level].mean, y + shift, "os"[i], color=colour, ms=3.5)
    if first.guess is not None:
        panel.axvline(first.guess, color=MUTED, lw=0.8, ls=":")
    name_rows(panel, [titles.level("attention", level) for level in rows])
    marks = [dot(c, p.number.label, marker=m) for p, c, m in zip(parts, (BEST, WARNING), "os", strict=False)]
    key_above(panel, len(marks), marks)
    panel.set_xlabel(first.label.split(" of ")[0])
    return figure
