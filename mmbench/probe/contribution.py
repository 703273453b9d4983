"""What each modality contributes to a model's answers, and what two do together."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from itertools import combinations
from typing import TYPE_CHECKING, ClassVar

from mmbench.probe import Probe
from mmbench.registry import variant
from mmbench.schema.dataset import DataSpec
from mmbench.schema.quantity import Quantity

if TYPE_CHECKING:
    import numpy as np
    from torch import nn

    from mmbench.data.batches import Split

Subset = tuple[str, ...]


@variant(
    "contribution",
    source="Shapley 1953; Grabisch and Roubens 1999 (interaction index); Wei et al. 2024, Enhancing Multimodal "
    "Cooperation via Sample-level Modality Valuation",
)
class Contribution(Probe):
    """Exact Shapley values of modalities, from what the model says when it is shown each subset of them.

    The value of a subset is the main metric on test samples, so turned that more is better; that of no modality is the
    score of a constant guess from the training labels. The values add up to what the model gains over that guess. Two
    modalities interact where together they bring more than apart (above 0: synergy) or less (below 0: redundancy):
    Shapley's interaction index. Per sample the value is the log-probability of the truth (a regression: the squared
    error with a minus, in units of the labels' variance). Imbalance: how far shares of what is gained are from equal,
    0 to 1, negative contributions as 0.
    """

    quantities: ClassVar[Mapping[str, Quantity]] = {
        "shapley": Quantity(label="contribution to the score", per="modality"),
        "interaction": Quantity(label="interaction in the score", per="pair"),
        "shapley_per_sample": Quantity(label="contribution to the log-probability", unit="nats", per="modality"),
        "interaction_per_sample": Quantity(label="interaction in the log-probability", unit="nats", per="pair"),
        "imbalance": Quantity(label="imbalance of contributions", low=0),
    }

    def measure(
        self, model: nn.Module, splits: Mapping[str, Split], spec: DataSpec, *, seed: int
    ) -> Mapping[str, float | list[float] | None]:
        from mmbench.probe.shared.coalitions import coalitions
        from mmbench.probe.shared.sample import sureness, value

        names = tuple(splits["test"].inputs)
        if len(names) < 2:
            return dict.fromkeys(self.quantities)
        table = coalitions(model, splits, spec)
        scores = {frozenset(s): value(spec.task, x, table.labels) for s, x in table.outputs.items()}
        sure = {frozenset(s): sureness(spec.task, x, table.labels) for s, x in table.outputs.items()}
        # The mean of every sample's own values: they are linear in what each subset is worth.
        means = {s: float(x.mean()) for s, x in sure.items()}
        per_sample = shapley(names, means.__getitem__)
        found: dict[str, float | list[float] | None] = {
            "shapley_per_sample": [float(per_sample[m]) for m in names],
            "interaction_per_sample": list(interactions(names, means.__getitem__).values()),
            "shapley": None,
            "interaction": None,
            "imbalance": None,
        }
        if all(map(math.isfinite, scores.values())):
            values = [float(x) for x in shapley(names, scores.__getitem__).values()]
            found |= {
                "shapley": values,
                "interaction": list(interactions(names, scores.__getitem__).values()),
                "imbalance": imbalance(values),
            }
        return found


def shapley(names: Subset, value: Callable[[frozenset[str]], np.ndarray | float]) -> dict[str, np.ndarray | float]:
    """phi_m = sum over S without m of |S|! (M - |S| - 1)! / M! (v(S + m) - v(S)); v may be of many samples at once."""
    count, found = len(names), {}
    for name in names:
        rest = [other for other in names if other != name]
        total: np.ndarray | float = 0.0
        for size in range(count):
            weight = math.factorial(size) * math.factorial(count - size - 1) / math.factorial(count)
            for chosen in map(frozenset, combinations(rest, size)):
                total = total + weight * (value(chosen | {name}) - value(chosen))
        found[name] = total
    return found


def interactions(names: Subset, value: Callable[[frozenset[str]], float]) -> dict[tuple[str, str], float]:
    """I_ij = sum over S without both of |S|! (M - |S| - 2)! / (M - 1)! (v(S + ij) - v(S + i) - v(S + j) + v(S))."""
    count, found = len(names), {}
    for i, j in combinations(names, 2):
        rest = [other for other in names if other not in (i, j)]
        total = 0.0
        for size in range(count - 1):
            weight = math.factorial(size) * math.factorial(count - size - 2) / math.factorial(count - 1)
            for s in map(frozenset, combinations(rest, size)):
                total += weight * (value(s | {i, j}) - value(s | {i}) - value(s | {j}) + value(s))
        found[i, j] = total
    return found


def imbalance(values: list[float]) -> float | None:
    """Half the sum of distances of shares from equal ones, over the most that it can be; None where nothing is
    gained."""
    gained = [max(x, 0.0) for x in values]
    total = sum(gained)
    if total <= 0:
        return None
    count = len(values)
    apart = sum(abs(x / total - 1 / count) for x in gained) / 2
    return min(1.0, apart * count / (count - 1))
