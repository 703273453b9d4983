"""What became of the declared trials."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from mmbench.report.draw import words
from mmbench.report.draw.table import Table
from mmbench.report.scores.context import Context
from mmbench.report.section import Block, Section, ShowTable, section
from mmbench.report.sections.coverage.tables import coverage
from mmbench.report.values.coverage import Counts

PROBLEMS = 200
"""Failures listed in the page; the CSV file has them all."""


@section("coverage")
class Coverage(Section[Context]):
    """Trials by state, and the messages of those without a score."""

    title = "Coverage"
    order = 20
    places: ClassVar[Mapping[str, float]] = {"tables": 900, "metrics": 5}

    def compute(self, context: Context) -> Context:
        return context

    def tables(self, record: Context) -> Iterator[Table]:
        yield from coverage(record)

    def view(self, record: Context) -> Mapping[str, Any]:
        return {
            "a": record,
            "heading": heading(record.total),
            "beside": beside(record),
            "causes": words.CAUSES,
            "problems": record.problems[:PROBLEMS],
        }

    def markdown(self, record: Context) -> Iterator[Block]:
        yield "## Coverage"
        yield ShowTable(name="coverage")
        yield ShowTable(name="problems")

    def metrics(self, record: Context) -> Mapping[str, Any]:
        total = record.total
        return {"done": total.done, "failed": total.bad, "pending": total.pending}


def heading(total: Counts) -> str:
    """How many trials are done, and what became of the others."""
    if total.done == total.declared:
        return f"All {total.declared:,} declared trials are done"
    gaps = [(total.bad, "failed"), (total.pending, "not run"), (total.skipped, "skipped")]
    others = ", ".join(f"{n:,} {what}" for n, what in gaps if n)
    return f"{total.done:,} of {total.declared:,} declared trials are done: {others}"


def beside(context: Context) -> str:
    """Trials that are not counted here, which the ledger and MLflow have too; nothing where there are none."""
    ladder = len(context.plan.ladder)
    searched = sum(r.seeds for t in context.training if t.budget is not None for r in t.budget.rungs)
    parts = [f"{ladder:,} under other budgets"] if ladder else []
    parts += [f"up to {searched:,} of the search for the budget"] if searched else []
    return f"Not counted here: {' and '.join(parts)}." if parts else ""
