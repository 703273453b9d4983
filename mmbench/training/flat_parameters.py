"""All parameters of a model as one vector: what is done to every number alike is one operation, not one a parameter.

On a CPU and with models as small as those compared here, clipping and AdamW else take a tenth of a step.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn

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

    def gather(self) -> None:
        """Move the gradients to that of the vector. Parameters that have none count as having zeros."""
        grads = [torch.zeros_like(p) if p.grad is None else p.grad for p in self.parameters]
        torch._foreach_copy_(self.parts, grads)
        self.vector.grad = self.gradients
        for p in self.parameters:
            p.grad = None

    def release(self) -> None:
        """Give every parameter memory of its own again, as what saves models expects."""
        for p in self.parameters:
            p.data = p.data.clone()
