"""How the numbers were measured, and the words used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import pandas as pd

from mmbench.report.draw import markdown as md
from mmbench.report.draw import dots, heat
from mmbench.report.draw.table import Table
from mmbench.report.draw.views import ALL, LABEL_GAP, Name, views
from mmbench.report.draw import words
from mmbench.report.scores.caveats import Caveat
from mmbench.report.scores.context import Context
from mmbench.report.section import Block, Drawing, Section, ShowFigure, ShowTable, section
from mmbench.report.values import numbers
from mmbench.report.values.words import interval, listing, sentence


@section("method")
class Method(Section[Context]):
    """Page only."""

    title = "Method"
    order = 120

    def compute(self, context: Context) -> Context:
        return context

    def view(self, record: Context) -> Mapping[str, Any]:
        return {
            "a": record,
            "confidence": numbers.percent(record.confidence),
            "rope": record.rope_words,
            "points_only": record.points_only,
            "shared": record.shared,
        }
