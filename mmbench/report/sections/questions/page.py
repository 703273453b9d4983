"""Questions as the page shows them."""

from __future__ import annotations

from dataclasses import dataclass

from mmbench.report.draw import dots, words
from mmbench.report.draw.views import ALL, Name
from mmbench.report.scores.context import Context
from mmbench.report.sections.questions.record import Question


@dataclass(frozen=True, kw_only=True)
class QuestionView:
    title: str
    finding: str
    sentences: tuple[str, ...]
    dropped: tuple[str, ...]
    figures: tuple[tuple[Name, dots.Dots], ...]


def question_view(question: Question, context: Context) -> QuestionView:
    figures = []
    if question.overall and context.has_all:
        title = f"Mean of these {words.plural(len(context.datasets), 'data set')}"
        title += ", in ranks" if question.scale.is_ranks else ""
        name = Name(name=ALL, title=title, scale=question.scale)
        figures.append((name, dots.differences(question.overall, question.scale)))
    for dataset, values in question.per_dataset.items():
        if values:
            scale = question.scales[dataset]
            title = f"On {dataset}" if scale.unit else f"On {dataset}, {scale.label}"
            figures.append((Name(name=dataset, title=title, scale=scale), dots.differences(values, scale)))
    return QuestionView(
        title=question.title,
        finding=question.finding,
        sentences=question.sentences,
        dropped=question.dropped,
        figures=tuple(figures),
    )
