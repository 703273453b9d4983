"""What tuning changed: the same number of configurations for every method."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from mmbench.report.draw import markdown as md
from mmbench.report.draw.table import Table
from mmbench.report.scores.context import Context
from mmbench.report.section import Block, Section, ShowTable, section
from mmbench.report.sections.tuning.compute import find_tuning
from mmbench.report.sections.tuning.record import DatasetTuning
from mmbench.report.sections.tuning.sentences import sentences
from mmbench.report.sections.tuning.tables import tables


@section("tuning")
class TuningSection(Section[tuple[DatasetTuning, ...]]):
    """Default, tuned and ensemble, by method; what fewer configurations would have found; tunability by level."""

    title = "Tuning"
    order = 87
    places: ClassVar[Mapping[str, float]] = {"tables": 870}

    def compute(self, context: Context) -> tuple[DatasetTuning, ...] | None:
        return find_tuning(context)

    def tables(self, record: tuple[DatasetTuning, ...]) -> Iterator[Table]:
        for part in record:
            yield from tables(part)

    def view(self, record: tuple[DatasetTuning, ...]) -> Mapping[str, Any]:
        parts = [{"name": d.name, "sentences": list(sentences(d)), "tables": list(tables(d))} for d in record]
        return {"parts_of_datasets": parts}

    def markdown(self, record: tuple[DatasetTuning, ...]) -> Iterator[Block]:
        yield f"## {self.title}"
        for part in record:
            yield f"### {md.escape(part.name)}"
            yield "\n".join(f"- {md.escape(text)}" for text in sentences(part))
            for table in tables(part):
                yield ShowTable(name=table.name)
