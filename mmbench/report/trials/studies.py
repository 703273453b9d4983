"""Of each study, all configurations of one method with one seed, the one that counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mmbench.schema.metric import METRICS
from mmbench.schema.result import State
from mmbench.schema.tuning import choose

Row = Mapping[str, Any]
"""Of the tidy frame, with None for what is absent."""


def studies(rows: Sequence[Row]) -> list[list[Row]]:
    """The rows of one data set by method and seed; each study in the order of its configurations."""
    found: dict[tuple[str, int], list[Row]] = {}
    for row in rows:
        found.setdefault((row["method"], row["seed"]), []).append(row)
    return [sorted(own, key=lambda r: r["configuration"]) for own in found.values()]


def chosen(rows: Sequence[Row], metric: str) -> list[Row]:
    """One row a study, the best on validation by this metric. Where configurations are pending, one of those: each
    method gets the same effort, so nothing is chosen before it is spent. Where none ended well, the first."""
    found = []
    for own in studies(rows):
        pending = [r for r in own if r["state"] == State.PENDING]
        at = choose([validation(r, metric) for r in own])
        found.append(pending[0] if pending else own[at or 0])
    return found


def validation(row: Row, metric: str) -> float | None:
    """The score on validation, so turned that more is better; None where the trial did not end well."""
    value = row.get(f"validation_{metric}")
    if row["state"] != State.DONE or value is None:
        return None
    return float(value) if METRICS[metric].higher else -float(value)
