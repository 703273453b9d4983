"""Where every number comes from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mmbench.report.draw import markdown as md
from mmbench.report.scores.context import Context
from mmbench.report.section import Block, Section, section
from mmbench.report.sections.provenance.page import facts
from mmbench.report.sections.provenance.text import provenance_lines


@section("provenance")
class ProvenanceOfNumbers(Section[Context]):
    """`Context.provenance` in words."""

    title = "Provenance"
    order = 130

    def compute(self, context: Context) -> Context:
        return context

    def view(self, record: Context) -> Mapping[str, Any]:
        return {"provenance": facts(record)}

    def markdown(self, record: Context) -> Iterator[Block]:
        yield "## Provenance"
        yield md.bulleted(provenance_lines(record))
        yield (
            "Every number can be traced to its trials: by the column `trial_ids` of the tables of combinations (CSV), "
            "and in [results.parquet](results.parquet), a row a trial."
        )
