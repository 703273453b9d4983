"""All parameters of a model as one vector: what is done to every number alike is one operation, not one a parameter.

With models as small as those compared here, clipping and AdamW else take a tenth of a step.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn


class Flat:
    """vector: (P,) a parameter that shares its memory with the parameters, until `release`."""

    def __init__(self, parameters: Iterable[nn.Parameter]) -> None:
        """Takes those that are trained. All must have one type and lie on one device."""
        self.parameters = [p for p in parameters if p.requires_grad]
        self.vector = nn.Parameter(torch.cat([p.detach().flatten() for p in self.parameters]))
        parts = self.vector.detach().split([p.numel() for p in self.parameters])
        for p, part in zip(self.parameters, parts, strict=True):
            p.data = part.view_as(p)

    def gather(self) -> None:
        """Move the gradients to that of the vector. Parameters that have none count as having zeros."""
        grads = [torch.zeros_like(p) if p.grad is None else p.grad for p in self.parameters]
        self.vector.grad = torch.cat([grad.flatten() for grad in grads])
        for p in self.parameters:
            p.grad = None

    def release(self) -> None:
        """Give every parameter memory of its own again, as what saves models expects."""
        for p in self.parameters:
            p.data = p.data.clone()
