"""No Python loop over tokens, heads or samples: PyTorch is asked for as many operations whatever their number."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import pytest
import torch
from torch import Tensor, nn

from mmbench.architecture.independent import Independent
from mmbench.attention.scaled_dot_product import ScaledDotProduct
from mmbench.checks import tiny
from mmbench.data.batches import Inputs
from mmbench.fusion.concat import Concat
from mmbench.fusion.cross_attention import CrossAttention
from mmbench.model.block import as_heads
from mmbench.model.build import assemble
from mmbench.model.interfaces import Attention, Heads
from mmbench.registry import Variant, variants
from mmbench.schema.params import ModelSize
from tests.support.ops import Count, operations


def own(axis: Any) -> list[Variant]:
    return [v for v in variants(axis).values() if v.module.startswith("mmbench.")]


def cost_of_attention(make: Callable[[int, int], Attention], *, batch: int, heads: int, queries: int, keys: int) -> int:
    """Operations of one call, forward and backward."""
    torch.manual_seed(0)
    module = make(heads, 4)
    q, k, v = (torch.randn(batch, heads, n, 4, requires_grad=True) for n in (queries, keys, keys))
    q_mask, kv_mask = (torch.arange(n).expand(batch, n) < n - 2 for n in (queries, keys))

    def run() -> None:
        parts = [q, k, v] if module.content_based else [v]
        module(as_heads(parts, kv_mask=kv_mask, q_mask=q_mask))[0].sum().backward()

    with Count() as count:
        run()
    return count.total


# Long enough for `local` to work in tiles at either size.
SMALL = {"batch": 2, "heads": 2, "queries": 80, "keys": 90}
LARGER = [{**SMALL, key: 3 * number} for key, number in SMALL.items()]


@pytest.mark.parametrize("variant", own("attention"), ids=lambda v: v.name)
def test_attention(variant: Variant) -> None:
    make = cast(Callable[[int, int], Attention], variant.cls)
    few = cost_of_attention(make, **SMALL)
    for larger in LARGER:
        assert cost_of_attention(make, **larger) == few


class LoopsOverHeads(ScaledDotProduct):
    def attend(self, heads: Heads, *, need_weights: bool = False) -> tuple[Tensor, None]:
        scores = [heads.q[:, h] @ heads.k[:, h].mT for h in range(self.heads)]
        return torch.stack([s.softmax(-1) @ heads.v[:, h] for h, s in enumerate(scores)], dim=1), None


def test_a_loop_would_be_seen() -> None:
    few = cost_of_attention(LoopsOverHeads, **SMALL)
    assert [cost_of_attention(LoopsOverHeads, **larger) > few for larger in LARGER] == [False, True, False, False]


def model(fusion: type, architecture: type, heads: int = 2) -> nn.Module:
    torch.manual_seed(0)
    return assemble(
        modalities=tiny.NAMES[:3],
        spec=tiny.spec(),
        size=ModelSize(width=8, depth=2, heads=heads, mlp_ratio=2),
        attention=ScaledDotProduct,
        fusion=fusion,
        architecture=architecture,
    ).double()


def inputs(batch: int, length: int) -> Inputs:
    """With padding in every modality, since without any the kernel takes a shorter way."""
    made = tiny.inputs(3, batch, length=length)
    last = torch.arange(length) == length - 1
    return {name: replace(x, mask=cast(Tensor, x.mask) & ~last) for name, x in made.items()}


def cost_of_model(fusion: type, architecture: type, *, batch: int = 2, length: int = 4, heads: int = 2) -> int:
    made, x = model(fusion, architecture, heads), inputs(batch, length)
    return operations(lambda: made(x))


def whole(fusion: type, architecture: type) -> None:
    few = cost_of_model(fusion, architecture)
    assert cost_of_model(fusion, architecture, batch=9) == few
    assert cost_of_model(fusion, architecture, length=12) == few
    assert cost_of_model(fusion, architecture, heads=4) == few


@pytest.mark.parametrize("variant", own("fusion"), ids=lambda v: v.name)
def test_fusion(variant: Variant) -> None:
    whole(variant.cls, Independent)


@pytest.mark.parametrize("variant", own("architecture"), ids=lambda v: v.name)
@pytest.mark.parametrize("fusion", [Concat, CrossAttention])
def test_architecture(variant: Variant, fusion: type) -> None:
    whole(fusion, variant.cls)
