"""Are the cells of a grid different computations? Asked of what they do, not of their names or parameter counts.

A cell's *signature* is measured on a tiny model in float64 by changing one input modality, or one parameter, at a
time and watching where the change shows up. It says

- reach: which modalities have influenced the tokens of which modality, after the stems, inside and around every layer,
  and in the summaries (how fusions differ);
- sharing: for every place, which modalities' tokens one parameter acts on directly (how architectures differ);
- merging: the same where tokens are no modality's own (`.parameter_reach`);
- meeting: what the fusion does to streams, between layers and to summaries (`.fusion_properties`);
- combination: whether one live branch makes the logits, a sum of several does, a sum whose weights depend on the input,
  or something else (hybrid, dynamic);
- mixing: how each mechanism in use responds to content and place (`.attention_properties`). Mechanisms that differ by
  a projection only (`dot`, `bilinear`, `scaled_dot_product`) are told apart as primitives.

None of this changes when parameters are renamed, rescaled, transposed or duplicated, nor when dead ones are added. Two
cells with one signature are one computation as far as these probes see: add a probe, or drop a cell.

A third party asks `find_collapsed({name: measure(build), ...})`. For a large grid, `with_mechanism` spares most work:
a model hands its mechanism to layers, fusion and read-outs and to nothing else, so two cells that differ in the
mechanism alone agree in all parts but `mixing`, provided that both mechanisms take queries and keys, or neither, and
that every token sees every other through them. That a mechanism, a fusion and every branch have a say in a given cell
is another question: `checks.model.gradients_reach_parameters` asks it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from itertools import combinations
from typing import cast

import torch
from torch import Tensor, nn

from mmbench.checks import tiny
from mmbench.checks.common import differ
from mmbench.checks.distinct.attention_properties import Mixing, mixing
from mmbench.checks.distinct.fusion_properties import Meeting, meeting
from mmbench.checks.distinct.parameter_reach import Step, merging, moved
from mmbench.checks.fusion import summaries_of
from mmbench.data.batches import Inputs
from mmbench.model.block import Layer
from mmbench.model.build import Branch
from mmbench.model.interfaces import Attention, Segment, Stream, Streams

Group = tuple[int, str]
"""A branch, and a modality whose tokens (or a stream whose summary) it holds."""


@dataclass(frozen=True, kw_only=True)
class Signature:
    """What a cell computes, as far as the probes see; equal for equal computations."""

    reach: frozenset[tuple[str, Group, frozenset[str]]]
    sharing: frozenset[tuple[str, frozenset[Group]]]
    merging: frozenset[tuple[int, Step]]
    meeting: frozenset[tuple[int, Meeting]]
    combination: str
    mixing: frozenset[Mixing]

    def difference(self, other: Signature) -> str:
        """The parts in which two signatures differ, for a message."""
        return ", ".join(part for part in self.__dataclass_fields__ if getattr(self, part) != getattr(other, part))

    def with_mechanism(self, mechanism: Attention) -> Signature:
        """That of the cell with another mechanism, of as many heads and as wide; see above for when that holds."""
        return replace(self, mixing=frozenset({mixing(mechanism)}))


Trace = dict[tuple[str, Group], Tensor]
"""Place and group -> its tokens or summary; places are in the order in which they come about."""


@contextmanager
def _watch(branches: list[Branch]) -> Iterator[Trace]:
    """While open, a forward pass fills the trace."""
    trace: Trace = {}

    def group(branch: int, name: str) -> Group:
        # What a fusion calls a stream or tokens of its own is no part of what it computes.
        return branch, name if name in branches[branch].modalities else "not one modality's"

    def note(place: str, branch: int, stream: Stream) -> None:
        parts = stream.tokens.detach().split([s.length for s in stream.segments], dim=1)
        masks = stream.mask.split([s.length for s in stream.segments], dim=1)
        for segment, part, mask in zip(stream.segments, parts, masks, strict=True):
            trace[place, group(branch, segment.modality)] = part.masked_fill(~mask[..., None], 0)

    with ExitStack() as stack:
        for b, branch in enumerate(branches):

            def embedded(
                streams: Streams, *, b: int = b, merge: Callable[..., Streams] = branch.fusion.merge_inputs
            ) -> Streams:
                for stream in streams.values():
                    note("stems", b, stream)
                return merge(streams)

            stack.enter_context(_replace_method(branch.fusion, "merge_inputs", embedded))
            for i, layer in enumerate(cast(list[Layer], list(branch.layers))):
                masks: list[Tensor] = []
                project = layer.out.per_token

                def before(
                    module: nn.Module,
                    args: tuple[str, Stream],
                    *,
                    b: int = b,
                    i: int = i,
                    masks: list[Tensor] = masks,
                ) -> None:
                    masks[:] = [args[1].mask]
                    note(f"layer {i}, in", b, args[1])

                def after(module: nn.Module, args: object, out: Stream, *, b: int = b, i: int = i) -> None:
                    note(f"layer {i}, out", b, out)

                def attended(
                    tokens: Tensor,
                    segments: tuple[Segment, ...],
                    *,
                    b: int = b,
                    i: int = i,
                    masks: list[Tensor] = masks,
                    project: Callable[..., Tensor] = project,
                ) -> Tensor:
                    out = project(tokens, segments)
                    every = out.expand(-1, masks[0].shape[1], -1)
                    note(f"layer {i}, attended", b, Stream(tokens=every, mask=masks[0], segments=segments))
                    return out

                stack.enter_context(_replace_method(layer.out, "per_token", attended))
                stack.callback(layer.register_forward_pre_hook(before).remove)
                stack.callback(layer.register_forward_hook(after).remove)

            summaries = stack.enter_context(summaries_of(branch))

            def result(
                module: nn.Module,
                args: object,
                out: Tensor,
                *,
                b: int = b,
                summaries: Mapping[str, Tensor] = summaries,
            ) -> None:
                trace.update({("summary", group(b, name)): x for name, x in summaries.items()})
                trace["logits", (b, "")] = out.detach()

            stack.callback(branch.register_forward_hook(result).remove)
        yield trace


@contextmanager
def _replace_method(module: nn.Module, method: str, function: Callable[..., object]) -> Iterator[None]:
    setattr(module, method, function)
    try:
        yield
    finally:
        delattr(module, method)


def _find_changes(a: Trace, b: Trace) -> list[tuple[str, Group]]:
    return [key for key in a if differ(a[key], b[key])]


def _with_more(model: nn.Module, branch: Branch, inputs: Inputs, more: Tensor) -> Tensor:
    """The model's logits, with `more` (C,) added to those of the branch."""
    handle = branch.register_forward_hook(lambda module, args, out: out + more)
    logits = model(inputs)
    handle.remove()
    return logits


def _live(model: nn.Module, branches: list[Branch], inputs: Inputs) -> list[Branch]:
    """The branches whose logits reach the model's."""
    base = model(inputs)
    more = torch.arange(1, base.shape[1] + 1)
    return [b for b in branches if differ(_with_more(model, b, inputs, more), base)]


def _combination(model: nn.Module, branches: list[Branch], inputs: Inputs, others: Inputs) -> str:
    """How the logits of the live branches make the model's: added, added with weights that depend on the input, or not.

    Constant weights are no part of the computation: the head before them absorbs them.
    """
    if len(branches) == 1:
        return "one branch"
    constant = True
    for branch in branches:
        weights = []
        for x in (inputs, others):
            base = model(x)
            unit = torch.eye(base.shape[1], dtype=base.dtype)

            small, large = (
                torch.stack([_with_more(model, branch, x, size * row) - base for row in unit], dim=1) / size
                for size in (1.0, 3.0)
            )
            weight = small[:, 0, 0]
            if differ(small, large) or differ(small, weight[:, None, None] * unit):
                return "other"
            weights.append(weight)
        constant = constant and not differ(torch.cat(weights), weights[0][0])
    return f"sum of {len(branches)} branches" + ("" if constant else ", weighted by the inputs")


def mechanisms(branch: Branch) -> list[Attention]:
    """The attentions in use, without those that are parts of others."""
    found = [m for m in branch.modules() if isinstance(m, Attention)]
    parts = {id(part) for m in found for part in m.modules() if part is not m}
    return [m for m in found if id(m) not in parts]


@torch.no_grad()
def signature(model: nn.Module, inputs: Inputs, others: Inputs) -> Signature:
    """Measure a model in float64 on `inputs`; `others` are different inputs with the same masks, put in one at a time.

    Every parameter is moved and put back.
    """
    branches = _live(model, [m for m in model.modules() if isinstance(m, Branch)], inputs)
    branches.sort(key=lambda branch: branch.modalities)

    with _watch(branches) as trace:

        def run(x: Inputs) -> Trace:
            trace.clear()
            model(x)
            return dict(trace)

        base = run(inputs)
        order = [place for place, _ in base]
        reach: dict[tuple[str, Group], set[str]] = {key: set() for key in base}
        for name in inputs:
            for key in _find_changes(base, run({**inputs, name: others[name]})):
                reach[key].add(name)

        sharing = set()
        for seed, p in enumerate(model.parameters()):
            with moved(p, seed=seed):
                touched = _find_changes(base, run(inputs))
            # Where it acts directly: in each branch, the first place where its change shows.
            first = {b: next(place for place, (c, _) in touched if c == b) for b in {b for _, (b, _) in touched}}
            groups = frozenset(group for place, group in touched if place == first[group[0]])
            if groups:
                sharing.add((min(first.values(), key=order.index), groups))

    return Signature(
        reach=frozenset((place, group, frozenset(names)) for (place, group), names in reach.items()),
        sharing=frozenset(sharing),
        merging=frozenset((b, step) for b, branch in enumerate(branches) for step in merging(branch)),
        meeting=frozenset((b, meeting(branch)) for b, branch in enumerate(branches)),
        combination=_combination(model, branches, inputs, others),
        mixing=frozenset(mixing(m) for b in branches for m in mechanisms(b)),
    )


def measure(build: Callable[[], nn.Module], modalities: int = 2) -> Signature:
    """The signature of a tiny model (see `tiny.model`) of so many modalities."""
    inputs, others = tiny.inputs(modalities, seed=0), tiny.inputs(modalities, seed=5)
    others = {name: type(x)(values=x.values, mask=inputs[name].mask) for name, x in others.items()}
    return signature(build(), inputs, others)


def find_collapsed(signatures: Mapping[str, Signature]) -> list[tuple[str, str]]:
    """The pairs of cells that are one computation as far as the probes see."""
    alike: dict[Signature, list[str]] = {}
    for name, found in signatures.items():
        alike.setdefault(found, []).append(name)
    return [pair for names in alike.values() for pair in combinations(names, 2)]


@torch.no_grad()
def align(model: nn.Module) -> nn.Module:
    """Give the k-th parameter of every shape a value that depends on k and the shape alone.

    Two models of one computation whose parameters come in one order then agree, whatever their parameters are called:
    the direct complement of `signature`, which asks about structure.
    """
    seen: dict[tuple[int, ...], int] = {}
    for p in model.parameters():
        shape = tuple(p.shape)
        seen[shape] = seen.get(shape, 0) + 1
        g = torch.Generator().manual_seed(hash((shape, seen[shape])) % 2**31)
        p.copy_(torch.randn(shape, dtype=torch.float64, generator=g) / max(1, shape[-1]) ** 0.5)
    return model
