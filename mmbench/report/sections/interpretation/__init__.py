"""Where models look, and whether attention is an explanation of their answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from mmbench.report.draw import dots
from mmbench.report.draw import markdown as md
from mmbench.report.draw.measured import contrasts_table, levels_table, methods_table
from mmbench.report.draw.table import Table
from mmbench.report.scores.context import Context
from mmbench.report.section import Block, Drawing, Section, ShowFigure, ShowTable, section
from mmbench.report.sections.interpretation.compute import find_interpretations
from mmbench.report.sections.interpretation.figures import by_mechanism
from mmbench.report.sections.interpretation.finding import finding, heading, sentences
from mmbench.report.sections.interpretation.pictures import pictures
from mmbench.report.sections.interpretation.record import Interpretation
from mmbench.report.sections.interpretation.tables import differences_table, judged_table


@section("interpretation")
class InterpretationSection(Section[tuple[Interpretation, ...]]):
    """What the probes `relevance` and `faithfulness` measured, by method of relevance and by attention mechanism."""

    title = "Interpretation"
    order = 86
    places: ClassVar[Mapping[str, float]] = {"tables": 860, "figures": 86}
    claims = ("relevance", "faithfulness")

    def compute(self, context: Context) -> tuple[Interpretation, ...] | None:
        return find_interpretations(context)

    def tables(self, record: tuple[Interpretation, ...]) -> Iterator[Table]:
        for part in record:
            yield judged_table(part)
            for made in (differences_table(part), *_compared(part)):
                if made is not None:
                    yield made
            if part.compared:
                name = f"interpretation_methods_{part.dataset}"
                yield methods_table(name, f"{part.dataset}: relevance, methods in the order of rank", part.compared)

    def figures(self, record: tuple[Interpretation, ...]) -> Iterator[Drawing]:
        for part in record:
            figure = by_mechanism(part)
            if figure is not None:
                text = f"{part.dataset}: {part.compared[0].number.label}, by attention mechanism, beside other methods."
                yield Drawing(name=f"interpretation_{part.dataset}", figure=figure, dataset=part.dataset, caption=text)

    def view(self, record: tuple[Interpretation, ...]) -> Mapping[str, Any]:
        return {
            "heading": heading(record),
            "parts_of_datasets": [
                {
                    "name": part.dataset,
                    "cautions": part.cautions,
                    "finding": finding(part),
                    "sentences": list(sentences(part)),
                    "judged": judged_table(part),
                    "tables": [t for t in (differences_table(part), *_compared(part)) if t is not None],
                    "levels": [
                        (c.number.label, dots.levels("attention", own, c.number.scale))
                        for c in part.compared
                        if len(own := [m for m in c.levels if m.factor == "attention"]) > 1
                    ],
                    "pictures": list(pictures(part)),
                    "marked": any(m.evidence for p in part.pictures for s in p.samples for m in s.modalities),
                }
                for part in record
            ],
        }

    def markdown(self, record: tuple[Interpretation, ...]) -> Iterator[Block]:
        yield f"## {md.escape(heading(record))}"
        for part in record:
            yield f"### {md.escape(part.dataset)}"
            yield from part.cautions
            yield md.line(finding(part))
            yield md.bulleted(sentences(part))
            yield ShowTable(name=f"interpretation_{part.dataset}")
            yield ShowFigure(name=f"interpretation_{part.dataset}", alt=f"{part.dataset}: relevance by mechanism")
            for name in ("differences", "levels"):
                yield ShowTable(name=f"interpretation_{name}_{part.dataset}")


def _compared(part: Interpretation) -> Iterator[Table | None]:
    """By level of each axis, and every two levels."""
    if part.compared:
        of = f"{part.dataset}: relevance"
        yield levels_table(f"interpretation_levels_{part.dataset}", f"{of} by level, all else equal", part.compared)
        caption = f"{of}, differences between two levels, all else equal"
        yield contrasts_table(f"interpretation_contrasts_{part.dataset}", caption, part.compared)
