"""Tables and figures of what probes measured: marginal means of levels, methods, contrasts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure

from mmbench.registry import GRID_AXES
from mmbench.report.draw.dots import Dots, levels
from mmbench.report.draw.palette import BEST
from mmbench.report.draw.sheet import PAGE, across, name_rows, scores, sheet
from mmbench.report.draw.table import Column, Table, build, gain_columns, spread_columns
from mmbench.report.draw.words import VERDICTS
from mmbench.report.scores.measured import Compared
from mmbench.report.values import titles
from mmbench.report.values.words import interval
from mmbench.stats.estimates import Difference, Estimate

SHOWN = 20
"""Methods in a table of the page; the CSV has all."""


def _shown(part: Compared, value: Estimate | None) -> str:
    return "–" if value is None else interval(value, part.number.scale)


def _verdict(part: Compared, found: Difference) -> str:
    """Of what is neither good nor bad: which one has more. The subject is the one with more."""
    return "higher" if part.number.neutral and found.verdict == "better" else VERDICTS[found.verdict]


def levels_table(name: str, caption: str, parts: Sequence[Compared]) -> Table | None:
    """A row a level of an axis, a column a number; all on one data set. None where no axis has two levels."""
    found = {(m.factor, m.level): None for part in parts for m in part.levels}
    rows = sorted(found, key=lambda row: GRID_AXES.index(row[0]))
    if not rows:
        return None
    means = [{(m.factor, m.level): m.score for m in part.levels} for part in parts]
    columns: list[Column] = [
        ("axis", lambda row: row[0], False),
        ("level", lambda row: titles.level(*row), False),
        *(
            (part.number.title, lambda row, own=own, part=part: _shown(part, own.get(row)), True)
            for part, own in zip(parts, means, strict=True)
        ),
    ]
    raw = (
        {"dataset": parts[0].dataset, "axis": axis, "level": level}
        | {k: v for part, own in zip(parts, means, strict=True) for k, v in _spread(part, own.get((axis, level)))}
        for axis, level in rows
    )
    return build(name, caption, rows, raw, columns)


def _spread(part: Compared, value: Estimate | None) -> Sequence[tuple[str, Any]]:
    return list(spread_columns(part.number.name, value).items())


def methods_table(name: str, caption: str, parts: Sequence[Compared]) -> Table:
    """A row a method in the order of rank, a column a number; all on one data set."""
    keys = list(dict.fromkeys(m.key for part in parts for m in part.methods))
    roles = {m.key: m.role for part in parts for m in part.methods}
    means = [{m.key: m.value for m in part.methods} for part in parts]
    columns: list[Column] = [
        ("method", titles.titled, False),
        *(
            (part.number.title, lambda key, own=own, part=part: _shown(part, own.get(key)), True)
            for part, own in zip(parts, means, strict=True)
        ),
    ]
    raw = (
        {"dataset": parts[0].dataset, "method": key, "title": titles.titled(key), "role": roles[key]}
        | {k: v for part, own in zip(parts, means, strict=True) for k, v in _spread(part, own.get(key))}
        for key in keys
    )
    return build(name, caption, keys[:SHOWN], raw, columns)


def contrasts_table(name: str, caption: str, parts: Sequence[Compared]) -> Table | None:
    """A row a comparison of two levels, by number; all on one data set."""
    rows = [(part, axis, d) for part in parts for axis, d in part.contrasts]
    if not rows:
        return None
    columns: list[Column] = [
        ("what", lambda x: x[0].number.label, False),
        ("axis", lambda x: x[1], False),
        ("level", lambda x: titles.level(x[1], x[2].subject), False),
        ("against", lambda x: titles.level(x[1], x[2].reference), False),
        ("better by", lambda x: x[0].number.scale.change(x[2].mean), True),
        ("±", lambda x: x[0].number.scale.plus_minus(x[2].half), True),
        ("verdict", lambda x: _verdict(x[0], x[2]), False),
    ]
    raw = (
        {"dataset": part.dataset, "number": part.number.name, "axis": axis, "level": d.subject, "against": d.reference}
        | gain_columns("difference", d)
        for part, axis, d in rows
    )
    return build(name, caption, rows, raw, columns)


def levels_drawn(parts: Sequence[Compared], name: str) -> list[tuple[str, Dots]]:
    """For the page: axis, and its levels' means of the number of this name; of attention and of fusion."""
    own = next((part for part in parts if part.number.name == name), None)
    if own is None:
        return []
    by_axis = {axis: [m for m in own.levels if m.factor == axis] for axis in ("attention", "fusion")}
    return [(axis, levels(axis, means, own.number.scale)) for axis, means in by_axis.items() if means]


def levels_figure(parts: Sequence[Compared]) -> Figure | None:
    """A panel a number, a row a level with its interval; all on one data set."""
    parts = [part for part in parts if part.levels]
    if not parts:
        return None
    axes = [axis for axis in GRID_AXES if any(m.factor == axis for part in parts for m in part.levels)]
    rows = [(axis, lv) for axis in axes for lv in dict.fromkeys(m.level for m in parts[0].levels if m.factor == axis)]
    figure = sheet(PAGE, 0.17 * len(rows) + 0.7)
    panels = figure.subplots(1, len(parts), squeeze=False)[0]
    for i, (panel, part) in enumerate(zip(panels, parts, strict=True)):
        means = {(m.factor, m.level): m.score for m in part.levels}
        across(panel, scores([v for m in means.values() for v in (m.low, m.high)], wanted=4), most=4)
        for y, row in enumerate(rows):
            if row in means:
                panel.plot([means[row].low, means[row].high], [y, y], color=BEST, lw=1.2)
                panel.plot(means[row].mean, y, "o", color=BEST, ms=3.5)
        for border in (j - 0.5 for j in range(1, len(rows)) if rows[j][0] != rows[j - 1][0]):
            panel.axhline(border, color="0.8", lw=0.6)
        name_rows(panel, [titles.level(*row) if i == 0 else "" for row in rows])
        panel.set_title(part.number.title, fontsize="small")
    return figure
