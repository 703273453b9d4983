"""Whether verdicts last when training is longer, and who learns in fewer steps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from mmbench.report.draw import markdown as md
from mmbench.report.draw.table import Table
from mmbench.report.scores.context import Context
from mmbench.report.section import Block, Section, ShowTable, section
from mmbench.report.sections.ladder.compute import DatasetLadder, find_ladders
from mmbench.report.sections.ladder.sentences import sentences
from mmbench.report.sections.ladder.tables import tables


@section("ladder")
class LadderSection(Section[tuple[DatasetLadder, ...]]):
    """Levels, contrasts and the order of combinations under shorter and longer budgets."""

    title = "Budget ladder"
    order = 89
    places: ClassVar[Mapping[str, float]] = {"tables": 890}

    def compute(self, context: Context) -> tuple[DatasetLadder, ...] | None:
        return find_ladders(context)

    def tables(self, record: tuple[DatasetLadder, ...]) -> Iterator[Table]:
        for part in record:
            yield from tables(part)

    def view(self, record: tuple[DatasetLadder, ...]) -> Mapping[str, Any]:
        parts = [{"name": d.name, "sentences": list(sentences(d)), "tables": list(tables(d))} for d in record]
        return {"parts_of_datasets": parts}

    def markdown(self, record: tuple[DatasetLadder, ...]) -> Iterator[Block]:
        yield "## Do the verdicts last?"
        for part in record:
            yield f"### {md.escape(part.name)}"
            yield "\n".join(f"- {md.escape(text)}" for text in sentences(part))
            for table in tables(part):
                yield ShowTable(name=table.name)
