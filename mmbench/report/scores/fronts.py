"""What quality costs: the Pareto front of the score against each cost."""

from __future__ import annotations

from collections.abc import Sequence

import moocore
import numpy as np

from mmbench.report.scores.contrasts import turned
from mmbench.report.scores.prices import is_cheaper
from mmbench.report.values.cells import CellRow
from mmbench.report.values.datasets import Front
from mmbench.report.values.numbers import microseconds, seconds
from mmbench.report.values.scale import Scale
from mmbench.report.values.words import change, quantity
from mmbench.stats.estimates import Difference
from mmbench.stats.hypervolume import hypervolume

_UNIT = {
    "parameters": "parameters",
    "flops": "FLOPs a sample",
    "train_seconds": "of training",
    "inference_us": "a sample",
}
_TEXT = {"train_seconds": seconds, "inference_us": microseconds}


def _as_good(known: Sequence[CellRow], best: CellRow) -> list[tuple[CellRow, Difference]]:
    """What is equal to the best combination or better, each with its difference to it: combinations, and the best
    single modality."""
    found = [(r, r.to_best) for r in known if r.verdict == "equal" and r.to_best is not None]
    gain = best.gain_single
    if gain is not None and gain.verdict in ("equal", "worse"):
        found += [(r, turned(gain)) for r in known if r.key == gain.reference]
    return found


def _find_cheapest(cost: str, known: Sequence[CellRow], scale: Scale) -> tuple[str | None, str]:
    """The cheapest method that is not worse than the best combination, and a sentence on it. Nothing is called cheaper
    for the noise of its times, and nothing as good for a point estimate."""
    best = next((r for r in known if r.best), None)
    if best is None:
        return None, "no combination is complete yet"
    text = _TEXT.get(cost, quantity)
    paid = f"{text(getattr(best.cost, cost))} {_UNIT[cost]}"
    if all(r.verdict is None for r in known):
        return None, f"one seed does not decide what is as good as {best.key} ({paid})"
    cheaper = [x for x in _as_good(known, best) if is_cheaper(x[0], best, cost)]
    if not cheaper:
        return best.key, f"no cheaper combination or single modality is known to be as good as {best.key} ({paid})"
    row, lost = min(cheaper, key=lambda x: float(getattr(x[0].cost, cost)))
    price = text(getattr(row.cost, cost))
    return row.key, (
        f"the cheapest that is not worse than the best by more than the margin is {row.key}: "
        f"{change(lost, scale)} for {price} instead of {paid}"
    )


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
        cheapest, finding = _find_cheapest(cost, known, scale)
        priced = [(scale.oriented(s), c) for s, c in table.tolist() if c > 0]
        made.append(
            Front(
                cost=cost,
                label=label,
                keys=tuple(r.key for r in front),
                hypervolume=hypervolume(*zip(*priced, strict=True)) if priced else None,
                cheapest=cheapest,
                finding=finding,
            )
        )
    return tuple(made)


COSTS = {
    "parameters": "parameters",
    "flops": "FLOPs a sample (forward)",
    "train_seconds": "training time, s",
    "inference_us": "inference time, µs a sample",
}
