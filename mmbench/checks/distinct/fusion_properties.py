"""How do modalities meet? Properties of what a fusion does to streams and to summaries, asked inside a model.

Everything is asked of the functions alone: what the fusion and its parts are called, and how it is written, plays no
part. Logits are compared up to a number that all classes share, which no loss and no decision sees.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from mmbench.checks.common import differ
from mmbench.model.build import Branch
from mmbench.model.interfaces import Segment, Stream, Streams

LENGTHS = (5, 6, 7, 8)
SAMPLES = 64
FAR = 1e4
"""Where summaries are so large that activations are linear or constant, and only what a merge is at heart remains."""


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """What happens to a stream between two layers.

    reads_inputs: whether the streams are read again as the stems made them. own_tokens_meet: whether a token depends on
    other tokens of its stream. others_as_mean: whether only the mean token of the other streams matters (None without
    others). additive: whether the change is a sum of a function of the stream and one of the others. direction_only:
    whether the change depends on a token's direction alone, not on its length.
    """

    reads_inputs: bool
    own_tokens_meet: bool
    others_as_mean: bool | None
    additive: bool
    direction_only: bool


@dataclass(frozen=True, kw_only=True)
class Merge:
    """What makes logits of several summaries.

    additive: whether they are a sum of one term per summary. mixture: whether the predicted distribution is a weighted
    mean of one distribution per summary. growth: the power with which logits grow with the summaries' scale, or None
    where they settle. far: what they are like there, "constant", "linear" or "curved". few_products: where products of
    summaries enter, whether they do so in combinations of low rank (None where growth is no higher than 1).
    """

    additive: bool
    mixture: bool
    growth: int | None
    far: str
    few_products: bool | None


@dataclass(frozen=True, kw_only=True)
class Meeting:
    """What a fusion does at its three places; None where it does nothing.

    merges_inputs: None, or whether the order of a modality's tokens matters to the merged stream.
    """

    merges_inputs: bool | None
    exchanges: frozenset[Exchange]
    merges_outputs: Merge | None


def random_streams(branch: Branch, seed: int) -> dict[str, Stream]:
    """Streams as stems might make them, without padding."""
    g = torch.Generator().manual_seed(seed)

    def stream(name: str, length: int) -> Stream:
        tokens = torch.randn(2, length, branch.width, dtype=torch.float64, generator=g)
        mask = torch.ones(2, length, dtype=torch.bool)
        return Stream(tokens=tokens, mask=mask, segments=(Segment(modality=name, length=length),))

    return {name: stream(name, LENGTHS[i % len(LENGTHS)]) for i, name in enumerate(branch.modalities)}


def _merges_inputs(branch: Branch) -> bool | None:
    inputs = random_streams(branch, 1)
    if branch.fusion.merge_inputs(inputs).keys() == inputs.keys():
        return None

    def total(streams: Streams) -> Tensor:
        return torch.stack([s.tokens.sum(1) for s in branch.fusion.merge_inputs(streams).values()])

    turned = {name: s.with_tokens(s.tokens.roll(1, dims=1)) for name, s in inputs.items()}
    return differ(total(turned), total(inputs))


def _exchange(branch: Branch, name: str, streams: dict[str, Stream], inputs: Streams) -> Exchange | None:
    """What happens to the stream of that name after the first layer."""
    own, g = streams[name], torch.Generator().manual_seed(2)

    def other(s: Stream) -> Stream:
        return s.with_tokens(torch.randn(s.tokens.shape, dtype=torch.float64, generator=g))

    def change(own: Stream, others: Streams, inputs: Streams = inputs) -> Tensor:
        return branch.fusion.exchange(0, {**streams, **others, name: own}, inputs)[name].tokens - own.tokens

    others = {n: s for n, s in streams.items() if n != name}
    changed_others, changed_inputs = ({n: other(s) for n, s in group.items()} for group in (others, inputs))
    base, last = change(own, others), torch.zeros_like(own.tokens)
    last[:, -1] = torch.randn(last[:, -1].shape, dtype=torch.float64, generator=g)
    if not differ(base, torch.zeros(())):
        return None
    pooled = {n: s.with_tokens(s.tokens.mean(1, keepdim=True).expand_as(s.tokens)) for n, s in others.items()}
    moved = other(own)
    mixed = base - change(moved, others) - change(own, changed_others) + change(moved, changed_others)
    # A norm adds 1e-5 to a variance, which the length of these tokens makes disappear.
    long, longer = (change(own.with_tokens(own.tokens * scale), others) for scale in (1e2, 1e4))
    return Exchange(
        reads_inputs=differ(change(own, others, changed_inputs), base),
        own_tokens_meet=differ(change(own.with_tokens(own.tokens + last), others)[:, 0], base[:, 0]),
        others_as_mean=not differ(change(own, pooled), base) if others else None,
        additive=not differ(mixed, torch.zeros(())),
        direction_only=not differ(long, longer, 1e-4),
    )


def _mixture(predict: Callable[[Tensor, Tensor], Tensor], first: Tensor, second: Tensor) -> bool:
    """Whether weights K(s, t) > 0 make the predicted probabilities additive: K P = f(s) + g(t) for every class.

    K is then f + g summed over classes. For n values of s and of t these are linear equations in the values of f and
    g; shifting a number from f to g is always a solution, so one more than a number a class says yes.
    """
    n = len(first)
    i, j = (x.flatten() for x in torch.meshgrid(torch.arange(n), torch.arange(n), indexing="ij"))
    probabilities = torch.softmax(predict(first[i], second[j]), -1)
    classes = probabilities.shape[1]
    rows = torch.zeros(n * n, classes, 2 * n, classes, dtype=torch.float64)
    here = torch.arange(n * n)
    for c in range(classes):
        for place in (i, j + n):
            rows[here, c, place, :] += probabilities[:, c, None]
            rows[here, c, place, c] -= 1
    singular = torch.linalg.svdvals(rows.flatten(2).flatten(0, 1))
    return int((singular < 1e-9 * singular[0]).sum()) > classes


def _few_products(merge: Callable[[Tensor, Tensor], Tensor], first: Tensor, second: Tensor) -> bool:
    """Whether the products of two summaries enter through bilinear forms of low rank.

    Far out, the mixed second derivative of the logits is a combination of as many (D, D) matrices as the merge has
    bilinear forms. Matrices of half the rank or less in the space that they span are looked for by projecting, in turn,
    on that space and on matrices of that rank, from many starts: a generic space holds none.
    """
    with torch.enable_grad():
        a, b = first.clone().requires_grad_(), second.clone().requires_grad_()
        logits = merge(a, b)
        found = []
        for c in range(logits.shape[1]):
            (slope,) = torch.autograd.grad(logits[:, c].sum(), a, create_graph=True)
            parts = [torch.autograd.grad(slope[:, i].sum(), b, retain_graph=True)[0] for i in range(a.shape[1])]
            found.append(torch.stack(parts, dim=1))
    matrices = torch.cat(found).flatten(1)
    _, singular, span = torch.linalg.svd(matrices, full_matrices=False)
    span = span[: int((singular > 1e-9 * singular[0]).sum())]
    side, g = first.shape[1], torch.Generator().manual_seed(4)
    x = torch.randn(256, len(span), dtype=torch.float64, generator=g)
    for _ in range(600):
        u, s, v = torch.linalg.svd((x @ span).unflatten(-1, (side, side)))
        excess = float((s[:, side // 2 :].square().sum(-1) / s.square().sum(-1)).min())
        if excess < 1e-8:
            return True
        s = s * (torch.arange(side) < side // 2)
        x = ((u * s[:, None]) @ v).flatten(1) @ span.mT
        x = x / x.norm(dim=-1, keepdim=True)
    return False


def _merge(branch: Branch, names: tuple[str, ...]) -> Merge:
    g = torch.Generator().manual_seed(5)

    def draw() -> dict[str, Tensor]:
        return {n: torch.randn(SAMPLES, branch.width, dtype=torch.float64, generator=g) for n in names}

    def logits(summaries: Mapping[str, Tensor]) -> Tensor:
        made = branch.fusion.merge_outputs(summaries)
        return made - made.mean(-1, keepdim=True)

    def scaled(summaries: Mapping[str, Tensor], scale: float) -> dict[str, Tensor]:
        return {n: x * scale for n, x in summaries.items()}

    s, t, step = draw(), draw(), scaled(draw(), 1e-3)
    m, n = names[:2]

    def pair(a: Tensor, b: Tensor) -> Tensor:
        return logits({**{name: x[:1].expand(len(a), -1) for name, x in s.items()}, m: a, n: b})

    # All pairs of summaries must add up: with three, the third is moved along with the second.
    rest = {name: t[name] for name in names[1:]}
    mixed = [logits(s) - logits({**s, name: t[name]}) - logits({**t, name: s[name]}) + logits(t) for name in names] + [
        logits(s) - logits({**s, m: t[m]}) - logits({**s, **rest}) + logits(t)
    ]
    near, far = logits(scaled(s, FAR)), logits(scaled(s, FAR**2))
    growth = None
    if float((far - near).abs().amax(-1).median()) > 1e-3 * float(near.abs().median()):
        growth = round(math.log(float(far.abs().median()) / float(near.abs().median())) / math.log(FAR))
    there = [logits(scaled({name: s[name] + sign * step[name] for name in names}, FAR)) for sign in (-1, 0, 1)]
    slope = (there[2] - there[1]).abs().amax(-1)
    bend = (there[2] - 2 * there[1] + there[0]).abs().amax(-1)
    tiny = 1e-9 * float(there[1].abs().max())
    shape = "linear" if float(bend.median()) < max(tiny, 1e-6 * float(slope.median())) else "curved"
    return Merge(
        additive=not any(differ(x, torch.zeros(())) for x in mixed),
        mixture=_mixture(pair, s[m][:6], s[n][:6]),
        growth=growth,
        far="constant" if float(slope.median()) < tiny else shape,
        few_products=_few_products(pair, s[m] * FAR, s[n] * FAR) if growth is not None and growth > 1 else None,
    )


@torch.no_grad()
def meeting(branch: Branch) -> Meeting:
    """Probe the fusion of a branch in float64 on random streams and summaries."""
    inputs = random_streams(branch, 1)
    streams = dict(branch.fusion.merge_inputs(inputs))
    exchanges: set[Exchange] = set()
    if len(branch.layers) > 1:
        g = torch.Generator().manual_seed(6)
        streams = {
            n: replace(s, tokens=torch.randn(s.tokens.shape, dtype=torch.float64, generator=g))
            for n, s in streams.items()
        }
        found = [_exchange(branch, name, streams, inputs) for name in streams]
        exchanges = {x for x in found if x is not None}
    names = tuple(streams)
    return Meeting(
        merges_inputs=_merges_inputs(branch),
        exchanges=frozenset(exchanges),
        merges_outputs=_merge(branch, names) if len(names) > 1 else None,
    )
