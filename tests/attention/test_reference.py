"""Every mechanism agrees with a plain reference in float64, outputs and gradients."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from mmbench.attention.scaled_dot_product import ScaledDotProduct
from mmbench.checks.attention import Reference, agrees_with, make, sample
from mmbench.registry import Variant, variants
from tests.attention import reference
from tests.listed import listed_variants

OWN = listed_variants("attention")


@pytest.mark.parametrize("variant", OWN, ids=lambda v: v.name)
def test_agrees_with_its_reference(variant: Variant) -> None:
    plain: Reference | None = getattr(reference, variant.name, None)
    assert plain is not None, f"write tests/attention/reference.py: {variant.name}"
    agrees_with(variant, plain)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("mean", reference.scaled_dot_product),
        ("scaled_dot_product", reference.mean),
        ("additive", reference.scaled_dot_product),
    ],
)
def test_another_reference_is_refused(name: str, wrong: Reference) -> None:
    with pytest.raises(AssertionError, match=f"{name}: the output differs from the reference"):
        agrees_with(variants("attention")[name], wrong)


def test_a_wrong_gradient_is_refused() -> None:
    class Detached(ScaledDotProduct):
        def attend(
            self, q: Tensor | None, k: Tensor | None, v: Tensor, mask: Tensor, *, need_weights: bool = False
        ) -> tuple[Tensor, Tensor | None]:
            assert q is not None
            return super().attend(q.detach(), k, v, mask, need_weights=need_weights)

    with pytest.raises(AssertionError, match="the gradient of q differs"):
        agrees_with(Variant(name="detached", source="", core=False, cls=Detached), reference.scaled_dot_product)


@pytest.mark.parametrize("variant", OWN, ids=lambda v: v.name)
def test_gradients_agree_with_finite_differences(variant: Variant) -> None:
    module, s = make(variant), sample(2, 3, 4)

    def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return module.attend(q, k, v, s.mask)[0]

    assert torch.autograd.gradcheck(attend, (s.q, s.k, s.v))


def test_mean_gives_every_query_the_mean_of_the_real_values() -> None:
    values = torch.tensor([[[[1.0], [2.0], [100.0]]]])
    mask = torch.tensor([[True, True, False]])
    y, weights = variants("attention")["mean"].cls(1, 1).attend(None, None, values, mask, need_weights=True)
    assert y.item() == 1.5
    assert weights.tolist() == [[[[0.5, 0.5, 0.0]]]]
