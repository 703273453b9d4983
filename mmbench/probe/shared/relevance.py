"""How relevant each token is to a model's answer: attention weights, gradient x input, integrated gradients, occlusion.

Relevance is (n, L) by modality, 0 where there is no token. All but attention are signed: above 0 speaks for the answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np
import torch
from torch import Tensor

from mmbench.probe.shared.answer import Answer
from mmbench.probe.shared.embedded import Embedded, Masks, Read, Tokens

STEPS = 16
"""Of the path that integrated gradients go along: nodes of a Gauss-Legendre rule."""
RUNS = 24
"""Parts of a modality that occlusion masks one by one: where there are more tokens, runs of them."""

Relevance = Mapping[str, Tensor]
Path = tuple[Tokens, Tokens]


def attention(x: Embedded) -> Relevance | None:
    """The weights with which read-outs look at tokens, a mean over heads and over the read-outs of a modality.

    None where a mechanism has no weights, or such as are no distribution; and where a read-out looks at tokens that are
    no modality's own, since weights on these say nothing of the modality's.
    """
    parts = []
    for rows in x.parts(x.mask):
        mask = {name: m[rows] for name, m in x.mask.items()}
        with x.watched() as reads, torch.no_grad():
            x.run({place: t[rows] for place, t in x.tokens.items()}, mask)
        found = _read_weights(reads, mask)
        if found is None:
            return None
        parts.append(found)
    return _masked({name: torch.cat([part[name] for part in parts]) for name in x.mask}, x.mask)


def _read_weights(reads: Sequence[Read], mask: Masks) -> Relevance | None:
    """Of what the read-outs looked at in one pass."""
    found: dict[str, list[Tensor]] = {}
    for read in reads:
        stream, weights = read.stream, read.weights
        lengths = [s.length for s in stream.segments]
        own = all(s.modality in mask and s.length == mask[s.modality].shape[1] for s in stream.segments)
        if weights is None or not own or weights.ndim != 3 or weights.shape[-1] != sum(lengths):
            return None
        if not _is_distribution(weights, stream.mask):
            return None
        for segment, part in zip(stream.segments, weights.mean(1).split(lengths, dim=1), strict=True):
            found.setdefault(segment.modality, []).append(part)
    if found.keys() != mask.keys():
        return None
    return {name: torch.stack(parts).mean(0) for name, parts in found.items()}


def _is_distribution(weights_BHL: Tensor, mask_BL: Tensor) -> bool:
    some = mask_BL.any(1)
    sums = (weights_BHL * mask_BL[:, None]).sum(-1)[some]
    return bool((weights_BHL >= -1e-5).all()) and bool(((sums - 1).abs() < 1e-2).all())


def gradient_x_input(x: Embedded, answer: Answer) -> Relevance:
    """sum over D of dF/dz_d z_d: F how sure the model is, z the embedded token; added over the branches that embed it.

    Baehrens et al. 2010; Shrikumar et al. 2017.
    """
    gradients = _gradients(x, x.tokens, x.mask, answer)
    return _by_modality(x, {place: gradients[place] * t for place, t in x.tokens.items()})


def integrated_gradients(
    x: Embedded, answer: Answer, baseline: Tokens | None = None, *, steps: int = STEPS
) -> Relevance:
    """sum over D of (z - b)_d times the mean of dF/dz_d on the straight path from b to z (Sundararajan et al. 2017).

    baseline: b, by place, to broadcast against tokens; zeros where None. Over all tokens it adds up to F(z) - F(b), up
    to what `steps` Gauss-Legendre nodes leave.
    """
    nodes, weights = _rule(steps)
    count = len(x.outputs)
    start = {place: torch.zeros_like(t) for place, t in x.tokens.items()} if baseline is None else dict(baseline)
    along = {place: _path(start[place].expand_as(t), t, nodes) for place, t in x.tokens.items()}
    mask = {name: m.repeat_interleave(steps, 0) for name, m in x.mask.items()}
    gradients = _gradients(x, along, mask, answer.repeated(steps))
    share = torch.tensor(weights, dtype=torch.float32)
    found = {}
    for place, g in gradients.items():
        mean = torch.einsum("nsld,s->nld", g.unflatten(0, (count, steps)), share.to(g))
        found[place] = mean * (x.tokens[place] - start[place])
    return _by_modality(x, found)


def _path(start: Tensor, end: Tensor, nodes: np.ndarray) -> Tensor:
    """(n steps, L, D), the nodes of each sample side by side."""
    at = torch.tensor(nodes, dtype=end.dtype, device=end.device)[None, :, None, None]
    return (start[:, None] + at * (end - start)[:, None]).flatten(0, 1)


@cache
def _rule(steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes in (0, 1) and weights that sum to 1."""
    nodes, weights = np.polynomial.legendre.leggauss(steps)
    return (nodes + 1) / 2, weights / 2


def mean_tokens(x: Embedded) -> dict[tuple[int, str], Tensor]:
    """(1, 1, D) by place: the mean over samples of all tokens that are there, a baseline with nothing special in it.
    Not one for each position: few samples reach the last ones, which would then be their own baseline."""
    made = {}
    for place, t in x.tokens.items():
        real = x.mask[place[1]][..., None].to(t.dtype)
        made[place] = ((t * real).sum((0, 1)) / real.sum((0, 1)).clamp(min=1))[None, None]
    return made


def completeness_gap(x: Embedded, answer: Answer, found: Relevance, baseline: Tokens | None = None) -> float:
    """How far sums of integrated gradients are from F(z) - F(b): the mean distance over the mean size of the latter."""
    start = {p: torch.zeros_like(t) if baseline is None else baseline[p].expand_as(t) for p, t in x.tokens.items()}
    with torch.no_grad():
        rise = answer.sureness(x.outputs) - answer.sureness(x.run(start, x.mask))
    total = torch.stack([r.sum(1) for r in found.values()]).sum(0)
    return float((total - rise).abs().mean() / rise.abs().mean().clamp(min=1e-6))


def occlusion(x: Embedded, answer: Answer, *, runs: int = RUNS) -> Relevance:
    """How much less sure the model is when a token is masked (Zeiler and Fergus 2014, who grey it out).

    A modality of more than `runs` tokens is masked in so many runs; each token of a run has an equal share of its fall.
    """
    count = len(x.outputs)
    owner = {name: _runs(m.shape[1], runs).to(m.device) for name, m in x.mask.items()}
    parts = {name: int(o.max()) + 1 for name, o in owner.items()}
    total = sum(parts.values())
    # The rows of each sample: one a part of each modality.
    index = torch.arange(count).repeat_interleave(total)
    mask, first = {}, 0
    for name, m in x.mask.items():
        hidden = torch.zeros(total, m.shape[1], dtype=torch.bool, device=m.device)
        hidden[first : first + parts[name]] = owner[name] == torch.arange(parts[name], device=m.device)[:, None]
        mask[name] = (m[:, None] & ~hidden).flatten(0, 1)
        first += parts[name]
    with torch.no_grad():
        outputs = x.run({p: t[index.to(t.device)] for p, t in x.tokens.items()}, mask)
        falls = answer.sureness(x.outputs)[:, None] - answer.repeated(total).sureness(outputs).view(count, total)
    found, first = {}, 0
    for name, m in x.mask.items():
        own = falls[:, first : first + parts[name]]
        sizes = torch.stack([(m & (owner[name] == i)).sum(1) for i in range(parts[name])], 1).clamp(min=1)
        found[name] = (own / sizes)[:, owner[name]]
        first += parts[name]
    return _masked(found, x.mask)


def _runs(length: int, most: int) -> Tensor:
    """(L,) which run each token is in."""
    count = min(length, most)
    return torch.arange(length) * count // length


def at_random(mask: Masks, seed: int) -> Relevance:
    """A ranking drawn at random."""
    draw = torch.Generator().manual_seed(seed)
    return _masked({name: torch.rand(m.shape, generator=draw).to(m.device) for name, m in mask.items()}, mask)


def _gradients(x: Embedded, tokens: Tokens, mask: Masks, answer: Answer) -> dict[tuple[int, str], Tensor]:
    """dF/dz by place."""
    parts = [_gradients_at_once(x, tokens, mask, answer, rows) for rows in x.parts(mask)]
    return {place: torch.cat([part[place] for part in parts]) for place in tokens}


def _gradients_at_once(
    x: Embedded, tokens: Tokens, mask: Masks, answer: Answer, rows: slice
) -> dict[tuple[int, str], Tensor]:
    """Of some rows, so that no more than these are kept for the way back."""
    leaves = {place: t[rows].detach().clone().requires_grad_() for place, t in tokens.items()}
    with torch.enable_grad():
        outputs = x.run(leaves, {name: m[rows] for name, m in mask.items()})
        total = Answer(task=answer.task, outputs=answer.outputs[rows]).sureness(outputs).sum()
        found = torch.autograd.grad(total, list(leaves.values()), allow_unused=True)
    return {
        place: torch.zeros_like(leaf) if g is None else g
        for (place, leaf), g in zip(leaves.items(), found, strict=True)
    }


def _by_modality(x: Embedded, parts: Tokens) -> Relevance:
    """Summed over D and over the branches."""
    found = {name: torch.zeros(m.shape, device=m.device) for name, m in x.mask.items()}
    for (_, name), part in parts.items():
        found[name] = found[name] + part.sum(-1).float()
    return _masked(found, x.mask)


def _masked(found: Relevance, mask: Masks) -> Relevance:
    return {name: found[name].masked_fill(~m, 0.0) for name, m in mask.items()}
