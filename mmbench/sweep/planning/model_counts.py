"""Parameters and FLOPs of many cells without building each: what mechanisms add, and the rest, are counted apart.

The rest (stems, projections, MLPs, fusion, heads) is one skeleton for all mechanisms: a model whose mechanisms are
stand-ins that own nothing, compute nothing and note how they are called. A mechanism is measured by itself, once per
call shape. Both counts are those of `mmbench.model.cost`, provided that no part looks at the values of its input to
decide how much to compute. Shape legend: mmbench.model.interfaces.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass
from functools import partial
from typing import cast

import torch
from torch import Tensor, nn

from mmbench.data.batches import Example, Inputs
from mmbench.model import build as model
from mmbench.model import cost
from mmbench.model.block import MLP, Head, as_heads
from mmbench.model.interfaces import Attention, Heads, Pooling, Values
from mmbench.registry import get
from mmbench.schema.dataset import DataSpec
from mmbench.schema.params import Choice, ModelSize
from mmbench.schema.trial import TrialConfig

SMALL = 128
"""Up to this width a model is made on the CPU: quicker than on the meta device, many of whose kernels are in Python."""

Shape = tuple[int, int]
"""(heads, width of a head)"""
Call = tuple[int, int, int, int]
"""(H, d, N, M) of a call for one sample."""


class StandIn(Attention):
    """Owns nothing, returns zeros, and notes the shape of every call in `calls`."""

    def __init__(self, heads: int, head_dim: int, *, calls: Counter[Call]) -> None:
        super().__init__(heads, head_dim)
        self.calls = calls

    def attend(self, heads: Heads, *, need_weights: bool = False) -> tuple[Tensor, Tensor | None]:
        _, count, queries, width = heads.q.shape
        self.calls[(count, width, queries, heads.k.shape[2])] += 1
        return torch.zeros_like(heads.q), None


class PoolingStandIn(Pooling):
    """The same for a mechanism that ignores queries and keys."""

    def __init__(self, heads: int, head_dim: int, *, calls: Counter[Call]) -> None:
        super().__init__(heads, head_dim)
        self.calls = calls

    def attend(self, heads: Values, *, need_weights: bool = False) -> tuple[Tensor, Tensor | None]:
        batch, count, keys, width = heads.v.shape
        self.calls[(count, width, 1, keys)] += 1
        return heads.v.new_zeros(batch, count, 1, width), None


def sample(spec: DataSpec, modalities: tuple[str, ...], device: str) -> Inputs:
    """One sample of ones: whole numbers where there is a vocabulary, else floats."""
    found = {}
    for name in modalities:
        shape, words = spec.modalities[name].shape, spec.modalities[name].options.get("vocabulary")
        values = torch.ones(1, *shape, device=device)
        found[name] = Example(values=values if words is None else values.long().clamp(max=words - 1))
    return found


Small = tuple[int, int]
"""(of MLPs, of heads)"""


@dataclass(frozen=True, kw_only=True)
class SkeletonCount:
    """What a model owns beside its mechanisms: parameters; `each`: what one hidden unit more adds; mechanisms by shape.

    hidden: how many hidden units it was built with.
    """

    parameters: int
    hidden: Small
    each: Small
    mechanisms: Counter[Shape]


@dataclass(frozen=True, kw_only=True)
class Pass:
    """What a pass for one sample costs beside the mechanisms: FLOPs; `each`: what one hidden unit more adds; how
    mechanisms were called."""

    flops: int
    hidden: Small
    each: Small
    calls: Counter[Call]


def _hidden_sizes(size: ModelSize) -> Small:
    return size.mlp_hidden, size.head_hidden


def _more(counted: SkeletonCount | Pass, size: ModelSize) -> int:
    """What a size with other numbers of hidden units adds."""
    now = _hidden_sizes(size)
    return sum(each * (n - before) for each, n, before in zip(counted.each, now, counted.hidden, strict=True))


def _ends(small: MLP | Head) -> int:
    """Numbers that a hidden unit of a two-layer network reads and writes."""
    first, last = (layer for layer in small if isinstance(layer, nn.Linear))
    return first.in_features + last.out_features


def _device(size: ModelSize) -> str:
    return "cpu" if size.width <= SMALL else "meta"


def _key(config: TrialConfig, spec: DataSpec, content_based: bool) -> Hashable:
    """Of all that one skeleton serves. Numbers of hidden units are left out: each adds the same."""
    assert config.model is not None
    size, fusion, architecture = config.model, config.fusion, config.architecture
    parts = (None if c is None else c.label for c in (fusion, architecture))
    return spec.name, spec.hash, config.modalities, content_based, size.width, size.depth, size.heads, *parts


def _skeleton(built: nn.Module, size: ModelSize) -> SkeletonCount:
    each = [sum(_ends(m) + 1 for m in built.modules() if isinstance(m, kind)) for kind in (MLP, Head)]
    stand_ins = [m for m in built.modules() if isinstance(m, StandIn | PoolingStandIn)]
    return SkeletonCount(
        parameters=cost.parameters(built),
        hidden=_hidden_sizes(size),
        each=(each[0], each[1]),
        mechanisms=Counter((m.heads, m.head_dim) for m in stand_ins),
    )


def _passed(built: nn.Module, calls: Counter[Call], inputs: Inputs, size: ModelSize) -> Pass:
    each = {MLP: 0, Head: 0}

    def note(small: nn.Module, given: tuple[Tensor, ...], made: Tensor) -> None:
        if isinstance(small, MLP | Head):
            each[type(small)] += 2 * _ends(small) * made.shape[:-1].numel()

    for module in built.modules():
        if isinstance(module, MLP | Head):
            module.register_forward_hook(note)
    # Without parameters to train, the counter has no bookkeeping to do.
    built.requires_grad_(False).eval()
    flops = cost.count_flops(lambda: built(inputs))
    return Pass(flops=flops, hidden=_hidden_sizes(size), each=(each[MLP], each[Head]), calls=calls)


class ModelCounter:
    """Counts of cells; remembers what it has built and measured.

    Whatever keeps a model from being built or run (a broken variant, a width that a mechanism refuses) is raised as it
    comes.
    """

    def __init__(self) -> None:
        self._skeletons: dict[Hashable, SkeletonCount] = {}
        self._passes: dict[Hashable, Pass] = {}
        self._own: dict[Hashable, tuple[int, bool]] = {}
        self._calls: dict[Hashable, int] = {}

    def parameters(self, config: TrialConfig, spec: DataSpec) -> int:
        """Trainable parameters of the model of a cell or a single modality."""
        assert config.model is not None and config.attention is not None
        size, attention = config.model, config.attention
        key = _key(config, spec, self._mechanism(attention, (size.heads, size.width // size.heads))[1])
        if key not in self._skeletons:
            self._skeletons[key] = _skeleton(self._build(config, spec, _device(size), Counter()), size)
        skeleton = self._skeletons[key]
        own = sum(n * self._mechanism(attention, shape)[0] for shape, n in skeleton.mechanisms.items())
        return skeleton.parameters + own + _more(skeleton, size)

    def flops(self, config: TrialConfig, spec: DataSpec) -> int:
        """FLOPs of one forward pass for one sample."""
        assert config.model is not None and config.attention is not None
        size, attention = config.model, config.attention
        key = _key(config, spec, self._mechanism(attention, (size.heads, size.width // size.heads))[1])
        if key not in self._passes:
            self._run(key, config, spec)
        one = self._passes[key]
        own = sum(n * self._call(attention, call) for call, n in one.calls.items())
        return one.flops + own + _more(one, size)

    def _build(self, config: TrialConfig, spec: DataSpec, device: str, calls: Counter[Call]) -> nn.Module:
        assert config.model is not None and config.attention is not None
        size = config.model
        _, content_based = self._mechanism(config.attention, (size.heads, size.width // size.heads))
        stand_in = StandIn if content_based else PoolingStandIn
        with torch.device(device):
            return model.build(config, spec, attention=partial(stand_in, calls=calls))

    def _run(self, key: Hashable, config: TrialConfig, spec: DataSpec) -> None:
        """One pass; a skeleton comes with it."""
        assert config.model is not None
        size = config.model
        device, calls = _device(size), Counter[Call]()
        built = self._build(config, spec, device, calls)
        self._skeletons.setdefault(key, _skeleton(built, size))
        try:
            self._passes[key] = _passed(built, calls, sample(spec, config.modalities, device), size)
        except (RuntimeError, NotImplementedError):
            if device == "cpu":
                raise
            # What looks at values cannot run without any.
            calls = Counter[Call]()
            built = self._build(config, spec, "cpu", calls)
            self._passes[key] = _passed(built, calls, sample(spec, config.modalities, "cpu"), size)

    def _make(self, attention: Choice, shape: Shape) -> Attention:
        kind = get("attention", attention.name, where="counter").cls
        return cast(Attention, kind(*shape, **attention.options))

    def _mechanism(self, attention: Choice, shape: Shape) -> tuple[int, bool]:
        """Its parameters, and whether it is content based."""
        key = (attention.label, shape)
        if key not in self._own:
            made = self._make(attention, shape)
            self._own[key] = cost.parameters(made), made.content_based
        return self._own[key]

    def _call(self, attention: Choice, call: Call) -> int:
        """FLOPs of one call of the mechanism for one sample of real tokens."""
        key = (attention.label, call)
        if key not in self._calls:
            heads, head_dim, queries, keys = call
            made = self._make(attention, (heads, head_dim)).requires_grad_(False).eval()
            parts = [torch.ones(1, heads, n, head_dim) for n in (queries, keys, keys)]
            q_mask, kv_mask = (torch.ones(1, n, dtype=torch.bool) for n in (queries, keys))
            given = as_heads(parts if made.content_based else parts[-1:], kv_mask=kv_mask, q_mask=q_mask)
            self._calls[key] = cost.count_flops(lambda: made(given))
        return self._calls[key]
