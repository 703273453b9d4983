"""Every mechanism agrees with a plain reference in float64, outputs and gradients."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from mmbench.attention.local import DIRECT
from mmbench.attention.scaled_dot_product import ScaledDotProduct
from mmbench.checks.attention import Reference, agrees_with
from mmbench.checks.mechanism import attend, make, sample
from mmbench.model.interfaces import Heads, Values
from mmbench.registry import Variant, variants
from tests.attention import reference
from tests.support.listed import listed_variants

OWN = listed_variants("attention")


@pytest.mark.parametrize("variant", OWN, ids=lambda v: v.name)
def test_agrees_with_its_reference(variant: Variant) -> None:
    plain: Reference | None = getattr(reference, variant.name, None)
    assert plain is not None, f"write tests/attention/reference.py: {variant.name}"
    agrees_with(variant, plain)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("local", {"window": 1}),
        ("local", {"window": 2, "global_tokens": 3}),
        ("local", {"window": 3}),
        ("local", {"window": 100}),
        ("topk", {"k": 1}),
        ("linformer", {"slots": 1}),
        ("linformer", {"slots": 7}),
        ("nystrom", {"landmarks": 1}),
        ("nystrom", {"landmarks": 7, "iterations": 12}),
        ("adaptive_span", {"softness": 1.7}),
        ("additive", {"score_dim": 1}),
        ("differential", {"initial": 0.0}),
        ("performer", {"features": 3}),
    ],
    ids=str,
)
def test_agrees_with_its_reference_at_other_options(name: str, options: dict[str, float]) -> None:
    agrees_with(variants("attention")[name], getattr(reference, name), **options)


@pytest.mark.parametrize(("queries", "keys"), [(70, 67), (9, 130), (80, 12)])
def test_local_agrees_with_its_reference_where_it_works_in_tiles(queries: int, keys: int) -> None:
    assert max(queries, keys) > DIRECT
    agrees_with(variants("attention")["local"], reference.local, lengths=[(queries, keys)])


@pytest.mark.parametrize("variant", OWN, ids=lambda v: v.name)
def test_another_reference_is_refused(variant: Variant) -> None:
    wrong = reference.mean if variant.name == "scaled_dot_product" else reference.scaled_dot_product
    with pytest.raises(AssertionError, match=rf"{variant.name}: the output at .* differs from the reference"):
        agrees_with(variant, wrong)


def test_a_wrong_gradient_is_refused() -> None:
    class Detached(ScaledDotProduct):
        def attend(self, heads: Heads, *, need_weights: bool = False) -> tuple[Tensor, Tensor | None]:
            return super().attend(replace(heads, q=heads.q.detach()), need_weights=need_weights)

    with pytest.raises(AssertionError, match=r"the gradient of q at .* differs"):
        agrees_with(Variant(name="detached", source="", core=False, cls=Detached), reference.scaled_dot_product)


@pytest.mark.parametrize("variant", OWN, ids=lambda v: v.name)
def test_gradients_agree_with_finite_differences(variant: Variant) -> None:
    module, s = make(variant), sample(2, 3, 4)

    def read(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        y = attend(module, replace(s, q=q, k=k, v=v))[0]
        # Rows of padding queries are unspecified.
        return y.transpose(1, 2)[s.q_mask] if module.content_based else y

    assert torch.autograd.gradcheck(read, (s.q, s.k, s.v))


def test_mean_gives_every_query_the_mean_of_the_real_values() -> None:
    values = torch.tensor([[[[1.0], [2.0], [100.0]]]])
    mask = torch.tensor([[True, True, False]])
    y, weights = variants("attention")["mean"].cls(1, 1)(Values(v=values, kv_mask=mask), need_weights=True)
    assert y.item() == 1.5
    assert weights.tolist() == [[[[0.5, 0.5, 0.0]]]]
