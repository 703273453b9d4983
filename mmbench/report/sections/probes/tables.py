"""What a probe measured as a table: one row per method; in the CSV one row per number."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mmbench.report.draw.table import Column, Table, build
from mmbench.report.sections.probes.record import Measured, Number
from mmbench.report.values import titles
from mmbench.stats.estimates import Estimate


def text(value: Estimate | None) -> str:
    """`0.8125 ± 0.03`"""
    if value is None:
        return "–"
    return f"{value.mean:,.4g}" + ("" if value.half is None else f" ± {value.half:,.2g}")


def _column(number: Number) -> Column:
    return (number.title, lambda key: text(number.values.get(key)), True)


def _raw(part: Measured) -> Iterator[dict[str, Any]]:
    for key in part.methods:
        for number in part.numbers:
            value = number.values.get(key)
            if value is not None:
                yield {
                    "dataset": part.dataset,
                    "method": key,
                    "title": titles.titled(key),
                    "role": part.roles[key],
                    "quantity": number.name,
                    "part": number.part,
                    "label": number.quantity.label,
                    "unit": number.quantity.unit,
                    "better": number.quantity.better or "",
                    "mean": value.mean,
                    "half_width": value.half,
                    "n": value.n,
                }


def table(part: Measured) -> Table:
    method: Column = ("method", titles.titled, False)
    caption = (
        f"{part.dataset}: what the probe {part.probe} measured, {part.seeds_words}; methods in the order of their rank"
    )
    return build(part.name, caption, part.methods, _raw(part), [method, *map(_column, part.numbers)])
