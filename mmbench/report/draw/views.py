"""Parts of the page that belong to one data set, or to all of them together."""

from __future__ import annotations

from dataclasses import dataclass

from mmbench.report.draw.words import plural
from mmbench.report.scores.context import Context
from mmbench.report.values.datasets import DatasetReport
from mmbench.report.values.overall import Overall
from mmbench.report.values.scale import Scale


@dataclass(frozen=True, kw_only=True)
class Name:
    """Where a figure belongs: the data set's name (or "all") and how a caption says it."""

    name: str
    title: str
    scale: Scale


ALL = "all"
"""Name of the view of all data sets together."""

LABEL_GAP = 6.0
"""Height of a label at a curve's end, in per cent of the plot."""


@dataclass(frozen=True, kw_only=True)
class View:
    """One data set, or all of them together: what the switch switches between. subtitle: what the data set is,
    in a few words; nothing of several. note: on its scale, or nothing."""

    name: str
    label: str
    subtitle: str
    title: str
    finding: str
    scale: Scale
    note: str
    report: DatasetReport | Overall


def views(context: Context) -> list[View]:
    """In the order of the switch."""
    made = [
        View(
            name=d.name,
            label=d.name,
            subtitle=d.subtitle,
            title=d.name,
            finding=d.finding,
            scale=d.scale,
            note="" if d.scale.higher else "Lower is better, and the colours run from worst to best.",
            report=d,
        )
        for d in context.datasets
    ]
    overall = context.overall
    if overall is None or not context.has_all:
        return made
    whole = View(
        name=ALL,
        label="All data sets",
        subtitle="",
        title=f"Mean {'rank ' if overall.scale.is_ranks else ''}over {plural(len(overall.datasets), 'data set')}",
        finding=overall.finding,
        scale=overall.scale,
        note=f"Ranks are compared, not scores: {overall.why_ranks}." if overall.why_ranks else "",
        report=overall,
    )
    # The first is what a reader sees first: while no cell is complete everywhere, that is a data set.
    return [whole, *made] if overall.best is not None else [*made, whole]
