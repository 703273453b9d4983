"""Whether combinations err on the same samples, and what several of them do together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from mmbench.report.draw import markdown as md
from mmbench.report.draw.table import Table
from mmbench.report.scores.context import Context
from mmbench.report.section import Block, Drawing, Section, ShowFigure, ShowTable, section
from mmbench.report.sections.agreement.compute import DatasetAgreement, find_agreements
from mmbench.report.sections.agreement.figures import heat_map, squares
from mmbench.report.sections.agreement.sentences import finding, sentences
from mmbench.report.sections.agreement.tables import tables
from mmbench.report.values.methods import Method


@dataclass(frozen=True, kw_only=True)
class Record:
    """methods: by key."""

    datasets: tuple[DatasetAgreement, ...]
    methods: Mapping[str, Method] = field(compare=False)


@section("agreement")
class AgreementSection(Section[Record]):
    """Error overlap of the best combinations, the ensemble of three, and McNemar's test, from kept outputs."""

    title = "Agreement of errors"
    order = 86.8
    places: ClassVar[Mapping[str, float]] = {"tables": 868, "figures": 868}

    def compute(self, context: Context) -> Record | None:
        found = find_agreements(context)
        return None if found is None else Record(datasets=found, methods=context.methods)

    def tables(self, record: Record) -> Iterator[Table]:
        for part in record.datasets:
            yield from tables(part)

    def figures(self, record: Record) -> Iterator[Drawing]:
        for part in record.datasets:
            if part.between is not None:
                figure = heat_map(part, _methods(record, part))
                name = f"agreement_{part.name}"
                yield Drawing(name=name, figure=figure, dataset=part.name, caption=_caption(part), use="both")

    def view(self, record: Record) -> Mapping[str, Any]:
        parts = [
            {
                "name": d.name,
                "sentences": list(sentences(d)),
                "rows": squares(d, _methods(record, d)) if d.between is not None else [],
                "caption": _caption(d),
                "tables": [t for t in tables(d) if t.name.startswith("mcnemar_")],
            }
            for d in record.datasets
        ]
        return {"parts_of_datasets": parts, "finding": finding(record.datasets)}

    def markdown(self, record: Record) -> Iterator[Block]:
        yield f"## {md.escape(finding(record.datasets))}"
        for part in record.datasets:
            yield f"### {md.escape(part.name)}"
            yield md.bulleted(sentences(part))
            yield ShowFigure(name=f"agreement_{part.name}", alt=_caption(part))
            if part.found.against:
                yield ShowTable(name=f"mcnemar_{part.name}")


def _methods(record: Record, d: DatasetAgreement) -> list[Method]:
    return [record.methods[m] for m in d.found.methods]


def _caption(d: DatasetAgreement) -> str:
    what = "Correlation of residuals" if d.numbers else "Cohen's kappa of errors"
    return (
        f"{what} of the combinations that are best on validation of {d.name}, best first; on the diagonal of two "
        "trainings of one combination."
    )
