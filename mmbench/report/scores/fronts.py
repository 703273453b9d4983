"""What quality costs: the Pareto front of the score against each cost."""

from __future__ import annotations

from collections.abc import Sequence

import moocore
import numpy as np

from mmbench.report.scores.prices import is_cheaper
from mmbench.report.values.cells import CellRow
from mmbench.report.values.datasets import Front
from mmbench.report.values.scale import Scale
from mmbench.report.values.words import quantity
from mmbench.stats.hypervolume import hypervolume

_UNIT = {
    "parameters": " parameters",
    "flops": " FLOPs a sample",
    "train_seconds": " s of training",
    "inference_us": " µs a sample",
}


MOST = 0.9
"""Of the gain from the cheap end of the front to its dear end: what counts as most of it."""


def _finding(cost: str, front: Sequence[CellRow], scale: Scale) -> str:
    """The cheapest way to most of the score; nothing is called cheaper for the noise of its times."""
    points_of = [(r.key, scale.oriented(r.score.mean), float(getattr(r.cost, cost))) for r in front if r.score]
    (_, low, _), (best, high, dear) = points_of[0], points_of[-1]
    unit = _UNIT[cost]
    if len(front) == 1:
        return f"{best} has the best score and the lowest cost ({quantity(dear)}{unit})"
    cheaper = [p for p, r in zip(points_of, front, strict=True) if is_cheaper(r, front[-1], cost)]
    if not cheaper:
        return f"{best} has the best score, and nothing is cheaper by more than noise ({quantity(dear)}{unit})"
    key, score, price = next((p for p in cheaper if p[1] >= low + MOST * (high - low)), cheaper[-1])
    lost, prices = scale.width(high - score), f"{quantity(price)} instead of {quantity(dear)}{unit}"
    if not lost.strip("0."):
        return f"{key} has, rounded, the same {scale.label} for {prices}"
    if scale.unit == "points":
        return f"{key} gives up {lost} points of {scale.label} for {prices}"
    return f"{key} has a {lost} {'lower' if scale.higher else 'higher'} {scale.label} for {prices}"


def fronts(rows: Sequence[CellRow], scale: Scale) -> tuple[Front, ...]:
    """One front a cost, over the ranked cells and single modalities; baselines are another kind of model."""
    made = []
    for cost, label in COSTS.items():
        known = [
            r
            for r in rows
            if r.ranked and r.method.role != "baseline" and r.score and r.cost and getattr(r.cost, cost) is not None
        ]
        if not known:
            continue
        table = np.array([[r.score.mean, getattr(r.cost, cost)] for r in known if r.score])
        best = moocore.is_nondominated(table, maximise=[scale.higher, False])
        front = sorted((r for r, keep in zip(known, best, strict=True) if keep), key=lambda r: getattr(r.cost, cost))
        priced = [(scale.oriented(s), c) for s, c in table.tolist() if c > 0]
        made.append(
            Front(
                cost=cost,
                label=label,
                keys=tuple(r.key for r in front),
                hypervolume=hypervolume(*zip(*priced, strict=True)) if priced else None,
                finding=_finding(cost, front, scale),
            )
        )
    return tuple(made)


COSTS = {
    "parameters": "parameters",
    "flops": "FLOPs a sample (forward)",
    "train_seconds": "training time, s",
    "inference_us": "inference time, µs a sample",
}
