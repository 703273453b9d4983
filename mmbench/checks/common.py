"""What the checks of all axes share: the registered variant's face, and looking at gradients."""

from __future__ import annotations

import functools
import inspect
import re
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType

import pydantic
import torch
from torch import Tensor, nn

from mmbench.registry import Axis, Variant

Check = Callable[[Variant], None]
"""Raises AssertionError, naming the variant and what it fails to show."""

TOLERANCE = 1e-9
"""Absolute, in float64: what two ways to compute one number may differ by."""

NOTICEABLE = 1e-8
"""What a probe takes for a change and not for rounding: models and inputs are of order 1, in float64."""

_POSITIONAL: Mapping[Axis, int] = {
    "attention": 2,
    "fusion": 1,
    "architecture": 2,
    "stem": 2,
    "dataset": 0,
    "baseline": 0,
    "metric": 1,
    "probe": 0,
}
_OPTIONS_FROM_SPEC = ("stem", "dataset")


@contextmanager
def float64() -> Iterator[None]:
    """Modules made within are float64, also what they do not register, which `.double()` would pass over."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def same(a: Tensor, b: Tensor, tolerance: float = TOLERANCE) -> bool:
    """Equal up to rounding, and finite; two NaN are not the same."""
    return a.shape == b.shape and bool(torch.allclose(a, b, rtol=1e-7, atol=tolerance))


def differ(a: Tensor, b: Tensor, tolerance: float = NOTICEABLE) -> bool:
    """Whether any two numbers are further apart than that; shapes broadcast."""
    return float((a - b).abs().max()) > tolerance


def finite(tensors: Iterable[Tensor]) -> bool:
    return all(bool(torch.isfinite(x).all()) for x in tensors)


def gradients(
    output: Tensor, wanted: Mapping[str, Tensor], *, generator: torch.Generator | None = None
) -> dict[str, Tensor]:
    """Gradients of a random weighting of `output`; zeros where there is no path."""
    generator = generator or torch.Generator().manual_seed(7)
    weighting = torch.randn(output.shape, dtype=output.dtype, generator=generator)
    if not output.requires_grad or not wanted:
        return {name: torch.zeros_like(x) for name, x in wanted.items()}
    found = torch.autograd.grad((output * weighting).sum(), list(wanted.values()), allow_unused=True)
    return {name: torch.zeros_like(x) if g is None else g for (name, x), g in zip(wanted.items(), found, strict=True)}


def trained_parameters(module: nn.Module) -> dict[str, Tensor]:
    """The registered parameters that an optimiser would see, by name."""
    return {name: p for name, p in module.named_parameters() if p.requires_grad}


def leaves(output: Tensor) -> Iterator[Tensor]:
    """Every tensor that `output` was computed from and that asks for a gradient, registered or not."""
    seen, stack = set(), [output.grad_fn]
    while stack:
        node = stack.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if hasattr(node, "variable"):
            yield node.variable
        stack += [following for following, _ in node.next_functions]


def table(axis: Axis, *checks: Check) -> Mapping[str, Check]:
    """The checks of an axis by name: those of every axis, then its own. Any error is told as a failed check."""
    named = {"documented": documented(axis), "options_are_a_schema": options_are_a_schema(axis)}
    named |= {check.__name__: check for check in checks}
    return MappingProxyType({name: _name_variant_in_errors(name, check) for name, check in named.items()})


def _name_variant_in_errors(name: str, check: Check) -> Check:
    @functools.wraps(check)
    def run(variant: Variant) -> None:
        try:
            check(variant)
        except Exception as error:
            if isinstance(error, AssertionError) and variant.name in str(error):
                raise
            raise AssertionError(f"{variant.name}: {name} raises {type(error).__name__}: {error}") from error

    return run


def documented(axis: Axis) -> Check:
    """The docstring says what, gives the formula and, where tensors go in, the shapes; the source is named."""

    def check(variant: Variant) -> None:
        text = inspect.cleandoc(variant.cls.__dict__.get("__doc__") or "")
        assert re.fullmatch(r"[a-z][a-z0-9_]*", variant.name), f"{variant.name!r}: names are lower_case_words"
        assert variant.source.strip(), f"{variant.name}: `source` is empty; name the paper or standard"
        assert text, f"{variant.name}: {variant.cls.__name__} has no docstring of its own"
        if axis in ("attention", "fusion", "architecture", "stem"):
            assert re.search(r"=|->|<-", text), f"{variant.name}: the docstring gives no formula"
        if axis in ("attention", "fusion", "stem"):
            assert "(B" in text, f"{variant.name}: the docstring gives no shapes, such as (B, L, D)"

    return check


def options_are_a_schema(axis: Axis) -> Check:
    """The constructor's keyword-only parameters are the schema: typed, with defaults that fit their types."""

    def check(variant: Variant) -> None:
        hints = typing.get_type_hints(variant.cls.__init__)  # type: ignore[misc]
        positional = 0
        for p in inspect.signature(variant.cls).parameters.values():
            assert p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD), (
                f"{variant.name}: the constructor takes *{p.name}, so a misspelt option would pass unseen"
            )
            if p.kind is not p.KEYWORD_ONLY:
                positional += 1
                continue
            assert p.name in hints, f"{variant.name}: option {p.name!r} has no type"
            if p.default is p.empty:
                assert axis in _OPTIONS_FROM_SPEC, f"{variant.name}: option {p.name!r} has no default"
                continue
            try:
                pydantic.TypeAdapter(hints[p.name]).validate_python(p.default, strict=True)
            except pydantic.ValidationError:
                raise AssertionError(
                    f"{variant.name}: the default of option {p.name!r}, {p.default!r}, does not fit its type"
                ) from None
        expected = _POSITIONAL[axis]
        assert positional == expected, (
            f"{variant.name}: {positional} positional parameters where {axis} has {expected}; options go after `*`"
        )

    return check
