"""The trials of the budget ladder: every trained method once more, under shorter and longer budgets.

docs/decisions/0036-the-budget-ladder.md has the reasons.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from mmbench.schema.trial import TrialConfig


def epochs_at(factor: float, epochs: int) -> int | None:
    """Epochs of a budget so many times as long; None where whole epochs give no other budget."""
    found = round(factor * epochs)
    return found if found >= 1 and found != epochs else None


def at_other_budgets(configs: Iterable[TrialConfig], factors: Sequence[float]) -> Iterator[TrialConfig]:
    """What is trained at these multiples of the budgets that the trials of a plan have, the shortest first."""
    first = [c for c in configs if c.train is not None and c.seed == 0 and c.configuration == 0]
    seen: set[tuple[str, str, int]] = set()
    for factor in sorted(factors):
        for config in first:
            assert config.train is not None
            epochs = epochs_at(factor, config.train.epochs)
            if epochs is not None and (config.dataset, config.cell, epochs) not in seen:
                seen.add((config.dataset, config.cell, epochs))
                train = config.train.model_copy(update={"epochs": epochs})
                yield config.model_copy(update={"train": train, "budget": float(factor)})
