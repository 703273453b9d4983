"""Whether verdicts would be the same on other test samples of the same kind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from mmbench.report.draw import markdown as md
from mmbench.report.draw.table import Table
from mmbench.report.scores.context import Context
from mmbench.report.section import Block, Section, ShowTable, section
from mmbench.report.sections.samples.compute import DatasetSamples, find_samples
from mmbench.report.sections.samples.tables import verdicts_table


@section("samples")
class SamplesSection(Section[tuple[DatasetSamples, ...]]):
    """What the draw of the test split adds to intervals over seeds, for every contrast, combination and control."""

    title = "Test samples"
    order = 89.5
    places: ClassVar[Mapping[str, float]] = {"tables": 895}

    def compute(self, context: Context) -> tuple[DatasetSamples, ...] | None:
        return find_samples(context)

    def tables(self, record: tuple[DatasetSamples, ...]) -> Iterator[Table]:
        for part in record:
            yield verdicts_table(part)

    def view(self, record: tuple[DatasetSamples, ...]) -> Mapping[str, Any]:
        parts = [{"name": d.name, "sentences": d.sentences, "table": verdicts_table(d)} for d in record]
        return {"parts_of_datasets": parts}

    def markdown(self, record: tuple[DatasetSamples, ...]) -> Iterator[Block]:
        yield "## On other test samples"
        for part in record:
            yield f"### {md.escape(part.name)}"
            yield md.bulleted(part.sentences)
            yield ShowTable(name=verdicts_table(part).name)
