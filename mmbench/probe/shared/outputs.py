"""What a model says of whole splits: once for all probes that ask."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mmbench.probe.shared.once import once
from mmbench.probe.shared.sample import BATCH, chosen, outputs_on
from mmbench.schema.dataset import DataSpec

if TYPE_CHECKING:
    from torch import nn

    from mmbench.data.batches import Split

MOST = 8192
"""Samples of a split that are asked about."""


@dataclass(frozen=True, kw_only=True)
class Said:
    """outputs: (N, C) as they are kept: logits, or numbers in the targets' own units. labels: (N,) or (N, C)."""

    outputs: np.ndarray
    labels: np.ndarray


def outputs_of(model: nn.Module, splits: Mapping[str, Split], spec: DataSpec, name: str) -> Said:
    """Of one split, in its order; of a very large one, of samples that are the same for every model."""
    return once(model, ("outputs", name), lambda: _outputs(model, splits[name], spec))


def _outputs(model: nn.Module, split: Split, spec: DataSpec) -> Said:
    outputs, labels = [], []
    for index in chosen(split, MOST).split(BATCH):
        inputs, own = split.rows(index.to(split.labels.device))
        outputs.append(outputs_on(model, inputs, spec, split))
        labels.append(own.cpu().numpy())
    whole = np.concatenate(labels)
    return Said(
        outputs=np.concatenate(outputs),
        labels=whole if spec.task.kind == "regression" else whole.astype(np.int64),
    )
