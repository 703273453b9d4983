"""The rungs of calibrations: references trained for ever longer."""

from __future__ import annotations

from collections.abc import Iterator

from mmbench.report.draw.table import Column, Table, build
from mmbench.report.scores.context import Context
from mmbench.report.values import titles
from mmbench.report.values.numbers import NONE
from mmbench.schema.budget import Budget, Rung

Row = tuple[Budget, Rung]


def _number(value: float | None) -> str:
    return NONE if value is None else f"{value:.3f}"


def rungs_table(context: Context) -> Iterator[Table]:
    """Nothing where no budget was found by calibration."""
    rows: list[Row] = [(t.budget, rung) for t in context.training if t.budget is not None for rung in t.budget.rungs]
    if not rows:
        return
    columns: list[Column] = [
        ("data set", lambda r: r[0].dataset, False),
        ("reference", lambda r: titles.titled(r[1].reference), False),
        ("steps", lambda r: f"{r[1].steps:,}", True),
        ("epochs", lambda r: f"{r[1].epochs:,}", True),
        ("learning rate", lambda r: f"{r[1].learning_rate:g}", True),
        ("validation score", lambda r: _number(r[1].score), True),
        ("validation loss", lambda r: _number(r[1].loss), True),
        ("training loss", lambda r: _number(r[1].train_loss), True),
    ]
    raw = ({"dataset": budget.dataset, "metric": budget.metric, **dict(rung)} for budget, rung in rows)
    long = any(len({rung.steps for rung in t.budget.rungs}) > 1 for t in context.training if t.budget is not None)
    how = "for longer and longer" if long else "at several learning rates"
    what = "budget" if long else "learning rate"
    caption = f"Reference models trained {how}, from which the {what} of each data set was found (bold)"
    yield build("budget", caption, rows, raw, columns, _chosen)


def _chosen(row: Row) -> bool:
    budget, rung = row
    return (budget.epochs, budget.learning_rate) == (rung.epochs, rung.learning_rate)
