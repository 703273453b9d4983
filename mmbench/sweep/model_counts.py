"""Parameters and FLOPs of many cells without building each: what mechanisms add, and the rest, are counted apart.

The rest (stems, projections, MLPs, fusion, heads) is one skeleton for all mechanisms: a model whose mechanisms are
stand-ins that own nothing, compute nothing and note how they are called. A mechanism is measured by itself, once per
call shape. Both counts are those of `mmbench.model.cost`, provided that no part looks at the values of its input to
decide how much to compute. Shape legend: mmbench.model.interfaces.
"""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import cast

import torch
from torch import Tensor, nn

from mmbench.data.batches import Example, Inputs
from mmbench.model import build as model
from mmbench.model import cost
from mmbench.model.block import MLP, Head
from mmbench.model.interfaces import Attention
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

    def __init__(self, heads: int, head_dim: int, *, content_based: bool, calls: Counter[Call]) -> None:
        super().__init__(heads, head_dim)
        self.content_based = content_based  # type: ignore[misc]  # of the mechanism that it stands for
        self.calls = calls

    def attend(
        self,
        q_BHNd: Tensor | None,
        k_BHMd: Tensor | None,
        v_BHMd: Tensor,
        kv_mask_BM: Tensor,
        *,
        need_weights: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        batch, heads, _, width = v_BHMd.shape
        return v_BHMd.new_zeros(batch, heads, 1 if q_BHNd is None else q_BHNd.shape[2], width), None

    def read(
        self,
        q_BHNd: Tensor | None,
        k_BHMd: Tensor | None,
        v_BHMd: Tensor,
        kv_mask_BM: Tensor,
        q_mask_BN: Tensor,
        *,
        need_weights: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        self.calls[(v_BHMd.shape[1], v_BHMd.shape[3], q_mask_BN.shape[1], v_BHMd.shape[2])] += 1
        return self.attend(q_BHNd, k_BHMd, v_BHMd, kv_mask_BM, need_weights=need_weights)


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
class Skeleton:
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


def _hidden(size: ModelSize) -> Small:
    return size.mlp_hidden, size.head_hidden


def _more(counted: Skeleton | Pass, size: ModelSize) -> int:
    """What a size with other numbers of hidden units adds."""
    now = _hidden(size)
    return sum(each * (n - before) for each, n, before in zip(counted.each, now, counted.hidden, strict=True))


def _ends(small: MLP | Head) -> int:
    """Numbers that a hidden unit of a two-layer network reads and writes."""
    first, last = (layer for layer in small if isinstance(layer, nn.Linear))
    return first.in_features + last.out_features


def _device(size: ModelSize) -> str:
    return "cpu" if size.width <= SMALL else "meta"


@contextmanager
def uncollected() -> Iterator[None]:
    """One thread, which small models are quickest with, and without Python's cycle collector, which would look through
    all models and trials made so far again and again."""
    enabled, threads = gc.isenabled(), torch.get_num_threads()
    gc.disable()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        if enabled:
            gc.enable()


def _key(config: TrialConfig, spec: DataSpec, content_based: bool) -> Hashable:
    """Of all that one skeleton serves. Numbers of hidden units are left out: each adds the same."""
    assert config.model is not None
    size, fusion, architecture = config.model, config.fusion, config.architecture
    parts = (None if c is None else c.label for c in (fusion, architecture))
    return spec.name, spec.hash, config.modalities, content_based, size.width, size.depth, size.heads, *parts


def _skeleton(built: nn.Module, size: ModelSize) -> Skeleton:
    each = [sum(_ends(m) + 1 for m in built.modules() if isinstance(m, kind)) for kind in (MLP, Head)]
    stand_ins = [m for m in built.modules() if isinstance(m, StandIn)]
    return Skeleton(
        parameters=cost.parameters(built),
        hidden=_hidden(size),
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
    flops = cost.counted(lambda: built(inputs))
    return Pass(flops=flops, hidden=_hidden(size), each=(each[MLP], each[Head]), calls=calls)


class Census:
    """Counts of cells; remembers what it has built and measured.

    Whatever keeps a model from being built or run (a broken variant, a width that a mechanism refuses) is raised as it
    comes.
    """

    def __init__(self) -> None:
        self._skeletons: dict[Hashable, Skeleton] = {}
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
        with torch.device(device):
            return model.build(config, spec, attention=partial(StandIn, content_based=content_based, calls=calls))

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
        kind = get("attention", attention.name, where="census").cls
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
            q, k, v = (torch.ones(1, heads, n, head_dim) for n in (queries, keys, keys))
            asks, real = (torch.ones(1, n, dtype=torch.bool) for n in (queries, keys))
            asked, keyed = (q, k) if made.content_based else (None, None)
            self._calls[key] = cost.counted(lambda: made.read(asked, keyed, v, real, asks))
        return self._calls[key]
