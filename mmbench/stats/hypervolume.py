"""How much of what is possible a Pareto front dominates."""

from __future__ import annotations

import moocore
import numpy as np
from numpy.typing import ArrayLike


def hypervolume(scores: ArrayLike, costs: ArrayLike) -> float | None:
    """Share of the box from the worst score at the highest cost to the best score at the lowest that is dominated.

    scores: more is better; costs: above zero, compared on a log scale, so that the unit does not matter.
    """
    table = np.stack([np.asarray(scores, float), -np.log(np.asarray(costs, float))], 1)
    low, high = table.min(0), table.max(0)
    if not (high > low).all():
        return None
    return float(moocore.hypervolume((table - low) / (high - low), ref=0.0, maximise=True))
