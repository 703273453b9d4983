"""Linear attention stays finite where its features are tiny."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from mmbench.attention.linear import SMALLEST, Linear, feature
from mmbench.model.interfaces import Heads


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_query_of_large_negative_numbers_reads_something(dtype: torch.dtype) -> None:
    q = torch.full((1, 2, 3, 4), -30.0, dtype=dtype, requires_grad=True)
    k, v = torch.randn(2, 1, 2, 5, 4).to(dtype)
    q_mask, kv_mask = (torch.ones(1, n, dtype=torch.bool) for n in (3, 5))
    y, _ = Linear(2, 4).attend(Heads(q=q, k=k, v=v, kv_mask=kv_mask, q_mask=q_mask))
    y.sum().backward()
    assert y.isfinite().all() and y.abs().max() > 0
    assert q.grad is not None and q.grad.isfinite().all()


def test_features_are_elu_plus_one_and_a_little() -> None:
    x = torch.linspace(-5, 5, 41, dtype=torch.float64, requires_grad=True)
    wanted = F.elu(x) + 1 + SMALLEST
    assert torch.allclose(feature(x), wanted)
    (slope,), (wanted_slope,) = (torch.autograd.grad(y.sum(), x) for y in (feature(x), wanted))
    assert torch.allclose(slope, wanted_slope)
