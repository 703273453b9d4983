"""Table of paired differences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict

from mmbench.report.draw.table import Column, Table, build
from mmbench.report.sections.questions.record import Question
from mmbench.report.values import titles
from mmbench.report.values.words import change


def _side(question: str, name: str) -> str:
    """As people read it: of the question about modalities, fusions are compared."""
    return titles.side("fusion" if question == "multimodal" else question, name)


def questions_table(questions: Sequence[Question]) -> Iterator[Table]:
    items = []
    for q in questions:
        items += [(q.name, name, d, q.scales[name]) for name, ds in q.per_dataset.items() for d in ds]
        items += [(q.name, "all", d, q.scale) for d in q.overall]
    if not items:
        return
    columns: list[Column] = [
        ("question", lambda x: x[0], False),
        ("data set", lambda x: x[1], False),
        ("subject", lambda x: _side(x[0], x[2].subject), False),
        ("reference", lambda x: _side(x[0], x[2].reference), False),
        ("difference", lambda x: change(x[2], x[3]), True),
        ("pairs", lambda x: str(x[2].pairs), True),
        ("p (Holm)", lambda x: "–" if x[2].p_holm is None else f"{x[2].p_holm:.2g}", True),
        ("verdict", lambda x: x[2].verdict, False),
    ]
    raw = ({"question": q, "dataset": name, **asdict(d), "metric": scale.metric} for q, name, d, scale in items)
    turned = "" if all(scale.higher for *_, scale in items) else ", so turned that + is better"
    noise = ", with an interval over seeds" if any(d.half is not None for _, _, d, _ in items) else ""
    caption = (
        f"The article's questions: paired differences, subject − reference{turned}; over all data sets the mean of "
        f"theirs{noise}"
    )
    yield build("questions", caption, items, raw, columns)
