"""Weights averaged over training: what is validated, kept and tested.

In the middle of training a step throws the weights about, so that the best epoch is a lucky one, and with another seed
another one. Their moving average over the last part of the steps so far is as steady as a model whose learning rate has
come to its end.

Sources: Polyak and Juditsky 1992, Acceleration of Stochastic Approximation by Averaging; Tarvainen and Valpola 2017,
Mean Teachers Are Better Role Models; Karras et al. 2024, Analyzing and Improving the Training Dynamics of Diffusion
Models, for averages whose width grows with training.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor


class Averaged:
    """The moving average of tensors that change in place, such as the parameters of a model in training.

    width: over about which part of the updates so far it goes, so that it does not depend on how long training takes.
    """

    def __init__(self, tensors: Iterable[Tensor], width: float) -> None:
        self.tensors = [t.detach() for t in tensors]
        self.means = [t.clone() for t in self.tensors]
        self.width, self.done = width, 0

    def update(self) -> None:
        """Take in what the tensors are now."""
        self.done += 1
        torch._foreach_lerp_(self.means, self.tensors, 1 / (1 + self.width * self.done))

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """The tensors are the average, and afterwards what they were."""
        kept = [t.clone() for t in self.tensors]
        torch._foreach_copy_(self.tensors, self.means)
        try:
            yield
        finally:
            torch._foreach_copy_(self.tensors, kept)
