"""A small data set with a planted label, and the configuration of trials on it: what tests of training need."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from mmbench.data.batches import Split, as_split
from mmbench.schema.dataset import DataSpec, Modality
from mmbench.schema.params import Choice, ModelSize, Training
from mmbench.schema.task import task_of
from mmbench.schema.trial import TrialConfig

SIZES = {"train": 192, "validation": 96, "test": 96}
ROOT = Path(__file__).parents[2]


def spec(**changes: Any) -> DataSpec:
    """Two sequences of feature vectors, `a` and `b`, and words `c`; three classes."""
    fields: dict[str, Any] = {
        "name": "small",
        "description": "the label is the sum of two planted numbers",
        "modalities": {
            "a": Modality(kind="feature", shape=(6, 3)),
            "b": Modality(kind="feature", shape=(5, 2)),
            "c": Modality(kind="text", shape=(4,), options={"vocabulary": 6}),
        },
        "task": task_of("classification", ("zero", "one", "two")),
        "splits": SIZES,
        "chance": 0.5,
        "ceiling": 1.0,
        "licence": "CC0",
        "source": "drawn at random",
        "hash": "0",
    }
    return DataSpec(**(fields | changes))


def arrays(split: str) -> dict[str, np.ndarray]:
    """One bit in `a`, one in `b` and as a word in `c`; the label is their sum."""
    n = SIZES[split]
    g = torch.Generator().manual_seed(list(SIZES).index(split))
    bits = torch.randint(0, 2, (n, 2), generator=g)
    a, b = torch.randn(n, 6, 3, generator=g) * 0.3, torch.randn(n, 5, 2, generator=g) * 0.3
    a[:, :, 0] += 2.0 * bits[:, :1] - 1
    b[:, :, 0] += 2.0 * bits[:, 1:] - 1
    words = torch.randint(3, 6, (n, 4), generator=g)
    words[:, 1] = 1 + bits[:, 1]
    mask = torch.rand(n, 6, generator=g) < 0.8
    mask[:, 0] = True
    made = {"a": a, "a.mask": mask, "b": b, "c": words, "label": bits.sum(1)}
    return {name: x.numpy() for name, x in made.items()}


def splits() -> dict[str, Split]:
    return {name: as_split(spec(), arrays(name)) for name in SIZES}


def training(**changes: Any) -> Training:
    fields: dict[str, Any] = {
        "epochs": 4,
        "batch_size": 32,
        "learning_rate": 0.01,
        "weight_decay": 0.01,
        "warmup": 0.1,
        "clip_norm": 1.0,
        "patience": None,
        "precision": "float32",
    }
    return Training(**(fields | changes))


def config(**changes: Any) -> TrialConfig:
    """A cell: scaled dot product + concat · independent."""
    fields: dict[str, Any] = {
        "role": "cell",
        "dataset": "small",
        "modalities": ("a", "b"),
        "attention": Choice(name="scaled_dot_product"),
        "fusion": Choice(name="concat"),
        "architecture": Choice(name="independent"),
        "seed": 0,
        "model": ModelSize(width=8, depth=2, heads=2, mlp_ratio=2),
        "train": training(),
    }
    return TrialConfig(**(fields | changes))


def baseline(name: str) -> TrialConfig:
    return TrialConfig(role="baseline", dataset="small", modalities=("a", "b", "c"), baseline=name, seed=0)
