"""Whether one method is cheaper than another: times are measured, and differ from trial to trial of the same method."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from mmbench.report.values.cells import CellRow

MEASURED = ("train_seconds", "inference_us")
"""Costs that have noise; parameters and FLOPs are counted."""
ALIKE = 1.1
"""Times whose ratio is within it are alike, however often they were measured: the next machine has others."""
SURE = 2.576
"""Standard errors by which the logarithms of two times must differ: 99 %, since the cheapest of many is asked for."""
OF_MEDIANS = math.sqrt(math.pi / 2)
"""The standard error of a median over that of a mean."""


def errors(times: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """Standard error of the logarithm of each method's median time. times: of its trials, by method. What differs
    between trials of the same method is noise, pooled over all; without a second trial of any there is none known."""
    logs = {key: np.log([t for t in own if t > 0]) for key, own in times.items()}
    df = sum(max(len(x) - 1, 0) for x in logs.values())
    if df == 0:
        return {}
    pooled = math.sqrt(sum(float(((x - x.mean()) ** 2).sum()) for x in logs.values() if len(x)) / df)
    return {key: OF_MEDIANS * pooled / math.sqrt(len(x)) for key, x in logs.items() if len(x)}


def is_cheaper(one: CellRow, other: CellRow, cost: str) -> bool:
    """Whether one is cheaper than the other by more than noise; counted costs have none."""
    assert one.cost is not None and other.cost is not None
    mine, its = getattr(one.cost, cost), getattr(other.cost, cost)
    if mine is None or its is None or mine >= its:
        return False
    if cost not in MEASURED or mine <= 0:
        return True
    noise = math.hypot(one.cost.errors.get(cost, 0.0), other.cost.errors.get(cost, 0.0))
    return math.log(its / mine) > max(math.log(ALIKE), SURE * noise)
