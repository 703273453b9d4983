"""Parameters as one vector: the same training as one parameter at a time."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from mmbench.training.flat_parameters import ALIGNED, Flat


class Net(nn.Module):
    """With a tied weight, a frozen one, a scalar, and one that only some steps use."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(4, 4), nn.Linear(4, 4)
        self.second.weight = self.first.weight
        self.frozen = nn.Parameter(torch.ones(4), requires_grad=False)
        self.scale = nn.Parameter(torch.tensor(1.0))

    def forward(self, x: Tensor) -> Tensor:
        return self.second(torch.tanh(self.first(x) * self.frozen)) * self.scale


def net() -> Net:
    torch.manual_seed(0)
    return Net().double()


def trained(one: Net) -> list[nn.Parameter]:
    return [p for p in one.parameters() if p.requires_grad]


def batches() -> list[Tensor]:
    g = torch.Generator().manual_seed(1)
    return [torch.randn(8, 4, generator=g, dtype=torch.float64) for _ in range(5)]


def adamw(parameters: list[nn.Parameter]) -> torch.optim.AdamW:
    return torch.optim.AdamW(parameters, lr=0.01, weight_decay=0.1, fused=True)


def test_steps_are_those_of_one_parameter_at_a_time() -> None:
    plain, one = net(), net()
    flat = Flat(trained(one))
    slow, fast = adamw(trained(plain)), adamw([flat.vector])
    for x in batches():
        slow.zero_grad()
        plain(x).square().sum().backward()
        expected = nn.utils.clip_grad_norm_(plain.parameters(), 0.5)
        slow.step()
        flat.gather(torch.autograd.grad(one(x).square().sum(), flat.parameters))
        assert nn.utils.clip_grad_norm_(flat.vector, 0.5).item() == pytest.approx(expected.item())
        fast.step()
    flat.release()
    for name, p in plain.named_parameters():
        torch.testing.assert_close(dict(one.named_parameters())[name], p)
    assert one.second.weight is one.first.weight
    assert torch.equal(one.frozen, torch.ones(4, dtype=torch.float64))


def test_a_parameter_without_gradient_counts_as_having_zeros() -> None:
    one = net()
    flat = Flat(trained(one))
    loss = one.first(batches()[0]).sum()
    flat.gather(torch.autograd.grad(loss, flat.parameters, allow_unused=True))
    gradients = dict(zip(map(id, flat.parameters), flat.parts, strict=True))
    assert gradients[id(one.scale)] == 0 and gradients[id(one.first.bias)].eq(8).all()
    assert flat.vector.grad is not None
    assert flat.vector.grad.sum().item() == pytest.approx(sum(part.sum().item() for part in flat.parts))


def test_parameters_begin_where_memory_of_their_own_would() -> None:
    """Kernels may rely on it: on a GPU an attention kernel was seen to end with `misaligned address`."""
    one = net()
    Flat(trained(one))
    assert all(p.data_ptr() % ALIGNED == 0 for p in one.parameters())


def test_released_parameters_have_memory_of_their_own() -> None:
    one = net()
    flat = Flat(trained(one))
    assert one.scale.untyped_storage().nbytes() == flat.vector.nbytes
    flat.release()
    assert all(p.untyped_storage().nbytes() == p.nbytes for p in one.parameters())
