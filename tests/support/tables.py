"""Tables for tests of splits and leakage."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mmbench.data.table.table import Column, Table
from mmbench.schema.task import TaskKind, task_of


def table(
    labels: Any,
    kind: TaskKind = "classification",
    *,
    split: Sequence[str] | None = None,
    group: Sequence[str] | None = None,
    **columns: Column,
) -> Table:
    """Samples `row 1`, ...; without columns, one vector that tells them apart."""
    values = np.asarray(labels)
    if kind == "classification":
        targets = [f"class {c}" for c in range(int(values.max()) + 1)]
    elif kind == "binary":
        targets = ["no", "yes"]
    else:
        targets = [f"target {t}" for t in range(values.shape[1])]
    numbers = np.random.default_rng(0).normal(size=(len(values), 12)).astype(np.float32)
    return Table(
        places=[f"row {i + 1}" for i in range(len(values))],
        modalities=columns or {"numbers": Column(kind="vector", cells=list(numbers))},
        task=task_of(kind, targets),
        labels=values,
        split=split,
        group=group,
    )
