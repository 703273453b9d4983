"""What a method costs beside the best combination."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import exp, log

from mmbench.report.sections.first.record import COSTS
from mmbench.report.values.cells import CellRow

COUNTED = ("parameters", "flops")
"""Costs that a second run on any machine has again."""


def relative(
    rows: Mapping[str, CellRow], best: Mapping[str, CellRow], costs: Sequence[str] = COSTS
) -> Iterator[tuple[str, float]]:
    """Each cost as a multiple of that of the best combination, the geometric mean over data sets. costs: fields of
    CellCost."""
    for name in costs:
        ratios = []
        for dataset, row in rows.items():
            mine = getattr(row.cost, name) if row.cost else None
            other = best[dataset].cost
            its = getattr(other, name) if other else None
            if mine and its:
                ratios.append(log(mine / its))
        if len(ratios) == len(rows):
            yield name, exp(sum(ratios) / len(ratios))
