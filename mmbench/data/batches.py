"""Prepared arrays as what batches are read from."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from mmbench.data.prepared import Arrays
from mmbench.schema.dataset import DataSpec, Normal


@dataclass(frozen=True, kw_only=True)
class Example:
    """The raw input of one modality for a batch, as a data set stores it.

    values: (B, ...) in the layout of the modality's kind. mask: (B, T) bool over its time steps, or None where every
    step is real (images).
    """

    values: Tensor
    mask: Tensor | None = None

    def to(self, device: torch.device | str) -> Example:
        """The same on a device."""
        return Example(values=self.values.to(device), mask=None if self.mask is None else self.mask.to(device))

    def filled(self) -> Tensor:
        """The values with zeros in masked steps, so that what lies there reaches neither tokens nor gradients."""
        if self.mask is None:
            return self.values
        trailing = [1] * (self.values.ndim - self.mask.ndim)
        return self.values.masked_fill(~self.mask.reshape(*self.mask.shape, *trailing), 0)


Inputs = Mapping[str, Example]


ON_DEVICE = 0.25
"""The share of a GPU's free memory that one split may take; a larger one is moved batch by batch."""


@dataclass(frozen=True, kw_only=True)
class Split:
    """One split. inputs: per modality, N rows as stored. labels: N rows, on the device that batches go to.

    normal: per modality, the mean and the standard deviation that `rows` normalises by, shaped to broadcast. evidence:
    of modalities of which it is known, (N, L) bool, the tokens that carry the label; no model reads them.
    """

    inputs: Inputs
    labels: Tensor
    normal: Mapping[str, tuple[Tensor, Tensor]] = field(default_factory=dict)
    evidence: Mapping[str, Tensor] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.labels)

    def rows(self, index: Tensor | slice) -> tuple[Inputs, Tensor]:
        """The inputs of these samples as models take them (float32 or int64, normalised), and their labels."""
        return {name: self._rows(name, x, index) for name, x in self.inputs.items()}, _take(self.labels, index)

    def only(self, modalities: tuple[str, ...]) -> Split:
        """The same samples with these modalities alone."""
        return Split(
            inputs={m: self.inputs[m] for m in modalities},
            labels=self.labels,
            normal=self.normal,
            evidence={m: x for m, x in self.evidence.items() if m in modalities},
        )

    def _rows(self, name: str, stored: Example, index: Tensor | slice) -> Example:
        device = self.labels.device
        if isinstance(index, Tensor):
            index = index.to(stored.values.device)
        values = _take(stored.values, index).to(device, non_blocking=True)
        if name in self.normal:
            mean, std = self.normal[name]
            # In place, as a new large array costs more than the arithmetic.
            values = values.to(torch.float32).sub_(mean).div_(std)
        else:
            values = values.to(torch.float32 if values.is_floating_point() else torch.int64)
        return Example(values=values, mask=None if stored.mask is None else _take(stored.mask, index).to(device))


def _take(x: Tensor, index: Tensor | slice) -> Tensor:
    """Rows of x, copied: whoever writes into them must not change what other trials read. index_select copies whole
    rows; indexing goes through bytes one by one, 20 times as slow."""
    return x.index_select(0, index) if isinstance(index, Tensor) else x[index].clone()


def _tensor(array: np.ndarray) -> Tensor:
    """The array as a tensor, without a copy: nothing writes into it."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        return torch.from_numpy(array)


def _broadcast(normal: Normal, rank: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation, shaped for samples of so many axes behind the batch's."""
    shape = [1] * (1 + rank)
    shape[1 + normal.axis] = -1
    mean, std = (torch.tensor(x, dtype=torch.float32, device=device).reshape(shape) for x in (normal.mean, normal.std))
    return mean, std


def as_split(spec: DataSpec, arrays: Arrays, device: torch.device | str = "cpu") -> Split:
    """Stored arrays -> what batches are read from. They stay where they are, or move to a GPU that has room."""
    device = torch.device(device)
    labels = torch.from_numpy(np.array(arrays["label"]))
    labels = labels.to(device, torch.int64 if spec.task.kind in ("classification", "binary") else torch.float32)
    kept = [name for m in spec.modalities for name in (m, f"{m}.mask") if name in arrays]
    size = sum(arrays[name].nbytes for name in kept)
    moves = device.type == "cuda" and size <= ON_DEVICE * torch.cuda.mem_get_info(device)[0]
    tensors = {name: _tensor(arrays[name]).to(device) if moves else _tensor(arrays[name]) for name in kept}
    return Split(
        inputs={m: Example(values=tensors[m], mask=tensors.get(f"{m}.mask")) for m in spec.modalities},
        labels=labels,
        normal={
            name: _broadcast(modality.normal, len(modality.shape), device)
            for name, modality in spec.modalities.items()
            if modality.normal is not None
        },
        evidence={m: _tensor(arrays[f"{m}.evidence"]) for m in spec.modalities if f"{m}.evidence" in arrays},
    )
