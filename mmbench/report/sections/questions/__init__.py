"""The source article's questions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mmbench.report.draw import markdown as md
from mmbench.report.draw.table import Table
from mmbench.report.scores.caveats import Caveat
from mmbench.report.scores.context import Context
from mmbench.report.scores.dataset_scores import DatasetScores
from mmbench.report.section import Block, Section, ShowTable, section
from mmbench.report.sections.questions.compute import questions
from mmbench.report.sections.questions.page import question_views
from mmbench.report.sections.questions.record import Question, Questions, withheld
from mmbench.report.sections.questions.tables import questions_table
from mmbench.report.values.words import listing


@section("questions")
class StandingQuestions(Section[Questions]):
    """Paired differences that answer what is asked of every study."""

    title = "Questions"
    order = 40

    def compute(self, context: Context) -> Questions:
        best = {d.name: d.row(d.best).gain_single if d.best else None for d in context.datasets}

        def ask(fields: Sequence[DatasetScores]) -> tuple[Question, ...]:
            return questions(fields, best, context.levels, context.fusion_families, context.settings)

        found = ask(context.scores)
        brief = [f.dataset for f in context.scores if f.dataset in context.short]
        if brief:
            long = [f for f in context.scores if f.dataset not in brief]
            answered = {q.name: q.finding for q in ask(long)} if long else {}
            found = tuple(withheld(q, answered.get(q.name), brief) for q in found)
        return Questions(context=context, found=found)

    def tables(self, record: Questions) -> Iterator[Table]:
        yield from questions_table(record.found)

    def view(self, record: Questions) -> Mapping[str, Any]:
        a = record.context
        return {
            "points_only": a.points_only,
            "rope": a.rope_words,
            "questions": question_views(record.found, a),
        }

    def markdown(self, record: Questions) -> Iterator[Block]:
        yield "## The article's questions"
        for q in record.found:
            yield f"### {md.escape(q.finding)}"
            yield f"*{md.escape(q.title)}*"
            if q.sentences:
                yield md.bulleted(q.sentences)
        yield ShowTable(name="questions")

    def caveats(self, record: Questions) -> Iterator[Caveat]:
        for q in record.found:
            if q.dropped:
                yield Caveat(text=f"Left out of the questions: {listing(q.dropped, between='; ')}.")
