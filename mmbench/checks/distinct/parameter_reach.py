"""Whose features does a parameter process, where the merged tokens are no modality's own?

Where tokens belong to a modality it is enough to see whose tokens a parameter moves. Where a fusion makes tokens of
several modalities, every parameter moves the same tokens. What tells weights per modality from shared ones there is
whose input a parameter's effect depends on, and which parameters come after it: those without which it has no effect.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from mmbench.checks.common import differ
from mmbench.checks.distinct.fusion_properties import random_streams
from mmbench.model.build import Branch
from mmbench.model.interfaces import Streams

Names = frozenset[str]
Step = tuple[str, Names, frozenset[Names]]
"""Place; the modalities on whose input a parameter's effect depends; the same, for parameters that come after it."""


@contextmanager
def moved(p: Tensor, *, seed: int) -> Iterator[None]:
    """While open, the parameter is 0.1 off its value, in a random direction."""
    before, g = p.clone(), torch.Generator().manual_seed(seed)
    p.add_(torch.randn(p.shape, dtype=p.dtype, generator=g), alpha=0.1)
    try:
        yield
    finally:
        p.copy_(before)


def _steps(
    parameters: list[nn.Parameter], tokens: Callable[[Streams], Tensor], inputs: list[Streams]
) -> Iterator[tuple[int, set[int], set[int]]]:
    """For every parameter with an effect: its index, which of inputs[1:] change its effect, what comes after it."""

    def effects(which: list[int], x: Streams) -> dict[int, Tensor]:
        base, found = tokens(x), {}
        for i in which:
            with moved(parameters[i], seed=i):
                found[i] = tokens(x) - base
        return found

    def there(x: Tensor) -> bool:
        return differ(x, torch.zeros(()))

    everywhere = [effects(list(range(len(parameters))), x) for x in inputs]
    live = [i for i, effect in everywhere[0].items() if there(effect)]
    after: dict[int, set[int]] = {i: set() for i in live}
    for i in live:
        # Biases and gains silence nothing that the matrix beside them does not.
        if parameters[i].ndim < 2:
            continue
        before = parameters[i].clone()
        parameters[i].zero_()
        for j, effect in effects([j for j in live if j != i], inputs[0]).items():
            if not there(effect):
                after[j].add(i)
        parameters[i].copy_(before)
    for i in live:
        yield i, {n for n, x in enumerate(everywhere[1:]) if there(x[i] - everywhere[0][i])}, after[i]


@torch.no_grad()
def merging(branch: Branch) -> frozenset[Step]:
    """The steps of a branch that merges its inputs to tokens of several modalities; empty for other branches."""
    fusion, names = branch.fusion, branch.modalities
    inputs, others = random_streams(branch, 1), random_streams(branch, 7)
    start = fusion.merge_inputs(inputs)
    if {s.modality for stream in start.values() for s in stream.segments} <= set(names):
        return frozenset()
    variants: list[Streams] = [inputs, *({**inputs, name: others[name]} for name in names)]
    places: dict[str, Callable[[Streams], Tensor]] = {
        "merge": lambda x: torch.cat([s.tokens for s in fusion.merge_inputs(x).values()], dim=1)
    }
    if len(branch.layers) > 1:
        places["exchange"] = lambda x: torch.cat([s.tokens for s in fusion.exchange(0, start, x).values()], dim=1)
    steps = set()
    for place, tokens in places.items():
        found = list(_steps(list(fusion.parameters()), tokens, variants))
        whose = {i: frozenset(names[n] for n in changed) for i, changed, _ in found}
        steps |= {(place, whose[i], frozenset(whose[j] for j in after)) for i, _, after in found}
    return frozenset(steps)
