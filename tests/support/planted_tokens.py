"""A small data set in which one token of each modality says the label, and which one is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from mmbench.data.batches import Split, as_split
from mmbench.schema.dataset import DataSpec, Modality
from mmbench.schema.task import TaskKind, task_of
from tests.support import small

SIZES = {"train": 384, "validation": 64, "test": 96}


def spec(kind: TaskKind = "classification") -> DataSpec:
    """Two sequences of vectors; the second has padding."""
    targets = {"classification": ("zero", "one", "two"), "multilabel": ("zero", "one", "two"), "regression": ("size",)}
    changes: dict[str, Any] = {"splits": SIZES, "task": task_of(kind, targets[kind])}
    changes["modalities"] = {
        "a": Modality(kind="feature", shape=(8, 4), evidence=True),
        "b": Modality(kind="feature", shape=(10, 4), evidence=True),
    }
    return small.spec(**changes)


def arrays(split: str, kind: TaskKind = "classification") -> dict[str, np.ndarray]:
    n = SIZES[split]
    draw = np.random.default_rng(list(SIZES).index(split))
    label = draw.integers(0, 3, n)
    made: dict[str, np.ndarray] = {}
    for name, length in (("a", 8), ("b", 10)):
        values = draw.normal(0, 0.3, (n, length, 4)).astype(np.float32)
        at = draw.integers(0, length - 3, n)
        values[np.arange(n), at, label] += 3
        made |= {name: values, f"{name}.evidence": np.arange(length) == at[:, None]}
    made["b.mask"] = np.arange(10) < draw.integers(8, 11, n)[:, None]
    made["label"] = label
    if kind == "multilabel":
        made["label"] = np.eye(3, dtype=np.float32)[label]
    if kind == "regression":
        made["label"] = label[:, None].astype(np.float32) - 1
    return made


def splits(kind: TaskKind = "classification") -> dict[str, Split]:
    with torch.no_grad():
        return {name: as_split(spec(kind), arrays(name, kind)) for name in SIZES}
