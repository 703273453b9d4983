"""The additive scores: their own gradient, and that the hidden units of all pairs are never held at once."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from mmbench.attention.additive import AT_ONCE, Additive, additive_scores, scores_of
from mmbench.checks.common import same
from mmbench.model.interfaces import Heads
from tests.support.ops import largest_allocation


def drawn(*shape: int, seed: int) -> Tensor:
    g = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, dtype=torch.float64, generator=g).requires_grad_()


@pytest.mark.slow
def test_gradients_of_the_scores_agree_with_finite_differences() -> None:
    arguments = (drawn(2, 2, 3, 4, seed=0), drawn(2, 2, 5, 4, seed=1), drawn(2, 4, seed=2))
    assert torch.autograd.gradcheck(additive_scores, arguments)


def test_scores_are_the_formula() -> None:
    q, k, u = drawn(2, 2, 3, 4, seed=0), drawn(2, 2, 5, 4, seed=1), drawn(2, 4, seed=2)
    plain = torch.einsum("bhnma,ha->bhnm", torch.tanh(q[:, :, :, None] + k[:, :, None]), u)
    assert same(additive_scores(q, k, u), plain) and same(scores_of(q, k, u), plain)


def test_short_and_long_streams_have_one_formula() -> None:
    """Just below and just above what is computed at once: scores and gradients."""
    for queries in (64, 65):
        q, k, u = drawn(4, 2, queries, 4, seed=0), drawn(4, 2, 32, 4, seed=1), drawn(2, 4, seed=2)
        assert (4 * 2 * queries * 32 * 4 <= AT_ONCE) == (queries == 64)
        found, expected = scores_of(q, k, u), additive_scores(q, k, u)
        assert same(found, expected)
        weight = torch.randn_like(found)
        for a, b in zip(*(torch.autograd.grad(x, (q, k, u), weight) for x in (found, expected)), strict=True):
            assert same(a, b)


@pytest.mark.slow
def test_the_operator_keeps_its_promises_to_pytorch() -> None:
    """Shapes without data, gradients and aliases as declared."""
    arguments = (drawn(2, 2, 3, 4, seed=0), drawn(2, 2, 5, 4, seed=1), drawn(2, 4, seed=2))
    torch.library.opcheck(additive_scores, arguments)


@pytest.mark.parametrize("score_dim", [4, 32])
def test_no_tensor_is_as_large_as_an_eighth_of_all_hidden_units(score_dim: int) -> None:
    """At d = 32: neither forward nor backward makes a tensor of B H N M d / 8 numbers."""
    batch, count, queries, keys, d = 2, 2, 160, 120, 32
    torch.manual_seed(0)
    module = Additive(count, d, score_dim=score_dim).double()
    q, k, v = drawn(batch, count, queries, d, seed=0), *(drawn(batch, count, keys, d, seed=s) for s in (1, 2))
    q_mask, kv_mask = (torch.ones(batch, n, dtype=torch.bool) for n in (queries, keys))
    heads = Heads(q=q, k=k, v=v, kv_mask=kv_mask, q_mask=q_mask)
    pairs, eight_bytes = batch * count * queries * keys, 8
    assert pairs * score_dim > AT_ONCE, "short streams are computed at once"

    most = largest_allocation(lambda: module.attend(heads)[0].square().sum().backward())
    assert pairs * eight_bytes <= most < pairs * eight_bytes * d / 8

    def at_once() -> None:
        hidden = torch.tanh((q @ module.w_query)[:, :, :, None] + (k @ module.w_key)[:, :, None])
        (hidden * module.u[:, None, None]).sum().backward()

    # What the bound forbids is seen where it happens.
    assert largest_allocation(at_once) >= pairs * eight_bytes * score_dim
