"""How the numbers were measured, and the words used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmbench.report.scores.context import Context
from mmbench.report.section import Section, section
from mmbench.report.values import numbers
from mmbench.report.values.words import listing


@section("method")
class Method(Section[Context]):
    """Page only."""

    title = "Method"
    order = 120

    def compute(self, context: Context) -> Context:
        return context

    def view(self, record: Context) -> Mapping[str, Any]:
        race = record.params.grid.race
        return {
            "a": record,
            "averaging": numbers.percent(record.params.train.averaging) if record.params.train.averaging else "",
            "confidence": numbers.percent(record.confidence),
            "rope": record.rope_words,
            "points_only": record.points_only,
            "shared": record.shared,
            "looks": listing([str(n) for n in race.looks], most=9) if race else "",
        }
