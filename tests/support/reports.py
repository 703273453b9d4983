"""Reports as tests ask about them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from mmbench.report.pages.report import Part, Report
from mmbench.report.sections.answer.record import DatasetAnswer


def with_values(report: Report, **values: Any) -> Report:
    """The report of a context in which these computed values are others."""
    context = replace(report.context)
    vars(context).update(values)
    return replace(report, context=context, parts=tuple(Part(part.section, context) for part in report.parts))


def answer(report: Report, dataset: str) -> DatasetAnswer:
    """What the first section says about a data set."""
    names = [d.name for d in report.context.datasets]
    found: DatasetAnswer = report["answer"].datasets[names.index(dataset)]
    return found
