from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from mmbench.data.batches import Example, Inputs, Split
from mmbench.model import cost
from mmbench.model.build import build
from mmbench.probe import ProbeError, check_values
from mmbench.registry import variants
from mmbench.schema.params import Choice
from mmbench.schema.quantity import Quantity
from tests.support import small


class OneProduct(nn.Module):
    """(B, 5) -> (B, 3)."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(5, 3)
        self.fixed = nn.Parameter(torch.zeros(9), requires_grad=False)

    def forward(self, inputs: Inputs) -> Tensor:
        return self.linear(inputs["x"].values)


class Attends(nn.Module):
    """(B, 6, 4) -> (B, 6, 4), through the fused kernel."""

    def forward(self, inputs: Inputs) -> Tensor:
        x = inputs["x"].values[:, None]
        return nn.functional.scaled_dot_product_attention(x, x, x)


class LearnsTokens(nn.Module):
    """(B, 5) -> (B, 3), of tokens that are parameters: they alone pass through the inner module."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens = nn.Parameter(torch.zeros(2, 5))
        self.linear = nn.Linear(5, 3)

    def forward(self, inputs: Inputs) -> Tensor:
        return self.linear(self.tokens.expand(2, -1)).mean(0).expand(len(inputs["x"].values), -1)


def split(*shape: int) -> Split:
    return Split(inputs={"x": Example(values=torch.randn(4, *shape))}, labels=torch.zeros(4, dtype=torch.int64))


def test_parameters_are_the_trainable_ones() -> None:
    assert cost.parameters(OneProduct()) == 5 * 3 + 3


def test_flops_are_two_a_multiply_add_of_one_sample() -> None:
    assert cost.flops(OneProduct(), split(5)) == 2 * 5 * 3


def test_fused_attention_is_counted() -> None:
    assert cost.flops(Attends(), split(6, 4)) == 2 * (2 * 6 * 6 * 4)


def test_learned_tokens_are_counted() -> None:
    """The counter's own bookkeeping fails without autograd where a parameter enters a module."""
    assert cost.flops(LearnsTokens(), split(5)) == 2 * (2 * 5 * 3)


def test_inference_time_is_a_small_positive_number_of_seconds() -> None:
    assert 0 < cost.inference_seconds(OneProduct(), split(5)) < 0.1


def test_a_quantity_that_a_model_does_not_have_is_left_out() -> None:
    quantities = {"a": Quantity(label="a"), "b": Quantity(label="b", per="modality")}
    assert check_values(quantities, {"a": None, "b": [1.0, 2.0]}, ("x", "y")) == {"b": [1.0, 2.0]}
    assert check_values(quantities, {"a": 3, "b": None}, ("x", "y")) == {"a": 3}
    with pytest.raises(ProbeError, match="returned no 'b'"):
        check_values(quantities, {"a": None}, ("x", "y"))
    with pytest.raises(ProbeError, match="returned 'c'"):
        check_values(quantities, {"a": 1, "b": None, "c": None}, ("x", "y"))


@pytest.mark.parametrize("fusion", sorted(variants("fusion")))
def test_flops_are_counted_for_every_fusion(fusion: str) -> None:
    """Also where learned tokens enter a module, whose history the counter asks for."""
    model = build(small.config(fusion=Choice(name=fusion)), small.spec())
    assert cost.flops(model, small.splits()["test"]) > 0
    assert all(p.requires_grad and p.grad is None for p in model.parameters())
