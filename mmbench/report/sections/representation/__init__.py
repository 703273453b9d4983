"""What the vectors inside of models hold, and how those of two modalities relate."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from mmbench.report.draw import dots
from mmbench.report.draw import markdown as md
from mmbench.report.draw.measured import levels_figure
from mmbench.report.draw.table import Table
from mmbench.report.scores.context import Context
from mmbench.report.section import Block, Drawing, Section, ShowFigure, ShowTable, section
from mmbench.report.sections.representation.compute import Representations, representations
from mmbench.report.sections.representation.figures import places_figure
from mmbench.report.sections.representation.sentences import finding, sentences
from mmbench.report.sections.representation.tables import tables


@section("representation")
class RepresentationSection(Section[tuple[Representations, ...]]):
    """Whether attention gives better representations than pooling: linear probes, retrieval, alignment, gap, rank."""

    title = "Representations"
    order = 88
    places: ClassVar[Mapping[str, float]] = {"tables": 880, "figures": 880}
    claims = ("representation",)

    def compute(self, context: Context) -> tuple[Representations, ...] | None:
        found = (representations(context, name) for name in context.names)
        return tuple(part for part in found if part is not None) or None

    def tables(self, record: tuple[Representations, ...]) -> Iterator[Table]:
        for part in record:
            yield from tables(part)

    def figures(self, record: tuple[Representations, ...]) -> Iterator[Drawing]:
        figure = places_figure(record)
        if figure is not None:
            text = "What a linear probe of all modalities reads at each place of a model, under each attention."
            yield Drawing(name="representation_places", figure=figure, caption=text, use="both")
        for part in record:
            figure = levels_figure(part.compared[:3])
            if figure is not None:
                yield Drawing(
                    name=f"representation_{part.dataset}",
                    figure=figure,
                    dataset=part.dataset,
                    caption=f"Linear probes of all modalities on {part.dataset}, and retrieval between two.",
                    use="both",
                )

    def view(self, record: tuple[Representations, ...]) -> Mapping[str, Any]:
        parts = []
        for part in record:
            made = {table.name.removesuffix(f"_{part.dataset}"): table for table in tables(part)}
            read_out = part.named("linear_probe_read_out")
            drawn = None
            if read_out is not None and any(m.factor == "attention" for m in read_out.levels):
                own = [m for m in read_out.levels if m.factor == "attention"]
                drawn = dots.levels("attention", own, read_out.number.scale)
            parts.append({"name": part.dataset, "sentences": sentences(part), "tables": made, "drawn": drawn})
        return {"parts_of_datasets": parts, "finding": finding(record)}

    def markdown(self, record: tuple[Representations, ...]) -> Iterator[Block]:
        yield f"## {md.escape(finding(record))}"
        yield ShowFigure(name="representation_places", alt="What a linear probe reads at each place of a model")
        for part in record:
            yield f"### {md.escape(part.dataset)}"
            yield md.bulleted(sentences(part))
            yield from (ShowTable(name=table.name) for table in tables(part) if "contrasts" not in table.name)
