"""One step of PyTorch's operations, written down so that they can be run again on the same memory."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

Run = Callable[[], object]

MOST = 2**25
"""Bytes that a recorded step may keep. Where it takes more, arithmetic outweighs what a replay saves."""

_BY_FUNCTION = (
    "_log_softmax",
    "_softmax",
    "add",
    "addmm",
    "baddbmm",
    "bmm",
    "cat",
    "clamp",
    "div",
    "eq",
    "exp",
    "log",
    "mean",
    "mm",
    "mul",
    "ne",
    "neg",
    "pow",
    "reciprocal",
    "rsqrt",
    "sigmoid",
    "sqrt",
    "sub",
    "sum",
    "tanh",
)
"""Operations that write to given memory when called by PyTorch's own function, the quickest way to call them."""

_BY_OVERLOAD = ("gelu", "relu", "silu", "softplus")
_OF_GRADIENTS = ("gelu_backward", "sigmoid_backward", "silu_backward", "tanh_backward", "threshold_backward")


class OtherBranchError(Exception):
    """Values decided in the recorded step which operations follow, and are others now."""


def _tensors(tree: object) -> Iterator[Tensor]:
    return (leaf for leaf in tree_leaves(tree) if isinstance(leaf, Tensor))


def memory(tensor: Tensor) -> int:
    """Which memory a tensor, or the tensor that it is a view of, lies in."""
    return int(tensor.untyped_storage()._cdata)


def _copy(run: Callable[[], Tensor], into: Tensor) -> None:
    into.copy_(run())


def _copy_each(run: Callable[[], Sequence[Tensor]], into: Mapping[int, Tensor]) -> None:
    results = run()
    for i, tensor in into.items():
        tensor.copy_(results[i])


def _check(value: Tensor, expected: object) -> None:
    if value.item() != expected:
        raise OtherBranchError


def _writes_to() -> Mapping[str, tuple[Callable[..., Any], str]]:
    """By the name of an operation: how it is called with memory to write to, and what that argument is called."""
    aten = torch.ops.aten
    known: dict[str, tuple[Callable[..., Any], str]] = {name: (getattr(torch, name), "out") for name in _BY_FUNCTION}
    known |= {name: (getattr(aten, name).out, "out") for name in _BY_OVERLOAD}
    known |= {name: (getattr(aten, name).grad_input, "grad_input") for name in _OF_GRADIENTS}
    return known | {"_softmax_backward_data": (aten._softmax_backward_data.out, "grad_input")}


_INTO = _writes_to()


class Recorder(TorchDispatchMode):
    """Writes down every operation that computes something, while it is entered.

    Attributes:
        runs: To be called in their order. Views and empty memory are not among them, since they stay.
        refusal: Why the step cannot be replayed; None where it can.
        guarded: Values decide on the way: a run raises OtherBranchError where they are others.
        lasting: Memory that outlives the step and may be changed by it, that of buffers.
    """

    def __init__(self, lasting: Collection[int]) -> None:
        super().__init__()
        self.lasting = lasting
        self.runs: list[Run] = []
        self.refusal: str | None = None
        self.bytes = 0
        self.guarded = False
        # All that was made is kept while recording, so that no two results have the same memory.
        self.made: dict[int, object] = {}

    def __torch_dispatch__(
        self, func: Any, types: object, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        found = func(*args, **kwargs)
        if self.refusal is None:
            self.refusal = self._write_down(func, args, kwargs, found)
        return found

    def _write_down(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], found: Any) -> str | None:
        if func is torch.ops.aten._local_scalar_dense.default:
            self.guarded = True
            self.runs.append(partial(_check, args[0], found))
            return None
        if torch.Tag.data_dependent_output in func.tags or torch.Tag.dynamic_output_shape in func.tags:
            return f"what {func} returns depends on values"
        if func._schema.is_mutable:
            return self._change(func, args, kwargs)
        return self._result(func, args, kwargs, found)

    def _change(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str | None:
        self.runs.append(partial(func, *args, **kwargs))
        names = [spec.name for spec in func._schema.arguments]
        given = dict(zip(names, args, strict=False)) | kwargs
        written = [given[spec.name] for spec in func._schema.arguments if spec.is_write and spec.name in given]
        outside = {memory(t) for t in _tensors(written)} - self.made.keys()
        return None if outside <= set(self.lasting) else f"{func} changes memory that is no buffer of the model"

    def _result(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], found: Any) -> str | None:
        read = {memory(t) for t in _tensors((args, kwargs))}
        results = list(found) if isinstance(found, list | tuple) else [found]
        fresh = {i: r for i, r in enumerate(results) if isinstance(r, Tensor) and memory(r) not in read}
        if not fresh:
            # Views of what is there keep their memory too.
            return None if any(isinstance(r, Tensor) for r in results) else f"{func} returns no tensor"
        self.bytes += sum(t.nbytes for t in fresh.values())
        if self.bytes > MOST:
            return f"a step takes more than {MOST} bytes"
        self.made |= {memory(t): t.untyped_storage() for t in fresh.values()}
        name = func._schema.name.removeprefix("aten::")
        if name in ("empty", "empty_like", "empty_strided", "new_empty", "new_empty_strided"):
            return None
        self.runs.append(_into_memory(name, partial(func, *args, **kwargs), found, fresh))
        return None


def _into_memory(name: str, run: partial[Any], found: Any, fresh: Mapping[int, Tensor]) -> Run:
    """What does `run` again and leaves the result where it was found."""
    if not isinstance(found, Tensor):
        return partial(_copy_each, run, fresh)
    args, kwargs = run.args, run.keywords
    if name == "clone":
        return partial(found.copy_, args[0])
    if name in ("zeros", "zeros_like", "new_zeros"):
        return found.zero_
    if name in _INTO and _takes_memory(run, found):
        into, argument = _INTO[name]
        return partial(into, *args, **kwargs, **{argument: found})
    return partial(_copy, run, found)


_TAKES_MEMORY: dict[object, bool] = {}


def _takes_memory(run: partial[Any], found: Tensor) -> bool:
    """Whether the operation can be called as `_INTO` says, which is tried once for each of its overloads."""
    func: Any = run.func
    if func not in _TAKES_MEMORY:
        into, argument = _INTO[func._schema.name.removeprefix("aten::")]
        try:
            with torch.no_grad():
                other = into(*run.args, **run.keywords, **{argument: torch.empty_like(found)})
            _TAKES_MEMORY[func] = torch.equal(other, found)
        except (TypeError, RuntimeError):
            _TAKES_MEMORY[func] = False
    return _TAKES_MEMORY[func]
