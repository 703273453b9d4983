"""Data of cost plots for `dvc plots show`."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from mmbench.report.scores.context import Context
from mmbench.report.sections.cost.record import LengthReport

COSTS = ("parameters", "flops", "train_seconds", "inference_us")


def cost_plot(context: Context) -> pd.DataFrame:
    """Score and costs of every ranked method."""
    rows = [
        (d.name, r.key, r.method.role, r.score.mean, *(getattr(r.cost, c) for c in COSTS), " ".join(r.pareto))
        for d in context.datasets
        for r in d.rows
        if r.ranked and r.score and r.cost
    ]
    return pd.DataFrame(rows, columns=["dataset", "method", "role", "score", *COSTS, "pareto"])


def length_plot(lengths: Sequence[LengthReport]) -> pd.DataFrame:
    """Time and memory of every mechanism by number of tokens."""
    rows = [
        (part.device, row.attention, *values)
        for part in lengths
        for row in part.rows
        for values in zip(row.lengths, row.forward, row.training, row.memory, strict=True)
    ]
    columns = ["device", "attention", "tokens", "forward_seconds", "training_seconds", "memory_bytes"]
    return pd.DataFrame(rows, columns=columns)
