"""Dropout: the share that it says, off in evaluation, the same for one seed, and in every model that asks for it."""

from __future__ import annotations

import pytest
import torch

from mmbench.model.block import Dropout, dropouts


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("shape", [(1000,), (7, 3, 5, 11)])
def test_the_share_that_it_says_is_zeroed_and_the_mean_kept(share: float, shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    drop = Dropout(share)
    drawn = torch.stack([drop(torch.ones(shape)) for _ in range(400)])
    off = (drawn == 0).double().mean().item()
    assert off == pytest.approx(share, abs=0.01)
    assert drawn.double().mean().item() == pytest.approx(1, abs=0.03)
    kept = drawn[drawn != 0]
    assert (kept == kept[0]).all()
    # No place is dropped more often than others: five standard errors.
    each = (drawn == 0).double().mean(0)
    assert (each - share).abs().max() < 5 * (share * (1 - share) / 400) ** 0.5 + 0.01


def test_elements_are_dropped_independently() -> None:
    torch.manual_seed(0)
    off = (torch.stack([Dropout(0.5)(torch.ones(16)) for _ in range(4000)]) == 0).double() - 0.5
    together = off.T @ off / 4000 * 4
    assert (together - torch.eye(16)).abs().max() < 0.1


def test_it_is_off_in_evaluation_repeats_itself_and_has_gradients() -> None:
    drop, x = Dropout(0.3), torch.randn(4, 9, requires_grad=True)
    assert drop.eval()(x) is x
    drop.train()
    torch.manual_seed(1)
    first = drop(x)
    torch.manual_seed(1)
    assert torch.equal(first, drop(x))
    (gradient,) = torch.autograd.grad(first.sum(), x)
    assert torch.equal(gradient * x, first)
    assert drop(x.double()).dtype == torch.float64


def test_none_is_none() -> None:
    assert dropouts(0.0) == [] and len(dropouts(0.1)) == 1
