"""Tables of declared trials and of failures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

from mmbench.report.draw.table import Column, Table, build
from mmbench.report.scores.context import Context
from mmbench.report.values import titles


def coverage(context: Context) -> Iterator[Table]:
    states = ("declared", "done", "failed", "diverged", "timeout", "out_of_memory", "skipped", "pending")

    def state(name: str) -> Column:
        return (name.replace("_", " "), lambda c: str(getattr(c, name)), True)

    columns: list[Column] = [("data set", lambda c: c.name, False), *(state(s) for s in states)]
    yield build("coverage", "Declared trials by state", context.coverage, map(asdict, context.coverage), columns)
    if context.problems:
        columns = [
            ("trial", lambda p: titles.titled(p.name), False),
            ("id", lambda p: p.trial_id or "–", False),
            ("state", lambda p: p.state.replace("_", " "), False),
            ("message", lambda p: p.message, False),
        ]
        caption = "Trials that ended without a score, and those that are impossible"
        yield build("problems", caption, context.problems, map(asdict, context.problems), columns)
