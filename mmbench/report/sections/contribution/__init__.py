"""Which modality does the work, and what modalities do together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from mmbench.report.draw import markdown as md
from mmbench.report.draw.measured import contrasts_table, levels_drawn, levels_figure, levels_table, methods_table
from mmbench.report.draw.table import Table
from mmbench.report.scores.context import Context
from mmbench.report.section import Block, Drawing, Section, ShowFigure, ShowTable, section
from mmbench.report.sections.contribution.compute import Contributions, contributions
from mmbench.report.sections.contribution.sentences import finding, sentences


@section("contribution")
class ContributionSection(Section[tuple[Contributions, ...]]):
    """Shares of modalities, their interaction and imbalance, by data set."""

    title = "Which modality does the work"
    order = 86.5
    places: ClassVar[Mapping[str, float]] = {"tables": 865, "figures": 865}
    claims = ("contribution",)

    def compute(self, context: Context) -> tuple[Contributions, ...] | None:
        found = (contributions(context, name) for name in context.names)
        return tuple(part for part in found if part is not None) or None

    def _of(self, part: Contributions) -> Iterator[Table]:
        name, words = part.dataset, part.seeds_words
        made = [
            levels_table(f"contribution_levels_{name}", f"{name}: contributions by level, {words}", part.compared),
            methods_table(f"contribution_{name}", f"{name}: contributions by method, {words}", part.compared)
            if part.compared
            else None,
            contrasts_table(f"contribution_contrasts_{name}", f"{name}: contrasts of contributions", part.compared),
        ]
        yield from (table for table in made if table is not None)

    def tables(self, record: tuple[Contributions, ...]) -> Iterator[Table]:
        for part in record:
            yield from self._of(part)

    def figures(self, record: tuple[Contributions, ...]) -> Iterator[Drawing]:
        for part in record:
            figure = levels_figure([x for x in part.compared if not x.number.name.startswith("share_")])
            if figure is not None:
                yield Drawing(
                    name=f"contribution_{part.dataset}",
                    figure=figure,
                    dataset=part.dataset,
                    caption=f"Mean interaction of two modalities, and imbalance, on {part.dataset}, means of levels.",
                    use="both",
                )

    def view(self, record: tuple[Contributions, ...]) -> Mapping[str, Any]:
        parts = []
        for part in record:
            tables = {table.name.removesuffix(f"_{part.dataset}"): table for table in self._of(part)}
            drawn = levels_drawn(part.compared, "imbalance")
            parts.append({"name": part.dataset, "sentences": sentences(part), "tables": tables, "drawn": drawn})
        return {"parts_of_datasets": parts, "finding": finding(record)}

    def markdown(self, record: tuple[Contributions, ...]) -> Iterator[Block]:
        yield f"## {md.escape(finding(record))}"
        for part in record:
            yield f"### {md.escape(part.dataset)}"
            yield md.bulleted(sentences(part))
            if part.compared:
                yield ShowFigure(name=f"contribution_{part.dataset}", alt=f"{part.dataset}: contributions by level")
            yield from (ShowTable(name=table.name) for table in self._of(part) if "contrasts" not in table.name)
