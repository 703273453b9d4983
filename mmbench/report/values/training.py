"""How long the models of a data set were trained, and whether that was enough."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mmbench.schema.budget import Budget

SETTLED = "twice as long gave no reference model both a lower loss and a score better by more than half the margin"
"""What a calibration has shown that came to its end."""


@dataclass(frozen=True, kw_only=True)
class TrainingReport:
    """One data set.

    Attributes:
        steps: Gradient steps of each trial; None where trials differ.
        epochs, learning_rate: Of each trial; None where they differ.
        budget: How it was found; None where params.yaml sets it.
        trained: Trained models that ended well; several: those of them with more than one epoch to choose from;
            in_last: of these, those that were best in their last; falling: whose loss on validation was lowest there.
        short: Why this was too short to rank anything, in a sentence without its full stop; empty where it was not.
    """

    dataset: str
    steps: int | None
    epochs: int | None
    learning_rate: float | None
    budget: Budget | None
    trained: int
    several: int
    in_last: int
    falling: int
    short: str

    @property
    def words(self) -> str:
        """`250 gradient steps (5 epochs) at a learning rate of 0.003`."""
        if self.steps is None or self.epochs is None:
            return "budgets that differ between trials"
        epochs = f"{self.epochs:,} epoch{'' if self.epochs == 1 else 's'}"
        rate = "" if self.learning_rate is None else f" at a learning rate of {self.learning_rate:g}"
        return f"{self.steps:,} gradient steps ({epochs}){rate}"


def best_in_last(training: Sequence[TrainingReport]) -> tuple[int, int]:
    """Trained trials whose best epoch is the last that the budget allows, and all that have several epochs."""
    return sum(t.in_last for t in training), sum(t.several for t in training)
