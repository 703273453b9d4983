"""What each choice is worth, and what to take, as tables."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from mmbench.report.draw.table import Column, Table, build
from mmbench.report.scores.choices import Choice
from mmbench.report.sections.first.record import COSTS, FirstScreen, Screen
from mmbench.report.values import titles
from mmbench.report.values.words import change, interval
from mmbench.stats.estimates import Difference

EVERY = object()


def _screens(record: FirstScreen, name: object) -> list[Screen]:
    return [s for s in record.screens if name is EVERY or s.name == name]


def _scope(screen: Screen) -> str:
    return "all" if screen.name is None else screen.name


def choices_table(record: FirstScreen, name: object = EVERY) -> Iterator[Table]:
    """Every two levels of every axis. name: of the one screen that is wanted."""
    items = [(s, c) for s in _screens(record, name) for c in _choices(s)]
    if not items:
        return
    columns: list[Column] = [
        ("data set", lambda x: _scope(x[0]), False),
        ("axis", lambda x: x[1].axis, False),
        ("with", lambda x: _given(*x), False),
        ("better", lambda x: _title(x[1], x[1].found.subject), False),
        ("other", lambda x: _title(x[1], x[1].found.reference), False),
        ("difference", lambda x: change(x[1].found, x[0].scale), True),
        ("settings", lambda x: f"{x[1].won}/{x[1].settings}", True),
        ("verdict", lambda x: _verdict(x[1].found), False),
    ]
    raw = (_raw(s, c) for s, c in items)
    noise = f"with {100 * record.context.confidence:g} % intervals over seeds"
    caption = f"What each choice is worth: differences between two levels, all else equal, {noise}; settings: pairs of "
    caption += "combinations in which the better level is ahead, of all that differ in it alone"
    if any(s.depends is not None for s, _ in items):
        caption += "; with: where the difference holds, if it depends on another axis"
    yield build("choices", caption, items, raw, columns)


def _choices(s: Screen) -> Iterator[Choice]:
    for a in s.axes:
        yield from a.pairs
    if s.depends is not None:
        yield from (*s.depends.inside.pairs, *s.depends.outside.pairs)


def _given(s: Screen, c: Choice) -> str:
    return ", ".join(titles.level(s.depends.base.axis, x) for x in c.given) if s.depends else ""


def _title(c: Choice, level: str) -> str:
    return titles.level(c.axis, level)


def _verdict(d: Difference) -> str:
    return "one seed" if d.half is None else d.verdict


def _raw(s: Screen, c: Choice) -> dict[str, Any]:
    plain = {k: v for k, v in asdict(c.found).items() if k not in ("budgets", "sampled")}
    return {
        "dataset": _scope(s),
        "axis": c.axis,
        "given": "; ".join(c.given),
        **plain,
        "subject_title": _title(c, c.found.subject),
        "reference_title": _title(c, c.found.reference),
        "verdict": _verdict(c.found),
        "won": c.won,
        "settings": c.settings,
        "metric": s.scale.metric,
    }


def picks_table(record: FirstScreen, name: object = EVERY) -> Iterator[Table]:
    """What to take. name: as for `choices_table`."""
    items = [(s, p) for s in _screens(record, name) for p in s.picks]
    if not items:
        return
    columns: list[Column] = [
        ("data set", lambda x: _scope(x[0]), False),
        ("choice", lambda x: ", ".join(x[1].labels) + (f" ({x[1].advice})" if x[1].recommended else ""), False),
        ("method", lambda x: titles.method(x[1].method), False),
        ("score", lambda x: interval(x[1].score, x[0].scale), True),
        ("to the best", lambda x: "best" if x[1].loss is None else change(x[1].loss, x[0].scale), True),
        ("parameters", lambda x: x[1].share("parameters"), True),
        ("training", lambda x: x[1].share("train_seconds"), True),
        ("inference", lambda x: x[1].share("inference_us"), True),
    ]
    raw = (
        {
            "dataset": _scope(s),
            "choice": ", ".join(p.labels),
            "recommended": p.recommended,
            "method": p.method.key,
            "title": titles.method(p.method),
            "score": p.score.mean if p.score else None,
            "half_width": p.score.half if p.score else None,
            "to_best": None if p.loss is None else p.loss.mean,
            "to_best_half_width": None if p.loss is None else p.loss.half,
            **{f"{cost}_share": p.costs.get(cost) for cost in COSTS},
            "metric": s.scale.metric,
            "command": p.command,
        }
        for s, p in items
    )
    yield build("picks", "What to take; costs in per cent of those of the best combination", items, raw, columns)
