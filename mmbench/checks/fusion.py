"""The contract of a fusion, checked inside whole models."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import cast

import torch
from torch import Tensor, nn

from mmbench.architecture.independent import Independent
from mmbench.architecture.shared import Shared
from mmbench.checks import model as whole
from mmbench.checks import tiny
from mmbench.checks.common import Check, same, table
from mmbench.data.batches import Inputs
from mmbench.model.build import Branch
from mmbench.model.interfaces import Architecture, Fusion, Summaries
from mmbench.registry import Variant

MODALITIES = (2, 3, 4)
FAMILIES = ("early", "intermediate", "late (features)", "late (decisions)")


def _fusion(variant: Variant) -> type[Fusion]:
    return cast(type[Fusion], variant.cls)


def _possible(variant: Variant, depth: int = 2) -> tuple[int, ...]:
    return tuple(n for n in MODALITIES if _fusion(variant).cannot(modalities=n, depth=depth) is None)


def cases(
    variant: Variant, architectures: tuple[type[Architecture], ...] = (Independent, Shared)
) -> Iterator[whole.Case]:
    """The fusion under each of these architectures."""
    possible = _possible(variant)
    assert possible, f"{variant.name}: cannot act on 2, 3 or 4 modalities, so it would be skipped everywhere"
    for architecture in architectures:
        yield whole.Case(
            label=f"{variant.name} · {architecture.__name__.lower()}",
            build=partial(tiny.model, fusion=variant.cls, architecture=architecture),
            modalities=possible,
        )


def _over_cases(check: Callable[[whole.Case], None]) -> Check:
    @functools.wraps(check)
    def run(variant: Variant) -> None:
        for case in cases(variant):
            check(case)

    return run


def cannot_is_respected(variant: Variant) -> None:
    """`cannot` gives None or a reason, refuses one modality, and whatever it allows builds and runs."""
    for depth in (1, 2, 3):
        for n in (1, *MODALITIES):
            reason = _fusion(variant).cannot(modalities=n, depth=depth)
            where = f"{variant.name}: cannot(modalities={n}, depth={depth})"
            assert reason is None or (isinstance(reason, str) and reason.strip()), f"{where} is {reason!r}"
            assert n > 1 or reason, f"{where} allows a fusion of one modality"
            if reason is not None:
                continue
            try:
                model = tiny.model(n, fusion=variant.cls, depth=depth)
                model(tiny.inputs(n))
                dead = sum(p.grad is None for p in _backward(model, n))
            except Exception as error:
                raise AssertionError(f"{where} allows it, but it fails: {type(error).__name__}: {error}") from error
            assert not dead, f"{where} allows it, but {dead} parameters get no gradient there"


def _backward(model: nn.Module, modalities: int) -> list[nn.Parameter]:
    model(tiny.inputs(modalities)).sum().backward()
    return [p for p in model.parameters() if p.requires_grad]


@contextmanager
def summaries_of(branch: Branch) -> Iterator[dict[str, Tensor]]:
    """Collects what the branch hands to `merge_outputs`."""
    seen: dict[str, Tensor] = {}
    merge = branch.fusion.merge_outputs

    def spy(summaries: Summaries) -> Tensor:
        seen.update({name: x.detach() for name, x in summaries.items()})
        return merge(summaries)

    branch.fusion.merge_outputs = spy  # type: ignore[method-assign]
    try:
        yield seen
    finally:
        del branch.fusion.merge_outputs


def _summaries(branch: Branch, inputs: Inputs) -> dict[str, Tensor]:
    with torch.no_grad(), summaries_of(branch) as seen:
        branch(inputs)
    return seen


def acts_where_its_family_says(variant: Variant) -> None:
    """Early: the streams are merged. Intermediate: every modality reaches every other's summary. Late: none does.

    At every depth that `cannot` allows.
    """
    family = _fusion(variant).family
    assert family in FAMILIES, f"{variant.name}: family {family!r} is none of {', '.join(FAMILIES)}"
    for depth in (1, 2, 3):
        for n in _possible(variant, depth):
            _acts_where(variant, family, n, depth)


def _acts_where(variant: Variant, family: str, modalities: int, depth: int) -> None:
    names = tiny.NAMES[:modalities]
    model = tiny.model(modalities, fusion=variant.cls, depth=depth)
    branch = next(m for m in model.modules() if isinstance(m, Branch))
    inputs, others = tiny.inputs(modalities), tiny.inputs(modalities, seed=9)
    before = _summaries(branch, inputs)
    where = f"{variant.name}: says {family}, but at depth {depth}"
    if family == "early":
        assert set(before) != set(names), f"{where} encodes every modality by itself"
    for changed in names:
        after = _summaries(branch, {**inputs, changed: others[changed]})
        touched = {name for name in before if not same(before[name], after[name])}
        if family.startswith("late"):
            assert touched == {changed}, f"{where} modality {changed} reaches {sorted(touched)}"
        else:
            missed = sorted(set(before) - touched)
            assert not missed, f"{where} modality {changed} does not reach {missed}"


CHECKS: Mapping[str, Check] = table(
    "fusion", *(_over_cases(check) for check in whole.CHECKS), cannot_is_respected, acts_where_its_family_says
)
