"""Modalities that a model is not shown in a step of its training, so that it learns to do without them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from mmbench.data.batches import Inputs, Split
from mmbench.model.hiding import hide, missing_at
from mmbench.schema.params import Training


class ModalityDropout:
    """Hides each modality of each sample with some probability, and of each sample at least one that it has is kept
    (Neverova et al. 2016, ModDrop).

    What is hidden of a sample in an epoch depends on the seed alone: all methods see the same, in whatever order, alone
    or in a group, and also where a lost training goes on. It is decided outside of what is recorded or captured, which
    takes masks as inputs like others.
    """

    def __init__(self, share: float, lengths: Mapping[str, int], train: Split, seeds: Sequence[int]) -> None:
        """lengths: of masks, as `mmbench.model.hiding.mask_lengths` gives them. seeds: of P models."""
        self.share, self.lengths, self.seeds = share, lengths, seeds
        self.samples, self.names, self.device = len(train), tuple(train.inputs), train.labels.device
        self.begin(0)

    @classmethod
    def of(
        cls, settings: Training, lengths: Mapping[str, int] | None, train: Split, seeds: Sequence[int]
    ) -> ModalityDropout | None:
        """None where nothing is hidden, as where there is one modality."""
        if not settings.modality_dropout or len(train.inputs) < 2:
            return None
        if lengths is None:
            raise ValueError("modality_dropout needs the lengths of masks")
        return cls(settings.modality_dropout, lengths, train, seeds)

    def begin(self, epoch: int) -> None:
        """Draw for an epoch."""
        drawn = [
            torch.rand(self.samples, len(self.names), generator=torch.Generator().manual_seed(_seed(seed, epoch)))
            for seed in self.seeds
        ]
        self.drawn_PNM = torch.stack(drawn).to(self.device)

    def __call__(self, inputs: Inputs, index: Tensor) -> Inputs:
        """The same batch without what is hidden. index: (P, B) rows of the split for each of the first models, or (B,)
        for the first; inputs: P B samples, model by model."""
        index_PB = index.reshape(1, -1) if index.ndim == 1 else index
        model_P1 = torch.arange(len(index_PB), device=index_PB.device)[:, None]
        drawn = self.drawn_PNM[model_P1, index_PB].flatten(0, 1)
        there = [_there(inputs, name, drawn) for name in self.names]
        gone = missing_at(drawn, self.share, torch.stack(there, 1))
        return hide(inputs, {name: gone[:, i] for i, name in enumerate(self.names)}, self.lengths)


def _there(inputs: Inputs, name: str, drawn: Tensor) -> Tensor:
    mask = inputs[name].mask
    return drawn.new_ones(len(drawn), dtype=torch.bool) if mask is None else mask.any(1)


def _seed(seed: int, epoch: int) -> int:
    """Others than those that the order of samples is drawn from."""
    return (1_000_003 * (seed + 1) + epoch) % 2**63
