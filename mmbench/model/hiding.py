"""Modalities that a model is not shown: masked, never zeros, as a sample that lacks them is stored."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cache

import torch
from torch import Tensor

from mmbench.data.batches import Example, Inputs
from mmbench.registry import get
from mmbench.schema.dataset import DataSpec, Modality


def mask_lengths(spec: DataSpec, names: Collection[str] | None = None) -> dict[str, int]:
    """How long a mask of each modality is: one entry a patch of an image, a column of a table, a step of the others.

    names: of which modalities; None: of all. Raises ValueError where the stem of a modality takes no mask.
    """
    wanted = spec.modalities if names is None else names
    return {name: _length(spec.modalities[name].model_dump_json()) for name in wanted}


@cache
def _length(modality: str) -> int:
    """A stem is asked, since a stem of others may have a mask of its own."""
    told = Modality.model_validate_json(modality)
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        stem = get("stem", told.kind, where="a data set").cls(4, told.shape, **told.options).eval()
        values = torch.zeros(1, *told.shape, dtype=torch.int64 if len(told.shape) == 1 and _reads_words(stem) else None)
        tokens, _ = stem(Example(values=values))
        for length in dict.fromkeys((told.shape[0], tokens.shape[1])):
            try:
                found, mask = stem(Example(values=values, mask=torch.zeros(1, length, dtype=torch.bool)))
            except (RuntimeError, IndexError, ValueError):
                continue
            if mask.shape == found.shape[:2] == tokens.shape[:2] and not mask.any():
                return length
    raise ValueError(f"the stem of {told.kind} takes no mask")


def _reads_words(stem: torch.nn.Module) -> bool:
    return any(isinstance(m, torch.nn.Embedding) for m in stem.modules())


def hide(inputs: Inputs, hidden: Mapping[str, Tensor | None], lengths: Mapping[str, int]) -> Inputs:
    """The same batch without some modalities of some samples.

    hidden: (B,) bool of each modality that is hidden from some, True = hidden; None: from all. lengths: as
    `mask_lengths` gives them. What a sample lacks already stays missing.
    """
    changed = dict(inputs)
    for name, rows in hidden.items():
        example = inputs[name]
        mask = example.mask
        if mask is None:
            mask = torch.ones(len(example.values), lengths[name], dtype=torch.bool, device=example.values.device)
        shown = torch.zeros_like(mask) if rows is None else mask & ~rows.to(mask.device)[:, None]
        changed[name] = Example(values=example.values, mask=shown)
    return changed


def missing_at(drawn: Tensor, rate: float, there: Tensor) -> Tensor:
    """(n, M) bool: what is hidden at a rate, so that it is hidden at every higher one too. No look at values.

    drawn: (n, M) of [0, 1). there: (n, M) bool, which modalities a sample has. Where all of them would be hidden, the
    one that was drawn last is kept.
    """
    gone = drawn < rate
    nothing = ~(there & ~gone).any(1, keepdim=True)
    last = torch.where(there, drawn, -1.0).argmax(1, keepdim=True)
    return gone & ~(nothing & (torch.arange(drawn.shape[1], device=drawn.device) == last))


def without(inputs: Inputs, shown: Collection[str], lengths: Mapping[str, int]) -> Inputs:
    """The same batch with these modalities alone."""
    return hide(inputs, {name: None for name in inputs if name not in shown}, lengths)
