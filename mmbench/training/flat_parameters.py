"""All parameters of a model as one vector: what is done to every number alike is one operation, not one a parameter.

On a CPU and with models as small as those compared here, clipping and AdamW else take a tenth of a step.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

ALIGNED = 64
"""Bytes. Every parameter begins at a multiple, as PyTorch's own memory does: kernels may rely on it."""


class Flat:
    """vector: (P,) a parameter that shares its memory with the parameters, until `release`. Between them lie zeros."""

    def __init__(self, parameters: Iterable[nn.Parameter]) -> None:
        """All must have one type and lie on one device."""
        self.parameters = list(parameters)
        step = ALIGNED // self.parameters[0].element_size()
        self.sizes = [-(-p.numel() // step) * step for p in self.parameters]
        first = self.parameters[0].detach()
        self.vector = nn.Parameter(first.new_zeros(sum(self.sizes)))
        for p, room in zip(self.parameters, self.vector.detach().split(self.sizes), strict=True):
            p.data = room[: p.numel()].view_as(p).copy_(p.detach())
        self.gradients = torch.zeros_like(self.vector)
        self.parts = [
            room[: p.numel()].view_as(p)
            for p, room in zip(self.parameters, self.gradients.split(self.sizes), strict=True)
        ]

    def gather(self, gradients: Iterable[Tensor | None]) -> None:
        """Make these, one a parameter, the gradient of the vector. None counts as zeros."""
        given = [torch.zeros_like(p) if g is None else g for p, g in zip(self.parameters, gradients, strict=True)]
        torch._foreach_copy_(self.parts, given)
        self.vector.grad = self.gradients

    def release(self) -> None:
        """Give every parameter memory of its own again, as what saves models expects."""
        for p in self.parameters:
            p.data = p.data.clone()
