"""What a model says when it is shown some of its modalities: every subset, on the same samples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mmbench.probe.shared.once import once
from mmbench.probe.shared.sample import chosen, constant, outputs_on
from mmbench.schema.dataset import DataSpec
from mmbench.schema.quantity import subsets

if TYPE_CHECKING:
    from torch import nn

    from mmbench.data.batches import Split

PASSES = 4096
"""Samples that a model is asked about, all subsets together."""

Subset = tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Coalitions:
    """outputs: (n, C) as they are kept, by subset, the empty one first: a constant guess. labels: (n, ...)."""

    modalities: Subset
    outputs: Mapping[Subset, np.ndarray]
    labels: np.ndarray


def coalitions(model: nn.Module, splits: Mapping[str, Split], spec: DataSpec) -> Coalitions:
    """Of the test split. Computed once for the probes of a model."""
    return once(model, ("coalitions",), lambda: _coalitions(model, splits, spec))


def _coalitions(model: nn.Module, splits: Mapping[str, Split], spec: DataSpec) -> Coalitions:
    from mmbench.model.hiding import mask_lengths, without

    test, names = splits["test"], tuple(splits["test"].inputs)
    lengths, wanted = mask_lengths(spec, names), subsets(names)
    # By the modalities of the data set: a control of one of them is asked about the same samples.
    index = chosen(test, max(64, PASSES // len(subsets(tuple(spec.modalities)))))
    inputs, labels = test.rows(index.to(test.labels.device))
    truth = labels.cpu().numpy()
    found: dict[Subset, np.ndarray] = {(): constant(spec, splits["train"].labels.cpu().numpy(), len(truth))}
    for shown in wanted:
        found[shown] = outputs_on(model, without(inputs, shown, lengths), spec, test)
    return Coalitions(modalities=names, outputs=found, labels=truth)
