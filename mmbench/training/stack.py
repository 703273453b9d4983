"""Models of one kind with numbers of their own, as one model: what is done to each is one operation for all of them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad_and_value, vmap

from mmbench.data.batches import Example, Inputs
from mmbench.model import masking
from mmbench.training.flat_parameters import ALIGNED

Loss = Callable[[Tensor, Tensor], Tensor]
"""(outputs (B, C), labels (B, ...)) -> a scalar."""


class CannotStackError(RuntimeError):
    """Why models cannot be one program. Each of them can still be trained alone."""


def pack(inputs: Inputs) -> tuple[list[Tensor], list[tuple[str, bool]]]:
    """The tensors of inputs, and what `unpack` needs to know of them: names, and which have a mask."""
    tensors = [t for x in inputs.values() for t in (x.values, x.mask) if t is not None]
    return tensors, [(name, x.mask is not None) for name, x in inputs.items()]


def unpack(tensors: Sequence[Tensor], layout: Sequence[tuple[str, bool]]) -> Inputs:
    """The reverse of `pack`."""
    rest = iter(tensors)
    return {name: Example(values=next(rest), mask=next(rest) if masked else None) for name, masked in layout}


class Stack:
    """P models whose parameters are the rows of one matrix.

    matrix: (P, N) all that is trained, of every model; between parameters lie zeros. fixed: buffers, and parameters
    that are not trained, with the models in front: (P, ...).
    """

    def __init__(self, models: Sequence[nn.Module]) -> None:
        """Raises CannotStackError where the models are not of one kind."""
        first = models[0]
        self.models = models
        self.skeleton = copy.deepcopy(first)
        trained = [{n: p for n, p in m.named_parameters() if p.requires_grad} for m in models]
        others = [_fixed(m) for m in models]
        for own, rest in zip(trained, others, strict=True):
            if _shapes(own) != _shapes(trained[0]) or _shapes(rest) != _shapes(others[0]):
                raise CannotStackError("the models have parameters or buffers of different shapes")
        if len({p.dtype for p in trained[0].values()}) != 1:
            raise CannotStackError("the parameters have several types of numbers")
        example = next(iter(trained[0].values()))
        self.step = ALIGNED // example.element_size()
        self.shapes = {name: p.shape for name, p in trained[0].items()}
        width = sum(self._room(shape) for shape in self.shapes.values())
        self.matrix = example.detach().new_zeros(len(models), width)
        for row, own in enumerate(trained):
            for name, view in self.views(self.matrix).items():
                view[row].copy_(own[name].detach())
        self.fixed = {name: torch.stack([rest[name].detach() for rest in others]) for name in others[0]}

    def __len__(self) -> int:
        return len(self.matrix)

    def _room(self, shape: torch.Size) -> int:
        return -(-shape.numel() // self.step) * self.step

    def views(self, matrix: Tensor) -> dict[str, Tensor]:
        """Every parameter in a matrix of this shape: (P, ...) by name; they share its memory."""
        parts = matrix.split([self._room(shape) for shape in self.shapes.values()], dim=1)
        return {
            name: part[:, : shape.numel()].unflatten(1, shape) if shape else part[:, 0]
            for (name, shape), part in zip(self.shapes.items(), parts, strict=True)
        }

    def outputs(self, matrix: Tensor, inputs: Inputs) -> Tensor:
        """What each model makes of the same inputs, with the parameters of this matrix and in evaluation mode:
        (P, B, C)."""
        tensors, layout = pack(inputs)
        self.skeleton.eval()

        def one(trained: dict[str, Tensor], fixed: dict[str, Tensor]) -> Tensor:
            return functional_call(self.skeleton, (trained, fixed), (unpack(tensors, layout),))

        with _as_one():
            found: Tensor = vmap(one)(self.views(matrix), self.fixed)
        return found

    def gradients(
        self, tensors: Sequence[Tensor], layout: Sequence[tuple[str, bool]], labels: Tensor, loss: Loss, into: Tensor
    ) -> Tensor:
        """The loss (P,) of each model on its own batch, and its gradient, which is written into a matrix (P, N).

        tensors: those of `pack`, with the models in front; labels: (P, B, ...). Raises CannotStackError.
        """

        def one(
            trained: dict[str, Tensor], fixed: dict[str, Tensor], tensors: Sequence[Tensor], labels: Tensor
        ) -> Tensor:
            return loss(functional_call(self.skeleton, (trained, fixed), (unpack(tensors, layout),)), labels)

        with _as_one():
            found, losses = vmap(grad_and_value(one), randomness="different")(
                self.views(self.matrix), self.fixed, list(tensors), labels
            )
        parts = self.views(into)
        torch._foreach_copy_([parts[name] for name in found], list(found.values()))
        return losses

    def state(self, row: int, matrix: Tensor) -> dict[str, Tensor]:
        """A copy of one model's state with the parameters of this matrix, as `load_state_dict` takes it."""
        model = self.models[row]
        found = {name: view[row] for name, view in self.views(matrix).items()}
        found |= {name: value[row] for name, value in self.fixed.items()}
        # A tensor that has several names is in the matrix under the first.
        names = {id(x): name for name, x in (*model.named_parameters(), *model.named_buffers())}
        return {
            name: found[names[id(value)]].detach().clone() for name, value in model.state_dict(keep_vars=True).items()
        }


def _fixed(model: nn.Module) -> dict[str, Tensor]:
    return {n: p for n, p in model.named_parameters() if not p.requires_grad} | dict(model.named_buffers())


def _shapes(tensors: Mapping[str, Tensor]) -> dict[str, object]:
    return {name: (t.shape, t.dtype) for name, t in tensors.items()}


@contextmanager
def _as_one() -> Iterator[None]:
    """Raises CannotStackError in place of what PyTorch says of an operation that has no form for many models."""
    with masking.stacked():
        try:
            yield
        except torch.OutOfMemoryError:
            raise
        except (RuntimeError, ValueError, NotImplementedError, TypeError) as error:
            raise CannotStackError(" ".join(str(error).split())[:300]) from error
