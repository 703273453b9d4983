"""One number by which logits are divided, so that a model is as sure as it is right on validation."""

from __future__ import annotations

import math

import numpy as np

from mmbench.probe.shared.sample import sureness
from mmbench.schema.task import Task

LOW, HIGH = 0.05, 20.0
"""A model that is right on every sample of validation would be made ever surer: it stops there."""


def log_loss(task: Task, outputs: np.ndarray, labels: np.ndarray) -> float:
    """Mean over samples, and over labels, in nats."""
    return float(-sureness(task, outputs, labels).mean())


def fit_temperature(task: Task, outputs: np.ndarray, labels: np.ndarray) -> float:
    """The temperature of the least log-loss on these logits; 1 where none is better (Guo et al. 2017)."""
    from scipy.optimize import minimize_scalar

    x = outputs.astype(np.float64)

    def loss(power: float) -> float:
        return log_loss(task, x / math.exp(power), labels)

    # The log-loss is convex in 1 / T, so it has one minimum in log T too.
    bounds = (math.log(LOW), math.log(HIGH))
    found = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-5})
    return float(math.exp(found.x)) if found.fun < loss(0.0) else 1.0
