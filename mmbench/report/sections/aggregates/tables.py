"""Table of summaries over data sets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mmbench.report.draw.table import Column, Table, build
from mmbench.report.sections.aggregates.record import Aggregates
from mmbench.report.sections.aggregates.summary import chance, interval_words
from mmbench.report.values import titles
from mmbench.report.values.words import incomplete_flag
from mmbench.stats.bootstrap import Interval


def _interval(prefix: str, found: Interval | None) -> dict[str, Any]:
    return {
        prefix: found.value if found else None,
        f"{prefix}_low": found.low if found else None,
        f"{prefix}_high": found.high if found else None,
    }


def aggregates(found: Aggregates, confidence: float) -> Iterator[Table]:
    items = [(t, m) for t in found.tables for m in t.members]
    if not items:
        return
    scale = found.scale
    columns: list[Column] = [
        ("factor", lambda x: "combination" if x[0].factor == "cell" else x[0].factor, False),
        ("level", lambda x: titles.side(x[0].factor, x[1].name), False),
        (f"inter-quartile mean {scale.arrow}", lambda x: scale.number(x[1].iqm.value), True),
        ("interval", lambda x: interval_words(x[1].iqm, scale) or "–", True),
        ("beaten by", lambda x: "" if x[1].improvement is None else titles.side(x[0].factor, x[0].first), False),
        ("with probability", lambda x: chance(x[1].improvement) or "–", True),
        ("runs", lambda x: str(x[1].runs), True),
    ]
    raw = (
        {
            "factor": t.factor,
            "level": m.name,
            "title": titles.side(t.factor, m.name),
            "metric": scale.metric,
            **_interval("iqm", m.iqm),
            "first": t.first,
            **_interval("first_beats_it", m.improvement),
            "settings": t.contexts,
            "runs": m.runs,
            "incomplete": "; ".join(found.dropped),
        }
        for t, m in items
    )
    caption = (
        f"Summaries over data sets ({scale.label}): mean of the middle half of the runs, and the probability that a "
        f"run of the best beats a run of this level; {100 * confidence:g} % intervals from a bootstrap over "
        f"seeds within data sets{incomplete_flag(found.dropped)}"
    )
    yield build("aggregates", caption, items, raw, columns)
