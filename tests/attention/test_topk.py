"""Top-k attention where scores tie: repeated tokens, as a resampled stream has them."""

from __future__ import annotations

from dataclasses import replace

import torch

from mmbench.attention.topk import TopK
from mmbench.checks.mechanism import HEAD_DIM, HEADS
from mmbench.model.interfaces import Heads

K, TOKENS, TIMES = 4, 5, 3


def repeated() -> Heads:
    """Every key and value stands there three times, so that the fourth best ties with the fifth and sixth."""
    g = torch.Generator().manual_seed(0)
    q, k, v = (torch.randn(2, HEADS, TOKENS, HEAD_DIM, generator=g, dtype=torch.float64) for _ in range(3))
    k, v = (x.repeat_interleave(TIMES, 2) for x in (k, v))
    q_mask, kv_mask = (torch.ones(2, n, dtype=torch.bool) for n in (TOKENS, TOKENS * TIMES))
    return Heads(q=q, k=k, v=v, q_mask=q_mask, kv_mask=kv_mask)


def test_of_scores_that_tie_exactly_k_are_kept() -> None:
    _, weights = TopK(HEADS, HEAD_DIM, k=K).attend(repeated(), need_weights=True)
    assert weights is not None
    assert ((weights > 0).sum(-1) == K).all()


def test_rounding_of_keys_that_are_equal_does_not_change_what_is_read() -> None:
    """Sums in another order, as in a batch of models, make equal scores differ in the last bit."""
    heads = repeated()
    g = torch.Generator().manual_seed(1)
    moved = heads.k * (1 + 1e-15 * torch.randn(heads.k.shape, generator=g, dtype=torch.float64))
    y, _ = TopK(HEADS, HEAD_DIM, k=K).attend(heads)
    y_moved, _ = TopK(HEADS, HEAD_DIM, k=K).attend(replace(heads, k=moved))
    assert float((y - y_moved).abs().max()) < 1e-12
