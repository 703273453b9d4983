"""The smallest models and inputs on which a contract can be checked: float64, odd lengths, scattered padding."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from mmbench.architecture.independent import Independent
from mmbench.attention.scaled_dot_product import ScaledDotProduct
from mmbench.checks.common import float64
from mmbench.data.batches import Example, Inputs
from mmbench.model.build import MakeMechanism, assemble
from mmbench.model.interfaces import Architecture, Fusion, Kit
from mmbench.schema.dataset import DataSpec, Modality
from mmbench.schema.params import ModelSize
from mmbench.schema.task import task_of

NAMES = ("a", "b", "c", "d")
FEATURES = {"a": 3, "b": 2, "c": 4, "d": 3}
LENGTHS = {"a": 7, "b": 5, "c": 9, "d": 3}
LONGEST = 13
CLASSES = 3


def size(depth: int = 2) -> ModelSize:
    return ModelSize(width=8, depth=depth, heads=2, mlp_ratio=2)


def spec() -> DataSpec:
    """Four sequences of feature vectors."""
    return DataSpec(
        name="tiny",
        description="random numbers",
        modalities={m: Modality(kind="feature", shape=(LONGEST, FEATURES[m])) for m in NAMES},
        task=task_of("classification", map(str, range(CLASSES))),
        splits={"train": 1, "validation": 1, "test": 1},
        chance=1 / CLASSES,
        ceiling=None,
        licence="",
        source="",
        hash="",
    )


def model(
    modalities: int = 2,
    *,
    attention: MakeMechanism = ScaledDotProduct,
    fusion: Callable[[Kit], Fusion],
    architecture: type[Architecture] = Independent,
    depth: int = 2,
    seed: int = 0,
    dropout: float = 0.0,
) -> nn.Module:
    """A whole model in float64 and evaluation mode, drawn from `seed`.

    Every parameter is moved off its initial value: a zero bias or a unit gain would hide what it does.
    """
    torch.manual_seed(seed)
    with float64():
        made = assemble(
            modalities=NAMES[:modalities],
            spec=spec(),
            size=size(depth),
            attention=attention,
            fusion=fusion,
            architecture=architecture,
            dropout=dropout,
        )
    with torch.no_grad():
        for p in made.parameters():
            p.add_(torch.randn_like(p), alpha=0.3)
    return made.double().eval()


def inputs(modalities: int, batch: int = 3, *, seed: int = 0, length: int | None = None) -> Inputs:
    """Random inputs that ask for gradients, with padding here and there; `length` sets one length for all."""
    g = torch.Generator().manual_seed(seed)
    made = {}
    for name in NAMES[:modalities]:
        steps = length or LENGTHS[name]
        values = torch.randn(batch, steps, FEATURES[name], dtype=torch.float64, generator=g).requires_grad_()
        mask = torch.rand(batch, steps, generator=g) < 0.8
        mask[:, 0] = True
        made[name] = Example(values=values, mask=mask)
    return made
