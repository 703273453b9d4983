"""One row a method; one a level; and what fewer configurations would have found."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from mmbench.report.draw.table import Column, Table, build, spread_columns
from mmbench.report.draw.words import estimate
from mmbench.report.sections.tuning.record import DatasetTuning, LevelGain, TunedRow
from mmbench.report.values import titles
from mmbench.report.values.numbers import NONE
from mmbench.stats.estimates import Estimate


def tables(d: DatasetTuning) -> Iterator[Table]:
    yield _methods(d)
    if any(row.expected for row in d.rows):
        yield _expected(d)
    if d.levels:
        yield _levels(d)


def _gain(value: Estimate | None, d: DatasetTuning) -> str:
    if value is None:
        return NONE
    half = "" if value.half is None else f" ±{d.scale.width(value.half)}"
    return d.scale.change(value.mean) + half


def _methods(d: DatasetTuning) -> Table:
    columns: list[Column] = [
        ("method", lambda r: titles.method(r.method), False),
        ("configurations", lambda r: f"{r.finished:,}", True),
        ("seeds", lambda r: f"{r.studies:,}", True),
        ("default", lambda r: estimate(r.default, d.scale), True),
        ("tuned", lambda r: estimate(r.tuned, d.scale), True),
        ("gain", lambda r: _gain(r.gain, d), True),
        ("ensemble", lambda r: estimate(r.ensemble, d.scale), True),
    ]
    raw = (
        {"dataset": d.name, "method": r.method.key, "role": r.method.role}
        | {"configurations": r.finished, "failed": r.failed, "seeds": r.studies}
        | spread_columns("default", r.default)
        | spread_columns("tuned", r.tuned)
        | spread_columns("gain", r.gain)
        | spread_columns("ensemble", r.ensemble)
        for r in d.rows
    )
    caption = (
        f"{d.name}: {d.scale.label} on test of the default, of the configuration that is best on validation, and of an "
        "ensemble; configurations that have ended, of all seeds"
    )
    best = d.rows[0] if d.rows else None
    return build(f"tuning_{d.name}", caption, d.rows, raw, columns, lambda r: r is best)


def _shown(configurations: int) -> list[int]:
    """1, 2, 4, ... and all."""
    found = [1]
    while 2 * found[-1] < configurations:
        found.append(2 * found[-1])
    return [*found, configurations]


def _expected(d: DatasetTuning) -> Table:
    rows = [row for row in d.rows if row.expected]

    def reached(row: TunedRow, k: int) -> str:
        return d.scale.number(row.expected[k - 1]) if k <= len(row.expected) else NONE

    columns: list[Column] = [("method", lambda r: titles.method(r.method), False)]
    columns += [(f"best of {k}", partial(reached, k=k), True) for k in _shown(d.configurations)]
    raw = (
        {"dataset": d.name, "method": row.method.key, "configurations": k, "expected": value}
        for row in rows
        for k, value in enumerate(row.expected, 1)
    )
    caption = f"{d.name}: {d.scale.label} on test that the best of so many configurations reaches on average"
    return build(f"tuning_{d.name}_expected", caption, rows, raw, columns)


def _levels(d: DatasetTuning) -> Table:
    columns: list[Column] = [
        ("axis", lambda x: x.factor, False),
        ("level", lambda x: titles.level(x.factor, x.level), False),
        ("gain by tuning", lambda x: _gain(x.gain, d), True),
    ]

    def plain(x: LevelGain) -> dict[str, object]:
        return {"dataset": d.name, "axis": x.factor, "level": x.level} | spread_columns("gain", x.gain)

    caption = f"{d.name}: how much each level gains by tuning, over all combinations that have it"
    return build(f"tuning_{d.name}_levels", caption, d.levels, map(plain, d.levels), columns)
