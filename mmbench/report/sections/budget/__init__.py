"""How long models were trained, and whether that was long enough."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from mmbench.report.draw.table import Table
from mmbench.report.scores.caveats import Caveat
from mmbench.report.scores.context import Context
from mmbench.report.section import Block, Section, ShowTable, section
from mmbench.report.sections.budget.compute import sentence_of
from mmbench.report.sections.budget.tables import rungs_table


@section("budget")
class BudgetSection(Section[Context]):
    """The budget of each data set, what it was found from, and how many trials were still learning at its end."""

    title = "Budget"
    order = 88
    places: ClassVar[Mapping[str, float]] = {"tables": 880}

    def compute(self, context: Context) -> Context | None:
        return context if context.training else None

    def tables(self, record: Context) -> Iterator[Table]:
        yield from rungs_table(record)

    def view(self, record: Context) -> Mapping[str, Any]:
        sentences = [sentence_of(budget) for budget in record.training]
        return {"heading": heading(record), "sentences": sentences, "found": list(self.tables(record))}

    def markdown(self, record: Context) -> Iterator[Block]:
        yield f"## {heading(record)}"
        yield "\n".join(f"- {sentence_of(budget)}" for budget in record.training)
        yield ShowTable(name="budget")

    def caveats(self, record: Context) -> Iterator[Caveat]:
        for name, why in record.short.items():
            yield Caveat(text=f"On {name}, models were trained too briefly to rank anything: {why}.", order=5)


def heading(context: Context) -> str:
    short = list(context.short)
    if not short:
        return f"How long the models {'were' if any(t.trained for t in context.training) else 'are'} trained"
    every = len(short) == len(context.training)
    return f"The models were trained too briefly{'' if every else ' on ' + ', '.join(short)}"
