"""What to use as a table: a row a question, a column a data set. Numbers only; the sentences stand below it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mmbench.report.draw.words import difference, estimate
from mmbench.report.scores.controls import ahead
from mmbench.report.values import titles
from mmbench.report.values.cells import CellRow
from mmbench.report.values.datasets import DatasetReport
from mmbench.report.values.numbers import NONE
from mmbench.report.values.words import quantity, share
from mmbench.stats.estimates import Difference


@dataclass(frozen=True, kw_only=True)
class Entry:
    """text, and in small print what it rests on. key: of the method that it names, to open its details."""

    text: str
    note: str = ""
    key: str = ""


Question = tuple[str, Callable[[DatasetReport, CellRow], Entry | None]]
"""What is asked, and its answer on a data set that has a best combination; None where there is none."""


def overview(reports: Sequence[DatasetReport]) -> list[tuple[str, list[Entry]]]:
    """Rows of the table; a question that no data set answers is left out."""
    best = [d.row(d.best) if d.best else None for d in reports]
    made = []
    for asked, answer in QUESTIONS:
        found = [None if row is None else answer(d, row) for d, row in zip(reports, best, strict=True)]
        if any(found):
            made.append((asked, [x or Entry(text=NONE) for x in found]))
    return made


def _method(d: DatasetReport, row: CellRow) -> Entry:
    return Entry(text=titles.method(row.method, short=True), note=estimate(row.score, d.scale), key=row.key)


def _gain(d: DatasetReport, gain: Difference | None) -> Entry | None:
    """`+9.8 ±0.2`, and in small print over what."""
    if gain is None:
        return None
    known = next((r for r in d.rows if r.key == gain.reference), None)
    over = gain.reference if known is None else titles.method(known.method, short=True)
    words = {"better": "better than", "worse": "worse than", "equal": "equal to", "open": "open against"}
    note = f"{words[gain.verdict]} {over}" if gain.half is not None else f"against {over}"
    return Entry(text=f"{difference(gain, d.scale)}{d.scale.unit_words}", note=note)


def _cheapest(d: DatasetReport) -> Entry | None:
    front = next((f for f in d.fronts if f.cost == "parameters"), None)
    if front is None or front.cheapest is None:
        return None
    row = d.row(front.cheapest)
    price = quantity(row.cost.parameters) if row.cost else NONE
    return Entry(text=titles.method(row.method, short=True), note=f"{price} parameters", key=row.key)


def _control(d: DatasetReport) -> Entry | None:
    found = ahead(d)
    if found is None or found.found.verdict not in ("equal", "worse"):
        return None
    return _method(d, d.row(found.found.reference))


def _chosen(d: DatasetReport) -> Entry | None:
    return None if d.chosen is None else _method(d, d.row(d.chosen))


def _ceiling(d: DatasetReport, row: CellRow) -> Entry | None:
    if row.ceiling_share is None:
        return None
    return Entry(text=share(row.ceiling_share), note=f"of {d.scale.number(d.ceiling)}")


QUESTIONS: Sequence[Question] = (
    ("Best combination", _method),
    ("It gains over the best single modality", lambda d, row: _gain(d, row.gain_single)),
    ("over the same with mean pooling", lambda d, row: _gain(d, row.gain_pooling)),
    ("over the best baseline", lambda d, row: _gain(d, row.gain_baseline)),
    ("As good without a combination", lambda d, _: _control(d)),
    ("Fewest parameters that are not worse", lambda d, _: _cheapest(d)),
    ("Best on validation, and what it scores on test", lambda d, _: _chosen(d)),
    ("Share of the ceiling", _ceiling),
)
