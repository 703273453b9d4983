"""What the epochs of a training come to: curves, the best epoch, and when to stop."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from mmbench.schema.scores import better, predictions, scores
from mmbench.training.objective import Objective


class DivergedError(RuntimeError):
    """The loss or the gradient stopped being finite."""


@dataclass(frozen=True, kw_only=True)
class Trained:
    """Curves have one value an epoch. best_epoch: 0-based, by the main metric on validation; of equals, by the loss.
    seconds: wall time of training. outputs: (N, C) float32, the logits on validation at the best epoch. resumed: epochs
    that a process before this one has trained, and been lost. uncaptured: why a GPU was given operations one by one;
    None where it was given whole steps, and on a CPU."""

    curves: dict[str, list[float]]
    best_epoch: int
    seconds: float
    outputs: Tensor
    resumed: int = 0
    uncaptured: str | None = None


class History:
    """What the epochs of one model have come to: its curves, and the best one with its weights and outputs."""

    def __init__(self, objective: Objective, labels: Tensor, patience: int | None) -> None:
        """labels: of the validation split. patience: epochs without a better score before stopping; None: never."""
        self.objective, self.labels, self.patience = objective, labels, patience
        self.truth = labels.cpu().numpy()
        self.metric = objective.task.metric
        self.curves: dict[str, list[float]] = {"train_loss": [], "validation_loss": [], f"validation_{self.metric}": []}
        self.best: _Best | None = None

    def state(self) -> tuple[dict[str, Any], dict[str, dict[str, Tensor]]]:
        """Facts and tensors, for a checkpoint."""
        best = self.best
        assert best is not None
        facts = {"curves": self.curves, "best": [best.score, best.loss, best.epoch]}
        return facts, {"best": best.weights, "outputs": {"validation": best.outputs}}

    def restore(self, facts: Mapping[str, Any], tensors: Mapping[str, Mapping[str, Tensor]]) -> None:
        """Take up what `state` told."""
        self.curves = {name: list(map(float, facts["curves"][name])) for name in self.curves}
        score, loss, epoch = facts["best"]
        device = self.labels.device
        self.best = _Best(
            score=float(score),
            loss=float(loss),
            epoch=int(epoch),
            weights={name: value.to(device) for name, value in tensors["best"].items()},
            outputs=tensors["outputs"]["validation"].to(device),
        )

    def add(self, train_loss: float, logits: Tensor, weights: Callable[[], dict[str, Tensor]]) -> bool:
        """Take in an epoch; whether training goes on. logits: (N, C) on the validation split, of the weights that
        count. weights: makes a copy of those, which is asked for where they are the best so far.

        Raises DivergedError where a loss is not finite.
        """
        epoch = len(self.curves["train_loss"])
        loss = self.objective.loss(logits, self.labels).item()
        if not math.isfinite(train_loss + loss):
            raise DivergedError(f"training loss {train_loss}, validation loss {loss} at epoch {epoch}")
        # Of outputs as they are kept, so that whoever computes it from them later finds the same number.
        guess = predictions(self.objective.task.kind, self.objective.in_units(logits).cpu().numpy())
        # A metric that these samples cannot carry (AUROC of one class) leaves the choice to the loss.
        score = scores(self.objective.task, guess, self.truth, only=(self.metric,)).get(self.metric, math.nan)
        for name, value in zip(self.curves, (train_loss, loss, score), strict=True):
            self.curves[name].append(value)
        if self.best is None or not self.best.holds_against(self.metric, score, loss):
            self.best = _Best(score=score, loss=loss, epoch=epoch, weights=weights(), outputs=logits)
        return self.patience is None or epoch - self.best.epoch < self.patience


@dataclass(frozen=True, kw_only=True)
class _Best:
    """The best epoch so far: by the main metric on validation; of equals, by the loss."""

    score: float
    loss: float
    epoch: int
    weights: dict[str, Tensor]
    outputs: Tensor

    def holds_against(self, metric: str, score: float, loss: float) -> bool:
        if better(metric, score, self.score):
            return False
        return bool(better(metric, self.score, score)) or loss >= self.loss
