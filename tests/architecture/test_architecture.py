"""What is particular to each of the article's architectures."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from mmbench.architecture.hybrid import Hybrid
from mmbench.architecture.independent import Independent
from mmbench.architecture.shared import Shared
from mmbench.checks import tiny
from mmbench.fusion.concat import Concat
from mmbench.fusion.early_concat import EarlyConcat
from mmbench.model.interfaces import Architecture, Fusion


def parameters(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


def test_hybrid_adds_the_fused_and_the_single_models() -> None:
    model, inputs = tiny.model(3, fusion=Concat, architecture=Hybrid), tiny.inputs(3)
    assert isinstance(model, Hybrid)
    parts = [model.fused, *model.single.values()]
    assert len(parts) == 4
    assert torch.allclose(model(inputs), sum(part(inputs) for part in parts))


def test_hybrid_shares_nothing_between_its_models() -> None:
    model = tiny.model(2, fusion=Concat, architecture=Hybrid)
    assert isinstance(model, Hybrid)
    owned = [{id(p) for p in part.parameters()} for part in (model.fused, *model.single.values())]
    assert sum(map(len, owned)) == len(set().union(*owned))


@pytest.mark.parametrize("fusion", [Concat, EarlyConcat])
def test_shared_grows_little_with_modalities(fusion: type[Fusion]) -> None:
    def growth(architecture: type[Architecture]) -> int:
        two, four = (tiny.model(n, fusion=fusion, architecture=architecture) for n in (2, 4))
        return parameters(four) - parameters(two)

    assert growth(Independent) > 3 * growth(Shared)


def test_shared_tells_modalities_apart() -> None:
    """Equal raw input in two modalities of equal stems still gives different tokens."""
    model = tiny.model(2, fusion=Concat, architecture=Shared).fused
    assert set(model.modality_embedding) == {"a", "b"}
    alone = tiny.model(2, fusion=Concat, architecture=Independent).fused
    assert len(alone.modality_embedding) == 0


def test_a_token_goes_through_the_weights_of_its_own_modality() -> None:
    """Early fusion, independent weights: changing the MLP of b leaves the tokens of a alone."""
    model, inputs = tiny.model(2, fusion=EarlyConcat, architecture=Independent).fused, tiny.inputs(2)
    streams = model.fusion.merge_inputs(model.embed(inputs))
    before = model.layers[0]("joint", streams["joint"]).tokens
    with torch.no_grad():
        model.layers[0].mlp["b"][1].weight.mul_(2)
    after = model.layers[0]("joint", streams["joint"]).tokens
    assert torch.equal(before[:, :7], after[:, :7])
    assert not torch.allclose(before[:, 7:], after[:, 7:])
