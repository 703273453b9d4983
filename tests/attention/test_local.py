"""Local attention: tiles compute what the definition says."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmbench.attention.local import Local


@settings(deadline=None, max_examples=60)
@given(
    batch=st.integers(1, 3),
    queries=st.integers(1, 150),
    keys=st.integers(1, 150),
    window=st.sampled_from([1, 3, 4, 16, 40]),
    global_tokens=st.sampled_from([1, 2, 5]),
    padded=st.sampled_from([0.0, 0.3, 1.0]),
    seed=st.integers(0, 99),
)
def test_tiles_agree_with_the_definition(
    batch: int, queries: int, keys: int, window: int, global_tokens: int, padded: float, seed: int
) -> None:
    torch.manual_seed(seed)
    local = Local(2, 4, window=window, global_tokens=global_tokens).double()
    q, k, v = (torch.randn(batch, 2, n, 4, dtype=torch.float64, requires_grad=True) for n in (queries, keys, keys))
    asks, real = torch.rand(batch, queries) >= padded, torch.rand(batch, keys) >= padded
    expected, _ = local._by_definition(q, k, v, real, asks, False)
    found = local._by_tiles(q, k, v, real, asks)
    assert torch.isfinite(found).all()
    above = torch.randn_like(expected) * asks[:, None, :, None]
    torch.testing.assert_close(found * asks[:, None, :, None], expected * asks[:, None, :, None])
    for ours, theirs in zip(
        torch.autograd.grad(found, (q, k, v), above), torch.autograd.grad(expected, (q, k, v), above), strict=True
    ):
        torch.testing.assert_close(ours, theirs)
