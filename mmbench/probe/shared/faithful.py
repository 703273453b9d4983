"""Whether a model's answer depends on the tokens that a ranking puts first.

Tokens are ranked within their modality, and the same share of each modality is taken away at once: of a data set whose
modalities say the same, one alone would never be missed. How they are taken away decides much (Madsen et al. 2024;
Hase et al. 2021), so there are two ways: they are masked, or another sample's token of the same place stands there.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from mmbench.probe.shared.answer import Answer
from mmbench.probe.shared.embedded import Embedded, Masks, Tokens
from mmbench.probe.shared.relevance import Relevance
from mmbench.schema.relevance import OPERATORS

SHARES = (0.1, 0.25, 0.5, 0.75)
"""Of the tokens that are there, of those ranked first."""
FIRST = 3
"""Of these shares, from the front, comprehensiveness and sufficiency are a mean over."""


def order(found: Relevance, mask: Masks) -> dict[str, Tensor]:
    """(n, L) place of each token in the ranking of its modality, from 0; of tied ones the earlier comes first. Padding
    comes last."""
    ranked = {}
    for name, r in found.items():
        first = r.masked_fill(~mask[name], -torch.inf).argsort(dim=1, descending=True, stable=True)
        ranked[name] = torch.empty_like(first).scatter_(1, first, torch.arange(r.shape[1]).to(first).expand_as(first))
    return ranked


def top(ranked: Mapping[str, Tensor], mask: Masks, share: float) -> dict[str, Tensor]:
    """(n, L) bool: the share of a modality's tokens that comes first, at least one where there is any."""
    return {
        name: (rank < (mask[name].sum(1, keepdim=True) * share).ceil()) & mask[name] for name, rank in ranked.items()
    }


def donors(x: Embedded) -> tuple[dict[tuple[int, str], Tensor], dict[str, Tensor]]:
    """By place, (n, L, D): of each token the one at the same place in the next sample that has one there, in a circle;
    and by modality, (n, L) bool, where some other sample has one."""
    found, there = {}, {}
    for name, m in x.mask.items():
        count = len(m)
        # How many samples further on: the first of 1 ... n - 1 at which the place is a token.
        later = torch.stack([m.roll(-i, 0) for i in range(1, count)]) if count > 1 else m.new_zeros(1, *m.shape)
        there[name] = later.any(0)
        row = (torch.arange(count, device=m.device)[:, None] + 1 + later.int().argmax(0)) % count
        for place, t in x.tokens.items():
            if place[1] == name:
                found[place] = t.gather(0, row[..., None].expand_as(t))
    return found, there


def _without(x: Embedded, gone: Masks, operator: str, others: tuple[Tokens, Masks]) -> tuple[Tokens, Masks]:
    """The samples without some of their tokens. A token for which no other stands is masked."""
    if operator == "masked":
        return x.tokens, {name: m & ~gone[name] for name, m in x.mask.items()}
    given, there = others
    tokens = {p: torch.where(gone[p[1]][..., None], given[p], t) for p, t in x.tokens.items()}
    return tokens, {name: m & ~(gone[name] & ~there[name]) for name, m in x.mask.items()}


def faithfulness(x: Embedded, answer: Answer, rankings: Mapping[str, Relevance]) -> dict[str, list[float]]:
    """By ranking, the measures in the order of FAITHFUL, each a mean over samples.

    comprehensiveness: how much of the answer is lost without the top tokens (more is better); sufficiency: how much
    with these alone (less is better): DeYoung et al. 2020, ERASER, over three shares. deletion: the area under what is
    left as more and more of the top tokens go (less is better); insertion: as they come (more is better): Petsiuk et
    al. 2018, RISE.
    """
    others = donors(x)
    ranked = {name: order(found, x.mask) for name, found in rankings.items()}
    full = float(answer.kept(x.outputs).mean())
    made: dict[str, list[float]] = {name: [] for name in rankings}
    for operator in OPERATORS:
        everything = {name: m.clone() for name, m in x.mask.items()}
        cases = [everything]
        for places in ranked.values():
            for share in SHARES:
                first = top(places, x.mask, share)
                cases += [first, {name: m & ~first[name] for name, m in x.mask.items()}]
        left = _left(x, answer, [_without(x, gone, operator, others) for gone in cases])
        nothing, rest = left[0], np.reshape(left[1:], (len(rankings), len(SHARES), 2))
        for name, (removed, only) in zip(rankings, rest.transpose(0, 2, 1), strict=True):
            made[name] += [
                full - float(removed[:FIRST].mean()),
                full - float(only[:FIRST].mean()),
                _area([full, *removed, nothing]),
                _area([nothing, *only, full]),
            ]
    return made


def _left(x: Embedded, answer: Answer, cases: list[tuple[Tokens, Masks]]) -> list[float]:
    """A mean over samples of what is left of the answer, of each case."""
    tokens = {place: torch.cat([t[place] for t, _ in cases]) for place in x.tokens}
    mask = {name: torch.cat([m[name] for _, m in cases]) for name in x.mask}
    with torch.no_grad():
        outputs = x.run(tokens, mask)
    many = Answer(task=answer.task, outputs=answer.outputs.repeat(len(cases), 1))
    return many.kept(outputs).view(len(cases), -1).double().mean(1).tolist()


def _area(values: list[float]) -> float:
    """Under the line through these, at the shares, 0 and 1."""
    at = np.array([0.0, *SHARES, 1.0])
    y = np.array(values)
    return float(((y[1:] + y[:-1]) / 2 * np.diff(at)).sum())
