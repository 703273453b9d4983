"""Contrasts and levels under every budget."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from mmbench.report.draw.table import Column, Table, build
from mmbench.report.sections.ladder.compute import Contrast, DatasetLadder, Level
from mmbench.report.values import titles
from mmbench.report.values.numbers import NONE
from mmbench.report.values.words import count
from mmbench.stats.estimates import Difference
from mmbench.stats.ladder import fades


def tables(d: DatasetLadder) -> Iterator[Table]:
    """None of what nothing is known of."""
    if d.contrasts:
        yield _contrasts(d)
    if d.levels:
        yield _levels(d)


def _heading(d: DatasetLadder, factor: float) -> str:
    """`×2, 800 steps`."""
    return f"×{factor:g}" + (f", {count(d.steps[factor], 'step')}" if factor in d.steps else "")


def _at(x: Difference) -> dict[float, float]:
    return {1.0: x.mean} | {at.factor: at.mean for at in x.budgets}


def _contrasts(d: DatasetLadder) -> Table:
    factors = sorted({factor for x in d.contrasts for factor in _at(x.found)})

    def shown(factor: float) -> Callable[[Contrast], str]:
        return lambda x: d.scale.change(_at(x.found).get(factor))

    columns: list[Column] = [
        ("axis", lambda x: x.axis, False),
        ("better mean", lambda x: titles.level(x.axis, x.found.subject), False),
        ("other", lambda x: titles.level(x.axis, x.found.reference), False),
        *((_heading(d, factor), shown(factor), True) for factor in factors),
        ("own best", lambda x: NONE if x.own is None else d.scale.change(x.own.mean), True),
        ("verdict", lambda x: NONE if x.found.half is None else x.found.verdict, False),
        # Shorter training alone does not tell whether a verdict lasts.
        *([("lasts", _lasts, False)] if max(factors) > 1 else []),
    ]
    raw = (
        {
            "dataset": d.name,
            "axis": x.axis,
            "subject": x.found.subject,
            "reference": x.found.reference,
            **{f"at_{factor:g}": _at(x.found).get(factor) for factor in factors},
            "own_best": None if x.own is None else x.own.mean,
            "verdict": None if x.found.half is None else x.found.verdict,
            "lasts": _lasts(x),
        }
        for x in d.contrasts
    )
    unit = "in points" if d.scale.unit == "points" else f"in {d.scale.unit or d.scale.label}, + better"
    kinds = "×1 is the budget, the others one seed; own best: each combination at its best length on validation"
    caption = f"{d.name}: contrasts under shorter and longer training, {unit}; {kinds}"
    return build(f"ladder_{d.name}", caption, d.contrasts, raw, columns)


def _lasts(x: Contrast) -> str:
    if x.found.half is None or x.found.verdict == "open" or not any(at.factor > 1 for at in x.found.budgets):
        return NONE
    return "yes" if fades(x.found) is None else "no"


def _levels(d: DatasetLadder) -> Table:
    factors = sorted({factor for level in d.levels for factor in level.means})

    def shown(factor: float) -> Callable[[Level], str]:
        return lambda level: d.scale.number(level.means.get(factor))

    columns: list[Column] = [
        ("axis", lambda x: x.axis, False),
        ("level", lambda x: titles.level(x.axis, x.level), False),
        *((_heading(d, factor), shown(factor), True) for factor in factors),
    ]
    raw = (
        {"dataset": d.name, "axis": x.axis, "level": x.level, **{f"at_{f:g}": x.means.get(f) for f in factors}}
        for x in d.levels
    )
    caption = f"{d.name}: mean {d.scale.title} of the levels under shorter and longer training"
    return build(f"ladder_levels_{d.name}", caption, d.levels, raw, columns)
