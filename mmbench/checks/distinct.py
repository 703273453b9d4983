"""Are the cells of a grid different computations? Asked of what they do, not of their names or parameter counts.

A cell's *signature* is measured on a tiny model in float64 by changing one input modality, or one parameter, at a
time and watching where the change shows up. It says

- reach: which modalities have influenced the tokens of which modality, after the stems, before and after every layer,
  and in the summaries (how fusions differ);
- sharing: for every place, which modalities' tokens one parameter acts on directly (how architectures differ);
- combination: whether one live branch makes the logits, a sum of several does, or something else (hybrid, dynamic);
- decision: whether the logits are a sum of one term per summary (late fusion of decisions);
- mixing: how each mechanism in use responds to content (how attentions differ).

None of this changes when parameters are renamed, rescaled, transposed or duplicated, nor when dead ones are added. Two
cells with one signature are one computation as far as these probes see: add a probe, or drop a cell.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import combinations

import torch
from torch import Tensor, nn

from mmbench.checks import tiny
from mmbench.checks.fusion import summaries_of
from mmbench.model import Branch
from mmbench.types import Attention, Inputs, Stream

NOTICEABLE = 1e-8
"""Changes below are rounding: models and inputs are of order 1, in float64."""

Group = tuple[int, str]
"""A branch, and a modality whose tokens (or a stream whose summary) it holds."""


@dataclass(frozen=True, kw_only=True)
class Mixing:
    """How a mechanism responds to content.

    reads_queries, reads_keys: whether they matter at all. linear_in_values. log_odds_linear_in_queries: whether the log
    ratio of two tokens' weights is linear in the query (a dot product of some kind, under softmax). saturates: whether
    weights stay short of one-hot however large the query. rivals_matter: whether the ratio of two tokens' weights
    depends on a third token. sparse: whether weights can be exactly 0 on real tokens. ordered: whether the order of the
    tokens matters.
    """

    reads_queries: bool
    reads_keys: bool
    linear_in_values: bool
    log_odds_linear_in_queries: bool
    saturates: bool
    rivals_matter: bool
    sparse: bool
    ordered: bool


@dataclass(frozen=True, kw_only=True)
class Signature:
    """What a cell computes, as far as the probes see; equal for equal computations."""

    reach: frozenset[tuple[str, Group, frozenset[str]]]
    sharing: frozenset[tuple[str, frozenset[Group]]]
    combination: str
    decision: frozenset[tuple[int, bool]]
    mixing: frozenset[Mixing]

    def difference(self, other: Signature) -> str:
        """The parts in which two signatures differ, for a message."""
        return ", ".join(part for part in self.__dataclass_fields__ if getattr(self, part) != getattr(other, part))


Trace = dict[tuple[str, Group], Tensor]
"""Place and group -> its tokens or summary; places are in the order in which they come about."""


@contextmanager
def _watched(branches: list[Branch]) -> Iterator[tuple[Trace, dict[int, Tensor], list[dict[str, Tensor]]]]:
    """While open, a forward pass fills the trace, and what each branch hands to its last merge and gets."""
    trace: Trace = {}
    logits: dict[int, Tensor] = {}

    def group(branch: int, name: str) -> Group:
        # What a fusion calls a stream or tokens of its own is no part of what it computes.
        return branch, name if name in branches[branch].modalities else "not one modality's"

    def note(place: str, branch: int, stream: Stream) -> None:
        parts = stream.tokens.detach().split([s.length for s in stream.segments], dim=1)
        masks = stream.mask.split([s.length for s in stream.segments], dim=1)
        for segment, part, mask in zip(stream.segments, parts, masks, strict=True):
            trace[place, group(branch, segment.modality)] = part.masked_fill(~mask[..., None], 0)

    with ExitStack() as stack:
        summaries: list[dict[str, Tensor]] = []
        for b, branch in enumerate(branches):
            for i, layer in enumerate(branch.layers):

                def before(module: nn.Module, args: tuple[str, Stream], *, b: int = b, i: int = i) -> None:
                    note(f"layer {i}, in", b, args[1])

                def after(module: nn.Module, args: tuple[str, Stream], out: Stream, *, b: int = b, i: int = i) -> None:
                    note(f"layer {i}, out", b, out)

                stack.callback(layer.register_forward_pre_hook(before).remove)
                stack.callback(layer.register_forward_hook(after).remove)

            def result(module: nn.Module, args: object, out: Tensor, *, b: int = b) -> None:
                logits[b] = out.detach()
                trace.update({("summary", group(b, name)): x for name, x in summaries[b].items()})
                trace["logits", (b, "")] = out.detach()

            summaries.append(stack.enter_context(summaries_of(branch)))
            stack.callback(branch.register_forward_hook(result).remove)
        yield trace, logits, summaries


def _changed(a: Trace, b: Trace) -> list[tuple[str, Group]]:
    return [key for key in a if float((a[key] - b[key]).abs().max()) > NOTICEABLE]


def _live(model: nn.Module, branches: list[Branch], inputs: Inputs) -> list[int]:
    """The branches whose logits reach the model's."""
    live = []
    for b, branch in enumerate(branches):
        handle = branch.register_forward_hook(lambda module, args, out: out + torch.arange(1, out.shape[1] + 1))
        moved = model(inputs)
        handle.remove()
        if float((moved - model(inputs)).abs().max()) > NOTICEABLE:
            live.append(b)
    return live


def _additive(branch: Branch, a: Mapping[str, Tensor], b: Mapping[str, Tensor]) -> bool:
    """Whether the logits are a sum of one function per summary: mixed differences vanish."""
    merge = branch.fusion.merge_outputs
    for m, n in combinations(a, 2):
        mixed = merge(a) - merge({**a, m: b[m]}) - merge({**a, n: b[n]}) + merge({**a, m: b[m], n: b[n]})
        if float(mixed.abs().max()) > NOTICEABLE:
            return False
    return True


@torch.no_grad()
def mixing(mechanism: Attention) -> Mixing:
    """Probe the primitive on random tokens."""
    heads, d, tokens = mechanism.heads, mechanism.head_dim, mechanism.head_dim
    g = torch.Generator().manual_seed(3)
    q, q2, k, k2 = (torch.randn(1, heads, tokens, d, dtype=torch.float64, generator=g) for _ in range(4))
    v = torch.randn(1, heads, tokens, d, dtype=torch.float64, generator=g)
    # Values that are the unit vectors make the output the weights, even where a mechanism never forms them.
    unit = torch.eye(tokens, d, dtype=torch.float64).expand(1, heads, -1, -1)
    mask = torch.ones(1, tokens, dtype=torch.bool)

    def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        if not mechanism.content_based:
            return mechanism.attend(None, None, v, mask)[0].expand_as(q)
        return mechanism.attend(q, k, v, mask)[0].expand_as(q)

    def differ(a: Tensor, b: Tensor, tolerance: float = NOTICEABLE) -> bool:
        return float((a - b).abs().max()) > tolerance

    def log_odds(weights: Tensor) -> Tensor:
        logs = weights.clamp(min=1e-300).log()
        return logs[..., 1:2] - logs[..., :1]

    weights = attend(q, k, unit)
    rival = torch.cat([k[:, :, :-1], k2[:, :, -1:]], dim=2)
    turned = torch.arange(tokens).roll(1)
    sharp = attend(q * 1e6, k, unit)
    return Mixing(
        reads_queries=differ(weights, attend(q2, k, unit)),
        reads_keys=differ(weights, attend(q, k2, unit)),
        linear_in_values=not differ(attend(q, k, v + 2 * unit), attend(q, k, v) + 2 * weights),
        log_odds_linear_in_queries=not differ(
            log_odds(attend(q + q2, k, unit)), log_odds(weights) + log_odds(attend(q2, k, unit)), 1e-6
        ),
        saturates=float(sharp.amax(-1).min()) < 0.99,
        rivals_matter=differ(log_odds(weights), log_odds(attend(q, rival, unit)), 1e-6),
        sparse=bool((attend(3 * q, 3 * k, unit) == 0).any()),
        ordered=differ(attend(q, k[:, :, turned], v[:, :, turned]), attend(q, k, v)),
    )


@torch.no_grad()
def signature(model: nn.Module, inputs: Inputs, others: Inputs) -> Signature:
    """Measure a model in float64 on `inputs`; `others` are different inputs with the same masks, put in one at a time.

    Every parameter is moved and put back.
    """
    branches = [m for m in model.modules() if isinstance(m, Branch)]
    live = _live(model, branches, inputs)
    branches = sorted((branches[b] for b in live), key=lambda branch: branch.modalities)
    g = torch.Generator().manual_seed(11)

    with _watched(branches) as (trace, made, handed):

        def run(x: Inputs) -> tuple[Trace, dict[int, Tensor], Tensor]:
            trace.clear()
            logits = model(x)
            return dict(trace), dict(made), logits

        base, parts, logits = run(inputs)
        reach: dict[tuple[str, Group], set[str]] = {key: set() for key in base}
        for name in inputs:
            for key in _changed(base, run({**inputs, name: others[name]})[0]):
                reach[key].add(name)

        sharing = set()
        for p in model.parameters():
            before = p.clone()
            p.add_(torch.randn(p.shape, dtype=p.dtype, generator=g), alpha=0.1)
            touched = _changed(base, run(inputs)[0])
            p.copy_(before)
            # Where it acts directly: in each branch, the first place where its change shows.
            first = {b: next(place for place, (c, _) in touched if c == b) for b in {b for _, (b, _) in touched}}
            groups = frozenset(group for place, group in touched if place == first[group[0]])
            if groups:
                sharing.add((min(first.values(), key=[place for place, _ in base].index), groups))

        run(inputs)
        summaries = [dict(x) for x in handed]
        run(others)
        decision = frozenset(
            (len(first), _additive(branch, first, dict(second)))
            for branch, first, second in zip(branches, summaries, handed, strict=True)
        )
        combination = "one branch" if len(branches) == 1 else "other"
        if len(branches) > 1 and float((logits - sum(parts.values())).abs().max()) < NOTICEABLE:
            combination = f"sum of {len(branches)} branches"

    return Signature(
        reach=frozenset((place, group, frozenset(names)) for (place, group), names in reach.items()),
        sharing=frozenset(sharing),
        combination=combination,
        decision=decision,
        mixing=frozenset(mixing(m) for b in branches for m in b.modules() if isinstance(m, Attention)),
    )


def measure(build: Callable[[], nn.Module], modalities: int = 2) -> Signature:
    """The signature of a tiny model (see `tiny.model`) of so many modalities."""
    inputs, others = tiny.inputs(modalities, seed=0), tiny.inputs(modalities, seed=5)
    others = {name: type(x)(values=x.values, mask=inputs[name].mask) for name, x in others.items()}
    return signature(build(), inputs, others)


def collapsed(signatures: Mapping[str, Signature]) -> list[tuple[str, str]]:
    """The pairs of cells that are one computation as far as the probes see."""
    return [(a, b) for a, b in combinations(signatures, 2) if signatures[a] == signatures[b]]


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
