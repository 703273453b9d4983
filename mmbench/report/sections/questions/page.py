"""Questions as the page shows them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from mmbench.report.draw import dots, words
from mmbench.report.draw.axis import Axis
from mmbench.report.draw.views import ALL, Name
from mmbench.report.scores.context import Context
from mmbench.report.sections.questions.record import Question
from mmbench.report.values import titles
from mmbench.report.values.scale import Scale
from mmbench.stats.estimates import Difference


@dataclass(frozen=True, kw_only=True)
class QuestionView:
    title: str
    finding: str
    sentences: tuple[str, ...]
    dropped: tuple[str, ...]
    figures: tuple[tuple[Name, dots.Dots], ...]


def question_views(questions: Sequence[Question], context: Context) -> list[QuestionView]:
    """All on one axis, as far as their differences have one unit: a wide gap and a narrow one look it."""
    groups: dict[str, list[tuple[Difference, Scale]]] = {}
    for question in questions:
        for scale, values in _scaled(question, context):
            groups.setdefault(_unit(scale), []).extend((d, scale) for d in values)
    axes = {
        unit: dots.difference_axis([d for d, _ in found], max(s.rope for _, s in found))
        for unit, found in groups.items()
    }
    return [_question_view(q, context, axes) for q in questions]


def _unit(scale: Scale) -> str:
    return scale.unit or scale.metric


def _scaled(question: Question, context: Context) -> Iterator[tuple[Scale, Sequence[Difference]]]:
    if question.overall and context.has_all:
        yield question.scale, question.overall
    yield from ((question.scales[name], values) for name, values in question.per_dataset.items() if values)


def _question_view(question: Question, context: Context, axes: Mapping[str, Axis]) -> QuestionView:
    def name(level: str) -> str:
        axis = "fusion" if question.name == "multimodal" else question.name
        return titles.level(axis, level) if level in context.levels[axis] else level

    figures = []
    if question.overall and context.has_all:
        title = f"Mean of these {words.plural(len(context.datasets), 'data set')}"
        title += ", in ranks" if question.scale.is_ranks else "; short lines: each of them"
        scale, each = question.scale, {} if question.scale.is_ranks else question.per_dataset
        figure = dots.differences(question.overall, scale, axes[_unit(scale)], name=name, each=each)
        figures.append((Name(name=ALL, title=title, scale=scale), figure))
    for dataset, values in question.per_dataset.items():
        if values:
            scale = question.scales[dataset]
            title = f"On {dataset}" if scale.unit else f"On {dataset}, {scale.label}"
            figure = dots.differences(values, scale, axes[_unit(scale)], name=name)
            figures.append((Name(name=dataset, title=title, scale=scale), figure))
    return QuestionView(
        title=question.title,
        finding=question.finding,
        sentences=question.sentences,
        dropped=question.dropped,
        figures=tuple(figures),
    )
