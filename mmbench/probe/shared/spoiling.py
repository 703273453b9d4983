"""Noise in the inputs of a modality: Gaussian in numbers, other words in texts."""

from __future__ import annotations

import torch

from mmbench.data.batches import Example, Split
from mmbench.probe.shared.sample import chosen
from mmbench.schema.dataset import DataSpec

STEP = 0.5
"""Standard deviations of noise per severity, in those of a modality's own numbers in training."""
WORDS = 0.15
"""Share of words that are replaced per severity."""


def spread(train: Split, name: str) -> float:
    """Standard deviation of a modality's real numbers, as models read them, over at most 256 training samples."""
    # Drawn, since a split may be in the order of its labels.
    inputs, _ = train.only((name,)).rows(chosen(train, 256).to(train.labels.device))
    x = inputs[name]
    if not x.values.is_floating_point():
        return 0.0
    real = x.values
    if x.mask is not None:
        steps = x.mask.shape[1] == x.values.shape[1]
        # Otherwise a mask is over patches or columns: a sample that lacks the modality has none.
        real = x.values[x.mask] if steps else x.values[x.mask.any(1)]
    return float(real.std()) if real.numel() > 1 else 0.0


def spoil(x: Example, name: str, severity: int, spread: float, spec: DataSpec) -> Example:
    """A modality of a batch with noise, or with other words. severity: 1 to 5; spread: as told of this modality. The
    draws depend on the modality's name and the severity alone."""
    generator = torch.Generator().manual_seed(1000 * severity + sum(name.encode()))
    if x.values.is_floating_point():
        noise = torch.randn(x.values.shape, generator=generator).to(x.values)
        return Example(values=x.values + STEP * severity * spread * noise, mask=x.mask)
    words = int(spec.modalities[name].options["vocabulary"]) - 1
    # 0 is padding. So many words on, so that it is another one.
    further = torch.randint(1, words, x.values.shape, generator=generator).to(x.values)
    others = (x.values - 1 + further) % words + 1
    swapped = torch.rand(x.values.shape, generator=generator).to(x.values.device) < WORDS * severity
    return Example(values=torch.where(swapped & (x.values > 0), others, x.values), mask=x.mask)
