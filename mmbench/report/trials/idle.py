"""Costs that were measured alone, in the place of those that trials measured beside others."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from mmbench.schema.idle_cost import IdleCost, IdleCosts

Row = dict[str, Any]

TIMES = ("train_seconds", "seconds_per_epoch", "inference_us_per_sample", "peak_memory")
"""Columns that they take the place of."""
ALONE = "alone"
"""The `IdleCost` of a row, where it has one."""


def use_idle_costs(rows: Sequence[Row], costs: IdleCosts | None) -> bool:
    """Put the costs measured alone into the rows of a data set, in place; whether that was done.

    rows: of the tidy frame, with None for what is absent. Where one method that was trained has none, all keep what
    trials measured: times of two kinds do not compare.
    """
    done = [row for row in rows if row["state"] == "done"]
    if costs is None or not done or not all(_known(costs.methods.get(row["method"])) for row in done):
        return False
    for row in done:
        cost = costs.methods[row["method"]]
        epochs = _epochs(row)
        seconds = cost.training(epochs)
        assert seconds is not None
        memory = cost.memory if cost.memory is not None else row["peak_memory"]
        found = (seconds, seconds / epochs, cost.batch_us, memory)
        moved: Mapping[str, Any] = json.loads(row["measured_on"] or "{}")
        row |= dict(zip(TIMES, found, strict=True))
        row["measured_on"] = json.dumps({**moved, **dict.fromkeys(TIMES, costs.hardware)})
        row[ALONE] = cost
    return True


def _epochs(row: Row) -> int:
    """After which the training ended; a trial of a group has no time of its own to tell it by."""
    train = json.loads(row["config"])["train"]
    if train is None or row["best_epoch"] is None:
        return 1
    most, patience = int(train["epochs"]), train["patience"]
    return most if patience is None else min(most, int(row["best_epoch"]) + int(patience))


def _known(cost: IdleCost | None) -> bool:
    return cost is not None and cost.training(1.0) is not None and cost.batch_us is not None
