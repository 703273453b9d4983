"""What a model says of whole splits: as it was kept with the trial, or asked once for all probes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from mmbench.probe.shared.once import once
from mmbench.probe.shared.sample import BATCH, outputs_on
from mmbench.schema.dataset import DataSpec
from mmbench.schema.outputs import Outputs

if TYPE_CHECKING:
    from torch import nn

    from mmbench.data.batches import Split


@dataclass(frozen=True, kw_only=True)
class Said:
    """outputs: (N, C) float32: logits, or numbers in the targets' own units. labels: (N,) or (N, C), as metrics take
    them."""

    outputs: np.ndarray
    labels: np.ndarray


def know(model: nn.Module, outputs: Outputs) -> None:
    """What this model said of validation and test when it was trained need not be asked again, where results are kept
    (`once.results_kept`)."""
    for name in outputs.splits:
        once(model, ("outputs", name), partial(_kept, outputs, name))


def _kept(outputs: Outputs, name: str) -> Said:
    return Said(outputs=outputs.splits[name].outputs, labels=outputs.labels(name))


def outputs_of(model: nn.Module, splits: Mapping[str, Split], spec: DataSpec, name: str) -> Said:
    """Of all samples of a split, in its order."""
    return once(model, ("outputs", name), lambda: _asked(model, splits[name], spec))


def _asked(model: nn.Module, split: Split, spec: DataSpec) -> Said:
    """In the batches in which models are evaluated when they are trained."""
    parts = []
    for i in range(0, len(split), BATCH):
        inputs, _ = split.rows(slice(i, i + BATCH))
        parts.append(outputs_on(model, inputs, spec, split))
    kind = np.float64 if spec.task.kind == "regression" else np.int64
    return Said(outputs=np.concatenate(parts), labels=split.labels.cpu().numpy().astype(kind))
