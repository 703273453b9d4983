"""Whether models are as sure as they are right, and whether one number mends it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from mmbench.report.draw import markdown as md
from mmbench.report.draw.measured import levels_figure
from mmbench.report.draw.table import Table
from mmbench.report.scores.context import Context
from mmbench.report.section import Block, Drawing, Section, ShowFigure, ShowTable, section
from mmbench.report.sections.calibration.compute import DatasetCalibration, find_calibrations
from mmbench.report.sections.calibration.figures import LEAST, diagrams, reliability_figure, undrawn
from mmbench.report.sections.calibration.sentences import finding, sentences
from mmbench.report.sections.calibration.tables import tables

NAMES = {"calibration_levels": "Levels", "calibration_methods": "Methods", "calibration_contrasts": "Contrasts"}
"""Of the tables that the page shows; the bins are in the diagram."""

Record = tuple[DatasetCalibration, ...]


@section("calibration")
class CalibrationSection(Section[Record]):
    """Log-loss, Brier score, calibration errors and risk under coverage, before and after temperature scaling."""

    title = "Calibration"
    order = 86.7
    places: ClassVar[Mapping[str, float]] = {"tables": 867, "figures": 867}
    claims: ClassVar[tuple[str, ...]] = ("calibration",)

    def compute(self, context: Context) -> Record | None:
        return find_calibrations(context)

    def tables(self, record: Record) -> Iterator[Table]:
        for part in record:
            yield from tables(part)

    def figures(self, record: Record) -> Iterator[Drawing]:
        for part in record:
            figure = reliability_figure(part)
            if figure is not None:
                caption = _caption(part)
                yield Drawing(
                    name=f"reliability_{part.name}", figure=figure, dataset=part.name, caption=caption, use="both"
                )
            figure_of_levels = levels_figure([p for p in part.parts if p.number.name in ("log_loss", "brier", "ece")])
            if figure_of_levels is not None:
                caption = f"Log-loss, Brier score and calibration error (ECE) on {part.name}, means of levels."
                yield Drawing(
                    name=f"calibration_levels_{part.name}",
                    figure=figure_of_levels,
                    dataset=part.name,
                    caption=caption,
                )

    def view(self, record: Record) -> Mapping[str, Any]:
        parts = []
        for d in record:
            shown = [t for t in tables(d) if t.name.removesuffix(f"_{d.name}") in NAMES]
            parts.append(
                {
                    "name": d.name,
                    "sentences": list(sentences(d)),
                    "diagrams": diagrams(d),
                    "undrawn": undrawn(d),
                    "tables": shown,
                    "names": [NAMES[t.name.removesuffix(f"_{d.name}")] for t in shown],
                }
            )
        return {"parts_of_datasets": parts, "finding": finding(record), "least": LEAST}

    def markdown(self, record: Record) -> Iterator[Block]:
        yield f"## {md.escape(finding(record))}"
        for part in record:
            yield f"### {md.escape(part.name)}"
            yield md.bulleted(sentences(part))
            if diagrams(part):
                yield ShowFigure(name=f"reliability_{part.name}", alt=_caption(part))
            yield ShowTable(name=f"calibration_levels_{part.name}")


def _caption(d: DatasetCalibration) -> str:
    return (
        f"Reliability on {d.name}: how often answers of a confidence are right, as trained and after temperature "
        "scaling on validation, all seeds together."
    )
