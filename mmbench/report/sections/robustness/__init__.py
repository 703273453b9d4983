"""What models keep when modalities are missing or spoilt."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from mmbench.report.draw import markdown as md
from mmbench.report.draw.measured import contrasts_table, levels_drawn, levels_figure, levels_table, methods_table
from mmbench.report.draw.table import Table
from mmbench.report.scores.context import Context
from mmbench.report.section import Block, Drawing, Section, ShowFigure, ShowTable, section
from mmbench.report.sections.robustness.compute import Robustness, robustness
from mmbench.report.sections.robustness.sentences import finding, sentences
from mmbench.report.sections.robustness.tables import severities_table, subsets_table

KEPT = "share of what is gained over a guess that is kept"


@section("robustness")
class RobustnessSection(Section[tuple[Robustness, ...]]):
    """Every subset of modalities, rates at which they are missing, and noise; by data set."""

    title = "Robustness"
    order = 86
    places: ClassVar[Mapping[str, float]] = {"tables": 860, "figures": 860}
    claims = ("missing_modality", "noise")

    def compute(self, context: Context) -> tuple[Robustness, ...] | None:
        found = (robustness(context, name) for name in context.names)
        return tuple(part for part in found if part is not None) or None

    def _of(self, part: Robustness) -> Iterator[Table]:
        name, words = part.dataset, part.seeds_words
        made = [
            levels_table(
                f"robustness_levels_{name}",
                f"{name}: {KEPT} by level, {words}",
                part.compared,
            ),
            methods_table(f"robustness_{name}", f"{name}: {KEPT} by method, {words}", part.compared)
            if part.compared
            else None,
            subsets_table(part),
            severities_table(part),
            contrasts_table(f"robustness_contrasts_{name}", f"{name}: contrasts of what is kept", part.compared),
        ]
        yield from (table for table in made if table is not None)

    def tables(self, record: tuple[Robustness, ...]) -> Iterator[Table]:
        for part in record:
            yield from self._of(part)

    def figures(self, record: tuple[Robustness, ...]) -> Iterator[Drawing]:
        for part in record:
            figure = levels_figure(part.compared[:3])
            if figure is not None:
                yield Drawing(
                    name=f"robustness_{part.dataset}",
                    figure=figure,
                    dataset=part.dataset,
                    caption=f"Share of what is gained over a guess on {part.dataset} that is kept.",
                    use="both",
                )

    def view(self, record: tuple[Robustness, ...]) -> Mapping[str, Any]:
        parts = []
        for part in record:
            tables = {table.name.removesuffix(f"_{part.dataset}"): table for table in self._of(part)}
            drawn = levels_drawn(part.compared, "kept_without_one")
            parts.append({"name": part.dataset, "sentences": sentences(part), "tables": tables, "drawn": drawn})
        return {"parts_of_datasets": parts, "finding": finding(record)}

    def markdown(self, record: tuple[Robustness, ...]) -> Iterator[Block]:
        yield f"## {md.escape(finding(record))}"
        for part in record:
            yield f"### {md.escape(part.dataset)}"
            yield md.bulleted(sentences(part))
            if part.compared:
                yield ShowFigure(name=f"robustness_{part.dataset}", alt=f"{part.dataset}: what levels keep")
            yield from (ShowTable(name=table.name) for table in self._of(part) if "contrasts" not in table.name)
