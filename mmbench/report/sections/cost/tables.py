"""Tables of Pareto fronts and of cost against length."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from mmbench.report.draw.table import Column, Table, build, spread_columns
from mmbench.report.scores.context import Context
from mmbench.report.sections.cost.record import Growth, LengthReport, LengthRow
from mmbench.report.values import titles
from mmbench.report.values.words import interval, quantity


def fronts_table(context: Context) -> Iterator[Table]:
    items = [(d, f, d.row(k)) for d in context.datasets for f in d.fronts for k in f.keys]
    if not items:
        return
    mixed = len({d.scale.metric for d in context.datasets}) > 1
    metric: Column = ("metric", lambda x: x[0].scale.title, False)
    columns: list[Column] = [
        ("data set", lambda x: x[0].name, False),
        ("cost", lambda x: x[1].label, False),
        ("method", lambda x: titles.method(x[2].method), False),
        ("value ↓", lambda x: quantity(getattr(x[2].cost, x[1].cost)), True),
        ("score" if mixed else context.datasets[0].scale.title, lambda x: interval(x[2].score, x[0].scale), True),
        *([metric] if mixed else []),
    ]
    raw = (
        {
            "dataset": d.name,
            "cost": f.cost,
            "method": r.key,
            "title": titles.method(r.method),
            "metric": d.scale.metric,
            "value": getattr(r.cost, f.cost),
            **spread_columns("score", r.score),
            "hypervolume": f.hypervolume,
        }
        for d, f, r in items
    )
    yield build("pareto", "Pareto fronts of score against cost, cheapest first", items, raw, columns)


def _growth(value: Growth | None) -> str:
    """`1.02 ± 0.03`"""
    if value is None:
        return "–"
    return f"{value.exponent:.2f}" + ("" if value.half is None else f" ± {value.half:.2f}")


def _stop_words(row: LengthRow) -> str:
    return "" if row.stopped_at is None else f"at {row.stopped_at:,} tokens: {row.why}"


def _length_raw(row: LengthRow) -> dict[str, Any]:
    growths = {"time": row.time_growth, "memory": row.memory_growth}
    return {
        "attention": row.attention,
        "title": titles.level("attention", row.attention),
        **{f"{name}_exponent": g.exponent if g else None for name, g in growths.items()},
        **{f"{name}_exponent_half_width": g.half if g else None for name, g in growths.items()},
        "training_seconds": row.last_training,
        "memory_bytes": row.last_memory,
        "times_as_fast_as_exact": row.speedup,
        "stopped_at": row.stopped_at,
        "why": row.why,
        "message": row.message,
    }


def length_tables(lengths: Sequence[LengthReport]) -> Iterator[Table]:
    for part in lengths:
        columns: list[Column] = [
            ("attention", lambda r: titles.level("attention", r.attention), False),
            ("time exponent", lambda r: _growth(r.time_growth), True),
            ("memory exponent", lambda r: _growth(r.memory_growth), True),
            (f"s at {part.longest:,} ↓", lambda r: quantity(r.last_training), True),
            ("memory, B ↓", lambda r: quantity(r.last_memory), True),
            ("× as fast as exact", lambda r: quantity(r.speedup), True),
            ("stopped", _stop_words, False),
        ]
        caption = (
            f"Cost of a forward and backward pass against length, {part.conditions}; cost grows as tokens to the "
            f"power of the exponent, least squares from {part.fitted_from:,} tokens, 95 % interval"
        )
        yield build(f"length_{part.device}", caption, part.rows, map(_length_raw, part.rows), columns)
