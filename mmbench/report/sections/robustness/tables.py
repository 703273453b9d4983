"""Scores with every subset of modalities and under every severity of noise."""

from __future__ import annotations

from collections.abc import Mapping

from mmbench.report.draw.measured import SHOWN
from mmbench.report.draw.table import Column, Table, build, spread_columns
from mmbench.report.sections.robustness.compute import Robustness
from mmbench.report.values import titles
from mmbench.report.values.words import interval
from mmbench.stats.estimates import Estimate

MOST = 15
"""Subsets in a table for reading; with more modalities only those of one, and of all but one, are shown. The CSV has
all."""


def subsets_table(part: Robustness) -> Table | None:
    """A row a method, a column a subset."""
    names = list(dict.fromkeys(name for own in part.subsets.values() for name in own))
    shown = names
    if len(names) > MOST:
        sizes = (1, len(part.modalities) - 1, len(part.modalities))
        shown = [name for name in names if name.count("+") + 1 in sizes]
    guess = part.scale.number(part.guess)
    caption = f"{part.dataset}: {part.scale.title} with these modalities alone, {part.seeds_words}; a guess on "
    caption += f"the same samples: {guess}"
    return _table(part, f"subsets_{part.dataset}", caption, part.subsets, names, shown, "modalities")


def severities_table(part: Robustness) -> Table | None:
    """A row a method, a column a severity in all modalities."""
    names = list(dict.fromkeys(name for own in part.noise.values() for name in own))
    shown = [name for name in names if name.startswith("all ")] or names
    caption = f"{part.dataset}: {part.scale.title} under noise in all modalities, by severity, {part.seeds_words}"
    return _table(part, f"noise_{part.dataset}", caption, part.noise, names, shown, "noise")


def _table(
    part: Robustness,
    name: str,
    caption: str,
    values: Mapping[str, Mapping[str, Estimate]],
    names: list[str],
    shown: list[str],
    what: str,
) -> Table | None:
    if not values or not names:
        return None
    columns: list[Column] = [
        ("method", titles.titled, False),
        *((own, lambda key, own=own: interval(values[key].get(own), part.scale), True) for own in shown),
    ]
    raw = (
        {"dataset": part.dataset, "method": key, "title": titles.titled(key), "role": part.roles.get(key), what: own}
        | spread_columns("score", values[key][own])
        for key in values
        for own in names
        if own in values[key]
    )
    return build(name, caption, list(values)[:SHOWN], raw, columns)
