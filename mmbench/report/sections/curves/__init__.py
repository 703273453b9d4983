"""Learning curves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import pandas as pd

from mmbench.report.draw import words
from mmbench.report.draw.views import LABEL_GAP, Name
from mmbench.report.scores.context import Context
from mmbench.report.section import Block, Drawing, Section, ShowFigure, section
from mmbench.report.sections.curves.figures import caption, curves_figure
from mmbench.report.sections.curves.plot import curves


@section("curves")
class LearningCurves(Section[Context]):
    """The main metric on validation by epoch (`Context.curves`)."""

    title = "Curves"
    order = 90
    places: ClassVar[Mapping[str, float]] = {"figures": 30}

    def compute(self, context: Context) -> Context:
        return context

    def figures(self, record: Context) -> Iterator[Drawing]:
        for d in record.datasets:
            figure = curves_figure(record, d)
            if figure is not None:
                text = caption(record, d)
                yield Drawing(name=f"curves_{d.name}", figure=figure, dataset=d.name, caption=text, use="both")

    def view(self, record: Context) -> Mapping[str, Any]:
        kinds = [f.name for f in record.factors]
        plots = [
            (
                Name(name=d.name, title=d.name, scale=d.scale),
                [c for kind in kinds if (c := curves(record, d, kind, gap=LABEL_GAP))],
            )
            for d in record.datasets
        ]
        return {
            "a": record,
            "heading": "How fast each level learns",
            "curve_metric": words.one_or((d.curve.label for d in record.datasets), "the main metric"),
            "curve_plots": plots,
            "factors": list(dict.fromkeys(c.title for _, group in plots for c in group)),
        }

    def markdown(self, record: Context) -> Iterator[Block]:
        yield "## Learning curves"
        for d in record.datasets:
            yield ShowFigure(name=f"curves_{d.name}", alt=f"{d.name}: validation {d.curve.label} by epoch")
        if record.epochs == 1:
            yield "Every trial ran one epoch, so there is no curve to draw."

    def plots(self, record: Context) -> Iterator[tuple[str, pd.DataFrame]]:
        rows = [
            (c.dataset, c.kind, c.name, epoch, *values)
            for c in record.curves
            for epoch, values in enumerate(zip(c.median, c.low, c.high, strict=True), 1)
        ]
        columns = ["dataset", "kind", "name", "epoch", "median", "low", "high"]
        yield "learning_curves", pd.DataFrame(rows, columns=columns)
