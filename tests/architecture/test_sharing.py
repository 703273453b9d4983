"""Which weights are shared between modalities, told by the identity of the parameters."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from mmbench.architecture.dynamic import Dynamic
from mmbench.architecture.independent import Independent
from mmbench.architecture.modality_experts import ModalityExperts
from mmbench.architecture.partially_shared import PartiallyShared
from mmbench.architecture.shared import Shared
from mmbench.attention.additive import Additive
from mmbench.checks import tiny
from mmbench.checks.common import same
from mmbench.fusion.co_attention import CoAttention
from mmbench.fusion.concat import Concat
from mmbench.fusion.early_concat import EarlyConcat
from mmbench.fusion.logit_sum import LogitSum
from mmbench.model.interfaces import Architecture, Bank

DEPTH = 3
OWN, ALL = 3, 1
"""Sets of weights for three modalities: one each, or one for all."""


def model(architecture: type[Architecture], fusion: type = CoAttention) -> Any:
    """With a mechanism that has parameters, so that sharing it can be seen."""
    return tiny.model(3, attention=Additive, fusion=fusion, architecture=architecture, depth=DEPTH).fused


def sets(bank: Bank) -> int:
    """How many sets of weights serve the three modalities: no two sets may have a parameter in common."""
    owned = [frozenset(id(p) for p in bank[m].parameters()) for m in "abc"]
    distinct = set(owned)
    assert all(owned)
    assert len(frozenset().union(*distinct)) == sum(map(len, distinct)), "half shared"
    return len(distinct)


SHARING = {
    # By layer: projections and output, MLP, attention; then exchange and its MLP after each layer; read-outs.
    Independent: ([OWN] * 3, [OWN] * 3, [OWN] * 3, [OWN] * 2, [OWN] * 2, OWN),
    Dynamic: ([OWN] * 3, [OWN] * 3, [OWN] * 3, [OWN] * 2, [OWN] * 2, OWN),
    Shared: ([ALL] * 3, [ALL] * 3, [ALL] * 3, [ALL] * 2, [ALL] * 2, ALL),
    PartiallyShared: ([OWN, ALL, ALL], [OWN, ALL, ALL], [OWN, ALL, ALL], [ALL] * 2, [ALL] * 2, ALL),
    ModalityExperts: ([ALL] * 3, [OWN, ALL, ALL], [ALL] * 3, [ALL] * 2, [ALL] * 2, ALL),
}


@pytest.mark.parametrize("architecture", SHARING, ids=lambda a: a.__name__)
def test_shares_what_it_says(architecture: type[Architecture]) -> None:
    made = model(architecture)
    tokens, mlp, attention, exchange, exchange_mlp, read_out = SHARING[architecture]
    assert [sets(layer.project) for layer in made.layers] == tokens
    assert [sets(layer.out) for layer in made.layers] == tokens
    assert [sets(layer.mlp) for layer in made.layers] == mlp
    assert [sets(layer.attention) for layer in made.layers] == attention
    assert [sets(bank) for bank in made.fusion.reads] == exchange
    assert [sets(bank) for bank in made.fusion.mlps] == exchange_mlp
    assert sets(made.read_outs) == read_out
    assert sets(model(architecture, LogitSum).fusion.heads) == read_out


@pytest.mark.parametrize("architecture", SHARING, ids=lambda a: a.__name__)
def test_no_weights_are_shared_between_layers_or_with_stems(architecture: type[Architecture]) -> None:
    made = model(architecture)
    parts = [
        *made.layers,
        *made.fusion.reads,
        *made.fusion.mlps,
        made.read_outs,
        made.fusion.head,
        *made.stems.values(),
    ]
    owned = [{id(p) for p in part.parameters()} for part in parts]
    assert len(set().union(*owned)) == sum(map(len, owned))


def parameters(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def test_parameters_saved_are_those_of_the_shared_weights() -> None:
    """Counted: independent weights less two of three sets of whatever is tied, plus the modality embedding."""
    own, tied, experts = (model(a, Concat) for a in (Independent, PartiallyShared, ModalityExperts))
    layer = parameters(own.layers[0]) // 3
    read_out = parameters(own.read_outs) // 3
    mlp = parameters(own.layers[0].mlp) // 3
    assert parameters(tied) == parameters(own) - 2 * (DEPTH - 1) * layer - 2 * read_out
    embedding = 3 * tiny.size().width
    assert parameters(experts) == parameters(own) - 2 * DEPTH * layer - 2 * read_out + 2 * mlp + embedding


@pytest.mark.slow
def test_in_a_joint_sequence_tokens_keep_the_expert_of_their_modality() -> None:
    """Early fusion under modality experts: b's first MLP changes b's tokens alone, any later one changes all."""
    made, inputs = model(ModalityExperts, EarlyConcat), tiny.inputs(3)
    joint = made.fusion.merge_inputs(made.embed(inputs))["joint"]
    first = made.layers[0]("joint", joint).tokens
    with torch.no_grad():
        made.layers[0].mlp["b"][1].weight.mul_(2)
    moved = (made.layers[0]("joint", joint).tokens != first).any(-1).any(0)
    lengths = [tiny.LENGTHS[m] for m in "abc"]
    a, b, c = moved.split(lengths)
    assert not bool(a.any()) and bool(b.all()) and not bool(c.any())
    second = made.layers[1]("joint", joint).tokens
    with torch.no_grad():
        made.layers[1].mlp["b"][1].weight.mul_(2)
    assert bool((made.layers[1]("joint", joint).tokens != second).any(-1).all())


@pytest.mark.parametrize("modalities", [2, 3, 4])
def test_dynamic_weighs_whole_models_sample_by_sample(modalities: int) -> None:
    made = tiny.model(modalities, fusion=Concat, architecture=Dynamic)
    assert isinstance(made, Dynamic)
    inputs = tiny.inputs(modalities, batch=6)
    gates = made.gates(inputs)
    assert gates.shape == (6, 1 + modalities) and bool((gates > 0).all())
    assert same(gates.sum(-1), torch.ones(6, dtype=torch.float64))
    assert float(gates.detach().std(0).min()) > 1e-3, "the choice depends on the sample"
    parts = [made.fused, *made.single.values()]
    expected = sum(gates[:, i, None] * part(inputs) for i, part in enumerate(parts))
    assert same(made(inputs), expected)  # type: ignore[arg-type]
    owned = [{id(p) for p in part.parameters()} for part in (*parts, made.norms, made.gate)]
    assert len(set().union(*owned)) == sum(map(len, owned))


def test_dynamic_can_choose_one_model_alone() -> None:
    made, inputs = tiny.model(2, fusion=Concat, architecture=Dynamic), tiny.inputs(2)
    assert isinstance(made, Dynamic)
    for i, part in enumerate((made.fused, *made.single.values())):
        with torch.no_grad():
            made.gate.weight.zero_()
            made.gate.bias.zero_()
            made.gate.bias[i] = 60
        assert same(made(inputs), part(inputs))
