"""What to use: per data set in words, the field in one figure, and the best cells for papers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mmbench.report.draw import markdown as md
from mmbench.report.draw.sheet import fits
from mmbench.report.scores.context import Context
from mmbench.report.section import Block, Drawing, Section, ShowFigure, section
from mmbench.report.sections.answer.compute import answers
from mmbench.report.sections.answer.figures import caption, top
from mmbench.report.sections.answer.overview import overview
from mmbench.report.sections.answer.record import Answers
from mmbench.report.sections.answer.strips import strips


@section("answer")
class Answer(Section[Answers]):
    """Every data set by itself."""

    title = "Data sets"
    order = 10

    def compute(self, context: Context) -> Answers:
        return answers(context)

    def figures(self, record: Answers) -> Iterator[Drawing]:
        c = record.context
        figure = top(c, c.datasets)
        if figure is None:
            return
        yield Drawing(name="top", figure=figure, caption=caption(c, c.datasets), use="both")
        for d in c.datasets if not fits(figure) else ():
            own = top(c, [d])
            if own is not None:
                yield Drawing(name=f"top_{d.name}", figure=own, dataset=d.name, caption=caption(c, [d]), use="paper")

    def view(self, record: Answers) -> Mapping[str, Any]:
        a = record.context
        ticks, rows = strips(a.datasets, common=a.shared) if a.datasets else ((), ())
        several = "What to use, data set by data set"
        return {
            "a": a,
            "overview": overview(a.datasets),
            "answers": list(zip(a.datasets, record.datasets, strict=True)),
            "heading": f"What to use on {a.datasets[0].name}" if len(a.datasets) == 1 else several,
            "strip_ticks": ticks,
            "strips": list(zip(a.datasets, rows, strict=True)),
        }

    def markdown(self, record: Answers) -> Iterator[Block]:
        yield "## Answer"
        for report, found in zip(record.context.datasets, record.datasets, strict=True):
            yield f"### {md.escape(report.finding)}"
            yield md.bulleted(found.sentences)
        if record.context.overall is not None:
            yield f"### {md.escape(record.context.overall.finding)}"
        yield ShowFigure(name="top", alt="The best combinations and the controls")
