"""The sliding window: tiles compute what the definition says, for any masks, lengths, windows and global tokens."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from mmbench.attention.local import Local
from mmbench.checks.common import same
from mmbench.model.interfaces import Heads


def masks(data: st.DataObject, batch: int, length: int) -> Tensor:
    """Any masks, of samples without a real token too."""
    rows = data.draw(
        st.lists(st.lists(st.booleans(), min_size=length, max_size=length), min_size=batch, max_size=batch)
    )
    return torch.tensor(rows)


def drawn(*shape: int, seed: int) -> Tensor:
    g = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, dtype=torch.float64, generator=g).requires_grad_()


@settings(max_examples=120, deadline=None, derandomize=True)
@given(
    data=st.data(),
    window=st.integers(1, 6),
    global_tokens=st.integers(1, 8),
    queries=st.integers(1, 40),
    keys=st.integers(1, 40),
)
@pytest.mark.slow
def test_tiles_are_the_definition(
    data: st.DataObject, window: int, global_tokens: int, queries: int, keys: int
) -> None:
    module = Local(2, 3, window=window, global_tokens=global_tokens).double()
    q, k, v = (drawn(2, 2, length, 3, seed=i) for i, length in enumerate((queries, keys, keys)))
    q_mask, kv_mask = masks(data, 2, queries), masks(data, 2, keys)
    heads = Heads(q=q, k=k, v=v, kv_mask=kv_mask, q_mask=q_mask)
    plain, _ = module._by_definition(heads, need_weights=False)
    tiles = module._by_tiles(heads)
    assert bool(torch.isfinite(tiles).all())
    plain, tiles = (y.transpose(1, 2)[q_mask] for y in (plain, tiles))
    assert same(tiles, plain)
    weighting = drawn(*plain.shape, seed=9).detach()
    wanted, found = (torch.autograd.grad((y * weighting).sum(), (q, k, v)) for y in (plain, tiles))
    assert all(same(a, b) for a, b in zip(found, wanted, strict=True))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    batch=st.integers(1, 3),
    queries=st.integers(1, 150),
    keys=st.integers(1, 150),
    window=st.sampled_from([1, 3, 4, 16, 40]),
    global_tokens=st.sampled_from([1, 2, 5]),
    padded=st.sampled_from([0.0, 0.3, 1.0]),
    seed=st.integers(0, 99),
)
def test_several_tiles_are_the_definition(
    batch: int, queries: int, keys: int, window: int, global_tokens: int, padded: float, seed: int
) -> None:
    torch.manual_seed(seed)
    local = Local(2, 4, window=window, global_tokens=global_tokens).double()
    q, k, v = (torch.randn(batch, 2, n, 4, dtype=torch.float64, requires_grad=True) for n in (queries, keys, keys))
    q_mask, kv_mask = torch.rand(batch, queries) >= padded, torch.rand(batch, keys) >= padded
    heads = Heads(q=q, k=k, v=v, kv_mask=kv_mask, q_mask=q_mask)
    expected, _ = local._by_definition(heads, need_weights=False)
    found = local._by_tiles(heads)
    assert torch.isfinite(found).all()
    above = torch.randn_like(expected) * q_mask[:, None, :, None]
    torch.testing.assert_close(found * q_mask[:, None, :, None], expected * q_mask[:, None, :, None])
    for ours, theirs in zip(
        torch.autograd.grad(found, (q, k, v), above), torch.autograd.grad(expected, (q, k, v), above), strict=True
    ):
        torch.testing.assert_close(ours, theirs)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(data=st.data(), window=st.integers(1, 6), queries=st.integers(1, 40), keys=st.integers(1, 40))
def test_every_real_query_sees_something_and_no_more_than_three_blocks(
    data: st.DataObject, window: int, queries: int, keys: int
) -> None:
    module = Local(1, 1, window=window)
    q_mask, kv_mask = masks(data, 2, queries), masks(data, 2, keys)
    visible = module.visible(q_mask, kv_mask)
    assert not bool((visible & ~kv_mask[:, None]).any()), "nobody sees padding"
    for seen, asking, real in zip(visible, q_mask, kv_mask, strict=True):
        counts = seen.sum(-1)[asking]
        assert not bool(real.any()) or bool((counts > 0).all())
        # The first query sees everything; the others three blocks and one global key.
        assert bool((counts[1:] <= 3 * window + 1).all())


def test_with_equal_lengths_the_window_slides_along_the_diagonal() -> None:
    full = torch.ones(1, 12, dtype=torch.bool)
    visible = Local(1, 1, window=2).visible(full, full)[0]
    block = torch.arange(12) // 2
    near = (block[:, None] - block).abs() <= 1
    near[0], near[:, 0] = True, True
    assert torch.equal(visible, near)


def test_across_lengths_the_window_follows_relative_position() -> None:
    q_mask, kv_mask = torch.ones(1, 40, dtype=torch.bool), torch.ones(1, 10, dtype=torch.bool)
    visible = Local(1, 1, window=2).visible(q_mask, kv_mask)[0]
    for n in range(1, 40):
        middle = [m for m in range(1, 10) if visible[n, m]]
        assert all(abs((n + 0.5) / 40 - (m + 0.5) / 10) < 3 * 2 / 40 + 1 / 10 for m in middle)
        assert visible[n, n // 4], "the key at the same relative place is always seen"
