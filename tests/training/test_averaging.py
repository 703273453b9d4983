"""Weights averaged over training: what is validated, kept and tested."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.optim.optimizer import register_optimizer_step_post_hook

from mmbench.model.build import build
from mmbench.training.averaging import Averaged
from mmbench.training.loop import fit
from mmbench.training.objective import objective
from mmbench.training.predictions import predict
from tests.support import small

AIM = objective(small.spec(), small.splits()["train"].labels)
WIDTH = 0.25


def model() -> nn.Module:
    torch.manual_seed(0)
    return build(small.config(), small.spec())


def averages(steps: list[list[Tensor]], start: list[Tensor]) -> list[Tensor]:
    """As the definition says it, one tensor after the other."""
    found = [t.clone() for t in start]
    for i, now in enumerate(steps, 1):
        share = 1 / (1 + WIDTH * i)
        found = [(1 - share) * mean + share * t for mean, t in zip(found, now, strict=True)]
    return found


@pytest.mark.parametrize("hooks", [False, True])
def test_a_model_is_left_with_the_average_at_its_best_epoch(hooks: bool) -> None:
    """hooks: a parameter that has one is not laid into one vector with the others."""
    net, data = model(), small.splits()
    if hooks:
        next(net.parameters()).register_post_accumulate_grad_hook(lambda p: None)
    start, seen = [p.detach().clone() for p in net.parameters()], list[list[Tensor]]()

    def look(*_: Any) -> None:
        seen.append([p.detach().clone() for p in net.parameters()])

    handle = register_optimizer_step_post_hook(look)
    try:
        settings = small.training(epochs=3, averaging=WIDTH)
        trained = fit(net, data["train"], data["validation"], settings, AIM, seed=0)
    finally:
        handle.remove()
    until = len(seen) // 3 * (trained.best_epoch + 1)
    found = [p.detach() for p in net.parameters()]
    torch.testing.assert_close(found, averages(seen[:until], start))
    assert not all(map(torch.equal, found, seen[until - 1]))
    # What is validated is what is left, and training itself goes on from the weights as they are.
    assert torch.equal(trained.outputs, predict(net, data["validation"]))
    plain = fit(model(), data["train"], data["validation"], small.training(epochs=3), AIM, seed=0)
    assert plain.curves["train_loss"] == pytest.approx(trained.curves["train_loss"], rel=1e-5)
    assert plain.curves["validation_loss"] != trained.curves["validation_loss"]


def test_an_average_forgets_where_training_began() -> None:
    """Over the last quarter or so of the steps, however many they are."""
    for steps in (100, 10_000):
        x = torch.full((2,), 7.0)
        averaged = Averaged([x], WIDTH)
        x.zero_()
        for _ in range(steps // 2):
            averaged.update()
        assert averaged.means[0].abs().max() < 0.01
        x.fill_(1.0)
        for _ in range(steps // 2):
            averaged.update()
        # Half of the steps ago counts for two to the power of -1 / WIDTH.
        assert averaged.means[0][0] == pytest.approx(1 - 0.5 ** (1 / WIDTH), abs=0.01)


def test_the_weights_come_back_after_an_error() -> None:
    x = torch.ones(3)
    averaged = Averaged([x], WIDTH)
    x.fill_(5.0)
    averaged.update()
    with pytest.raises(RuntimeError, match="in the middle"), averaged.in_place():
        assert x[0] == pytest.approx(1 + 4 / (1 + WIDTH))
        raise RuntimeError("in the middle")
    assert torch.equal(x, torch.full((3,), 5.0))
