"""What kind of mechanism is this? Properties of the primitive, asked of the same queries, keys and values for all.

Projections are not in the picture: with freely learned projections around them `dot`, `bilinear` and
`scaled_dot_product` are one family of functions, trained differently. What is told apart here is the primitive, that
is, what a cell computes from given queries, keys and values.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from mmbench.checks.common import NOTICEABLE, differ
from mmbench.model.block import as_heads
from mmbench.model.interfaces import Attention

TOKENS = 12
"""More than the windows, landmarks, slots and numbers of best keys with which variants come."""

CLEAR = 1e-2
"""For logarithms of weights, which small constants against division by zero may move a little."""


@dataclass(frozen=True, kw_only=True)
class Mixing:
    """How a mechanism responds to content and to place.

    reads_queries, reads_keys: whether they matter at all. linear_in_values: whether y = A v with A of queries and keys;
    where it is not, nothing is said of A (False, "none").
    sums_to_one, never_negative: of A's rows. support: where A is not 0: "all", "by place" (whatever the content), "a
    fixed number" of keys, or "by content". log_odds: of two tokens' weights, in the query: "dot product" of it with the
    difference of the keys, "scaled dot product" (by 1 / sqrt d), "linear", or "other". direction_only: whether the
    lengths of queries and keys play no part. saturates: whether weights stay short of one-hot however large the query.
    symmetric: whether a query weighs a key as that key, asking, would weigh it, up to normalisation. few_features:
    whether A has a rank below the number of tokens. rivals_matter: whether the ratio of two tokens' weights depends on
    a third token. queries_meet: whether what a query reads depends on other queries. ordered: whether the order of the
    tokens matters. graded_by_place: whether equal keys get unequal weights, other than 0.
    """

    reads_queries: bool
    reads_keys: bool
    linear_in_values: bool
    sums_to_one: bool
    never_negative: bool
    support: str
    log_odds: str
    direction_only: bool
    saturates: bool
    symmetric: bool
    few_features: bool
    rivals_matter: bool
    queries_meet: bool
    ordered: bool
    graded_by_place: bool


def _rivals_matter(weights: Tensor, with_rival: Tensor) -> bool:
    """Whether the ratio of the first two tokens' weights differs, where neither is 0."""
    a, b = weights[..., :2], with_rival[..., :2]
    there = ((a > 0) & (b > 0)).all(-1)
    change = (a[..., 0] * b[..., 1] / (a[..., 1] * b[..., 0])).log().abs()
    return bool((change[there] > CLEAR).any())


def _log_odds(weights: Tensor) -> Tensor:
    """Of every token against the first."""
    logs = weights.clamp(min=1e-300).log()
    return logs[..., 1:] - logs[..., :1]


def _kind_of_log_odds(of_q: Tensor, of_q2: Tensor, of_sum: Tensor, dot: Tensor, d: int) -> str:
    """From the weights of two sets of queries and of their sum; dot: q (k_m - k_0)."""
    if min(float(w.min()) for w in (of_q, of_q2, of_sum)) <= 0:
        return "other"
    found = _log_odds(of_q)
    if differ(_log_odds(of_sum), found + _log_odds(of_q2), 1e-5):
        return "other"
    if not differ(found, dot, 1e-5):
        return "dot product"
    return "linear" if differ(found, dot / math.sqrt(d), 1e-5) else "scaled dot product"


def _kind_of_support(weights: Tensor, others: Tensor) -> str:
    """From the weights for two different contents."""
    seen, seen_then = weights != 0, others != 0
    if bool(seen.all()) and bool(seen_then.all()):
        return "all"
    if torch.equal(seen, seen_then):
        return "by place"
    return (
        "a fixed number"
        if len({*seen.sum(-1).unique().tolist(), *seen_then.sum(-1).unique().tolist()}) == 1
        else ("by content")
    )


@torch.no_grad()
def mixing(mechanism: Attention) -> Mixing:
    """Probe the primitive on random tokens."""
    heads, d = mechanism.heads, mechanism.head_dim
    g = torch.Generator().manual_seed(3)
    q, q2, k, k2, v, v2 = (torch.randn(1, heads, TOKENS, d, dtype=torch.float64, generator=g) for _ in range(6))
    mask = torch.ones(1, TOKENS, dtype=torch.bool)

    def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        parts = [q, k, v] if mechanism.content_based else [v]
        y: Tensor = mechanism(as_heads(parts, kv_mask=mask, q_mask=mask))[0]
        return y.expand_as(q)

    def weigh(q: Tensor, k: Tensor) -> Tensor:
        """Values that are unit vectors make the output the weights, d tokens at a time, even where none are formed."""
        unit = torch.eye(-(-TOKENS // d) * d, dtype=torch.float64)[:TOKENS]
        parts = [attend(q, k, part.expand(1, heads, -1, -1)) for part in unit.split(d, dim=1)]
        return torch.cat(parts, dim=-1)[..., :TOKENS]

    weights, elsewhere = weigh(q, k), weigh(q2, k)
    rival = torch.cat([k[:, :, :-1], k2[:, :, -1:]], dim=2)
    mate = torch.cat([q[:, :, :-1], q2[:, :, -1:]], dim=2)
    turned = torch.arange(TOKENS).roll(1)
    level = weigh(q, k[:, :, :1].expand_as(k))
    uneven = torch.where(level == 0, level.amax(-1, keepdim=True), level)
    # Short ones: with long ones, small constants against division by zero would matter.
    mutual = weigh(q / 2, q / 2)
    lean = mutual.clamp(min=1e-300).log()
    lean = lean - lean.mT
    # A symmetric kernel leaves the difference of two normalisations here.
    lean = lean - lean[..., :1] - lean[..., :1, :]
    singular = torch.linalg.svdvals(weights)
    linear = not differ(attend(q, k, v + 2 * v2), attend(q, k, v) + 2 * attend(q, k, v2), 1e-7)
    return Mixing(
        reads_queries=differ(weights, elsewhere),
        reads_keys=differ(weights, weigh(q, k2)),
        linear_in_values=linear,
        sums_to_one=linear and not differ(weights.sum(-1), torch.ones(()), CLEAR),
        never_negative=linear and float(weights.min()) >= -NOTICEABLE,
        support=_kind_of_support(weigh(3 * q, 3 * k), weigh(3 * q2, 3 * k2)) if linear else "none",
        log_odds=_kind_of_log_odds(weights, elsewhere, weigh(q + q2, k), q @ (k[:, :, 1:] - k[:, :, :1]).mT, d)
        if linear
        else "none",
        direction_only=not differ(weights, weigh(3 * q, k)) and not differ(weights, weigh(q, 3 * k)),
        saturates=linear and not bool((weigh(q * 1e6, k).amax(-1) >= 0.99).all()),
        symmetric=linear and float(mutual.min()) > 0 and not differ(lean, torch.zeros(()), CLEAR),
        few_features=linear and bool((singular[..., -1] < 1e-12 * singular[..., 0]).all()),
        rivals_matter=linear and _rivals_matter(weights, weigh(q, rival)),
        queries_meet=differ(weights[..., 0, :], weigh(mate, k)[..., 0, :]),
        ordered=differ(attend(q, k[:, :, turned], v[:, :, turned]), attend(q, k, v)),
        graded_by_place=linear and differ(uneven.amin(-1), uneven.amax(-1), 1e-6),
    )
