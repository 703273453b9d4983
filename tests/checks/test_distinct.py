"""Every pair of the 1,734 cells is a different computation, and a planted collapse is caught."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial
from itertools import combinations, product

import pytest
import torch
from torch import Tensor, nn

from mmbench.architecture.dynamic import Dynamic
from mmbench.architecture.hybrid import Hybrid
from mmbench.architecture.independent import Independent
from mmbench.architecture.partially_shared import PartiallyShared
from mmbench.architecture.shared import Shared
from mmbench.attention.additive import Additive
from mmbench.attention.differential import Differential
from mmbench.attention.entmax import Entmax
from mmbench.attention.linformer import Linformer
from mmbench.attention.local import Local
from mmbench.attention.mean import Mean
from mmbench.attention.scaled_dot_product import ScaledDotProduct
from mmbench.attention.topk import TopK
from mmbench.checks import tiny
from mmbench.checks.distinct import signature as distinct
from mmbench.checks.distinct.attention_properties import mixing
from mmbench.checks.distinct.fusion_properties import Meeting, meeting
from mmbench.checks.distinct.signature import Signature
from mmbench.data.batches import Inputs
from mmbench.fusion.co_attention import CoAttention
from mmbench.fusion.concat import Concat
from mmbench.fusion.cross_attention import CrossAttention
from mmbench.fusion.early_channel import EarlyChannel
from mmbench.fusion.early_concat import EarlyConcat
from mmbench.fusion.gated_unit import GatedUnit
from mmbench.fusion.latent_array import LatentArray
from mmbench.fusion.logit_sum import LogitSum
from mmbench.fusion.low_rank_tensor import LowRankTensor
from mmbench.fusion.tensor import TensorFusion
from mmbench.model.interfaces import (
    JOINT,
    Architecture,
    Attention,
    Bank,
    Fusion,
    Heads,
    Kit,
    Part,
    Stream,
    Streams,
    Summaries,
)
from mmbench.registry import variants

Cell = tuple[type[Attention], type[Fusion], type[Architecture]]
ATTENTIONS, FUSIONS, ARCHITECTURES = (
    [v.cls for v in variants(axis).values()] for axis in ("attention", "fusion", "architecture")
)
CELLS: list[Cell] = list(product(ATTENTIONS, FUSIONS, ARCHITECTURES))
STAND_INS = (ScaledDotProduct, Mean)
"""Through these every token sees every other; one takes queries and keys, one does not."""


def build(attention: type[Attention], fusion: type[Fusion], architecture: type[Architecture]) -> nn.Module:
    return tiny.model(2, attention=attention, fusion=fusion, architecture=architecture)


def name(cell: tuple[type, ...]) -> str:
    return " ".join(part.__name__ for part in cell)


def mechanisms(attention: type[Attention], seeds: int = 1) -> list[Attention]:
    """As they are in a cell, with other parameters in every place and for every seed."""
    made = (
        tiny.model(2, attention=attention, fusion=CrossAttention, architecture=Independent, seed=seed)
        for seed in range(seeds)
    )
    return [m for model in made for branch in [model.fused] for m in distinct.mechanisms(branch)]


def stand_in(attention: type[Attention]) -> type[Attention]:
    return ScaledDotProduct if attention.content_based else Mean


@pytest.fixture(scope="module")
def structures() -> dict[Cell, Signature]:
    """Of every fusion and architecture under both stand-ins."""
    cells: list[Cell] = list(product(STAND_INS, FUSIONS, ARCHITECTURES))
    return {cell: distinct.measure(partial(build, *cell)) for cell in cells}


@pytest.fixture(scope="module")
def signatures(structures: dict[Cell, Signature]) -> dict[Cell, Signature]:
    """Of all cells."""
    kinds = {attention: mechanisms(attention)[0] for attention in ATTENTIONS}
    return {(a, f, r): structures[stand_in(a), f, r].with_mechanism(kinds[a]) for a, f, r in CELLS}


@pytest.mark.slow
def test_no_two_fusions_share_a_signature_in_one_architecture_nor_two_architectures_in_one_fusion() -> None:
    """A part of what follows: a row and a column of the structures, under the mechanism that takes queries and keys."""
    row = [(ScaledDotProduct, fusion, Independent) for fusion in FUSIONS]
    column = [(ScaledDotProduct, CrossAttention, architecture) for architecture in ARCHITECTURES]
    measured = {name(cell): distinct.measure(partial(build, *cell)) for cell in {*row, *column}}
    assert len(measured) == len(FUSIONS) + len(ARCHITECTURES) - 1
    assert distinct.find_collapsed(measured) == []


# The first test to ask for them waits for all structures to be measured: a minute and a half of one free core.
@pytest.mark.exhaustive
@pytest.mark.timeout(900)
def test_no_two_of_all_cells_compute_one_function(signatures: dict[Cell, Signature]) -> None:
    assert len(signatures) == len(ATTENTIONS) * len(FUSIONS) * len(ARCHITECTURES) >= 1734
    assert distinct.find_collapsed({name(cell): found for cell, found in signatures.items()}) == []


@pytest.mark.exhaustive
@pytest.mark.timeout(900)
def test_each_axis_shows_where_it_should(structures: dict[Cell, Signature]) -> None:
    """Cells that differ in one axis differ in a part of the signature that is about that axis."""
    parts = {0: {"mixing"}, 1: {"reach", "meeting"}, 2: {"sharing", "merging", "combination"}}
    for a, b in combinations(structures, 2):
        axes = [i for i in range(3) if a[i] is not b[i]]
        if len(axes) == 1:
            differing = set(structures[a].difference(structures[b]).split(", "))
            assert parts[axes[0]] & differing, (name(a), name(b), differing)


@pytest.mark.exhaustive
@pytest.mark.timeout(900)
def test_a_signature_measured_in_full_is_the_one_put_together(signatures: dict[Cell, Signature]) -> None:
    """Asked of every mechanism, in cells that hold every fusion and every architecture."""
    for i, attention in enumerate(ATTENTIONS):
        cell = (attention, FUSIONS[(3 * i + 1) % len(FUSIONS)], ARCHITECTURES[i % len(ARCHITECTURES)])
        measured = distinct.measure(partial(build, *cell))
        assert measured == signatures[cell], (name(cell), measured.difference(signatures[cell]))


@pytest.mark.exhaustive
def test_outputs_differ_when_parameters_of_one_shape_agree() -> None:
    """The direct test: with equal values in all parameters of one shape and place, the logits still differ.

    Sequences are longer than windows, slots and landmarks. Rounding is of order 1e-13.
    """
    inputs = tiny.inputs(2, length=tiny.LONGEST)
    with torch.no_grad():
        logits = torch.stack([distinct.align(build(*cell))(inputs).flatten() for cell in CELLS])
    apart = torch.cdist(logits, logits, p=math.inf)
    apart.fill_diagonal_(math.inf)
    nearest, which = apart.min(-1)
    i = int(nearest.argmin())
    assert float(nearest[i]) > 1e-6, (name(CELLS[i]), name(CELLS[int(which[i])]), float(nearest[i]))


@pytest.mark.slow
def test_no_two_mechanisms_mix_alike_and_parameters_do_not_matter() -> None:
    kinds = {attention: {mixing(m) for m in mechanisms(attention, seeds=2)} for attention in ATTENTIONS}
    assert {attention.__name__: len(found) for attention, found in kinds.items() if len(found) != 1} == {}
    assert len({kind for found in kinds.values() for kind in found}) == len(ATTENTIONS)


@pytest.mark.exhaustive
@pytest.mark.parametrize("attention", STAND_INS)
def test_no_two_fusions_meet_alike_and_parameters_do_not_matter(attention: type[Attention]) -> None:
    def met(fusion: type[Fusion], seed: int) -> Meeting:
        model = tiny.model(2, attention=attention, fusion=fusion, architecture=Independent, seed=seed)
        return meeting(model.fused)

    kinds = {fusion: {met(fusion, seed) for seed in range(2)} for fusion in FUSIONS}
    assert {fusion.__name__: len(found) for fusion, found in kinds.items() if len(found) != 1} == {}
    assert len({kind for found in kinds.values() for kind in found}) == len(FUSIONS)


class IdleExchange(CrossAttention):
    """Builds its exchange and leaves it out."""

    def exchange(self, layer: int, streams: Streams, inputs: Streams) -> Streams:
        return streams


class SecretMean(ScaledDotProduct):
    """Takes queries and keys, and ignores them."""

    def attend(self, heads: Heads, *, need_weights: bool = False) -> tuple[Tensor, Tensor | None]:
        mask, v = heads.kv_mask, heads.v
        weights = (mask / mask.sum(-1, keepdim=True).clamp(min=1))[:, None, None].to(v.dtype)
        return (weights @ v).expand_as(heads.q), None


class SecretlyShared(Independent):
    """Says that every modality has weights of its own."""

    @classmethod
    def allot(cls, name: str, part: Part, layer: int) -> str:
        return "the same for all"


class DropsItsSingles(Hybrid):
    """Builds the models of the single modalities and leaves them out."""

    def forward(self, inputs: Inputs) -> Tensor:
        return self.fused(inputs)


class TransposedAdditive(Attention):
    """Additive attention with its parameters transposed, renamed and in another order."""

    def __init__(self, heads: int, head_dim: int) -> None:
        super().__init__(heads, head_dim)
        self.vote = nn.Parameter(torch.randn(8, heads))
        self.keys = nn.Parameter(torch.randn(8, head_dim, heads))
        self.queries = nn.Parameter(torch.randn(8, head_dim, heads))

    def attend(self, heads: Heads, *, need_weights: bool = False) -> tuple[Tensor, Tensor | None]:
        query = torch.einsum("bhnd,adh->bhna", heads.q, self.queries)[:, :, :, None]
        key = torch.einsum("bhmd,adh->bhma", heads.k, self.keys)[:, :, None]
        scores = torch.einsum("bhnma,ah->bhnm", torch.tanh(query + key), self.vote)
        return torch.softmax(scores.masked_fill(~heads.kv_mask[:, None, None], -math.inf), -1) @ heads.v, None


class ConcatByAnotherName(Fusion):
    """logits = MLP([s_1; ...; s_M]), with the first layer of the MLP cut into one matrix a modality."""

    family = "late (features)"

    def __init__(self, kit: Kit) -> None:
        super().__init__(kit)
        self.parts = nn.ModuleDict({m: nn.Linear(kit.width, kit.width, bias=False) for m in kit.modalities})
        self.rest = nn.Sequential(nn.GELU(), nn.Linear(kit.width, kit.classes))

    def merge_outputs(self, summaries: Summaries) -> Tensor:
        return self.rest(sum(self.parts[m](summaries[m]) for m in self.modalities))


class EarlyByAnotherName(EarlyConcat):
    """One joint sequence, under another name and in another order."""

    @classmethod
    def stream_names(cls, modalities: tuple[str, ...]) -> tuple[str, ...]:
        return ("everything",)

    def merge_inputs(self, streams: Streams) -> Streams:
        merged = super().merge_inputs(dict(reversed(streams.items())))
        return {"everything": Stream(**vars(merged[JOINT]))}

    def merge_outputs(self, summaries: Summaries) -> Tensor:
        return self.head(summaries["everything"])


class WideWindow(Local):
    """A window that nothing lies outside of."""

    def __init__(self, heads: int, head_dim: int) -> None:
        super().__init__(heads, head_dim, window=1000)


class ManySlots(Linformer):
    """A slot for every token."""

    def __init__(self, heads: int, head_dim: int) -> None:
        super().__init__(heads, head_dim, slots=1000)


class EveryBest(TopK):
    """The best thousand of a dozen."""

    def __init__(self, heads: int, head_dim: int) -> None:
        super().__init__(heads, head_dim, k=1000)


class NearSoftmax(Entmax):
    """alpha so near 1 that it is softmax."""

    def __init__(self, heads: int, head_dim: int) -> None:
        super().__init__(heads, head_dim, iterations=60)

    def alpha(self) -> Tensor:
        return torch.full_like(self.shape, 1 + 1e-7)


class NothingTakenOff(Differential):
    """A factor of 0, and no norm."""

    def attend(self, heads: Heads, *, need_weights: bool = False) -> tuple[Tensor, Tensor | None]:
        return self.difference(heads, torch.zeros_like(self.factor())), None


class FirstHalf(ScaledDotProduct):
    """Softmax attention on the first half of queries and keys."""

    def attend(self, heads: Heads, *, need_weights: bool = False) -> tuple[Tensor, Tensor | None]:
        half = self.head_dim // 2
        return super().attend(replace(heads, q=heads.q[..., :half], k=heads.k[..., :half]))


class ProductOfDistributions(LogitSum):
    """The normalised product of the modalities' predicted distributions."""

    def merge_outputs(self, summaries: Summaries) -> Tensor:
        logs = [torch.log_softmax(self.heads[m](summaries[m]), -1) for m in self.modalities]
        return torch.log_softmax(torch.stack(logs).sum(0), -1)


class CoAttentionWithoutMLP(CoAttention):
    """With one partner, that is cross-attention."""

    def exchange(self, layer: int, streams: Streams, inputs: Streams) -> Streams:
        a, b = self.modalities
        reads = self.reads[layer]
        pairs = ((a, b), (b, a))
        return {own: streams[own].with_tokens(reads[own](streams[own], streams[other])) for own, other in pairs}


class FullRank(LowRankTensor):
    """A rank as high as the summaries are wide allows every weight tensor."""

    def __init__(self, kit: Kit) -> None:
        super().__init__(kit, rank=kit.width + 1)


class GateAlwaysOpen(GatedUnit):
    """Sums features without looking at the other modality, and takes no tanh: a linear layer before the head."""

    def merge_outputs(self, summaries: Summaries) -> Tensor:
        return self.head(sum(self.features[m](summaries[m]) for m in self.modalities))


class DeafAdapters(EarlyChannel):
    """Adapters of every modality's own, whatever the architecture says."""

    def __init__(self, kit: Kit) -> None:
        super().__init__(replace(kit, bank=lambda make, part, layer: Bank(kit.modalities, str, make)))


class TiesNothing(PartiallyShared):
    """Says that upper weights are tied."""

    @classmethod
    def allot(cls, name: str, part: Part, layer: int) -> str:
        return name


class ConstantGate(Dynamic):
    """A gate that does not look at the inputs: weights on the branches, which their heads absorb."""

    def gates(self, inputs: Inputs) -> Tensor:
        return torch.softmax(self.gate.bias, -1).expand(len(super().gates(inputs)), -1)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("planted", "original"),
    [
        ((ScaledDotProduct, IdleExchange, Independent), (ScaledDotProduct, Concat, Independent)),
        ((ScaledDotProduct, IdleExchange, Hybrid), (ScaledDotProduct, Concat, Hybrid)),
        ((SecretMean, EarlyConcat, Shared), (Mean, EarlyConcat, Shared)),
        ((Additive, CrossAttention, SecretlyShared), (Additive, CrossAttention, Shared)),
        ((Additive, EarlyConcat, SecretlyShared), (Additive, EarlyConcat, Shared)),
        ((Mean, CrossAttention, DropsItsSingles), (Mean, CrossAttention, Independent)),
        ((TransposedAdditive, Concat, Shared), (Additive, Concat, Shared)),
        ((ScaledDotProduct, ConcatByAnotherName, Independent), (ScaledDotProduct, Concat, Independent)),
        ((Mean, EarlyByAnotherName, Independent), (Mean, EarlyConcat, Independent)),
        ((WideWindow, Concat, Independent), (ScaledDotProduct, Concat, Independent)),
        ((ManySlots, Concat, Independent), (ScaledDotProduct, Concat, Independent)),
        ((EveryBest, Concat, Independent), (ScaledDotProduct, Concat, Independent)),
        ((NearSoftmax, Concat, Independent), (ScaledDotProduct, Concat, Independent)),
        ((NothingTakenOff, CrossAttention, Shared), (FirstHalf, CrossAttention, Shared)),
        ((ScaledDotProduct, ProductOfDistributions, Shared), (ScaledDotProduct, LogitSum, Shared)),
        ((ScaledDotProduct, CoAttentionWithoutMLP, Independent), (ScaledDotProduct, CrossAttention, Independent)),
        ((Mean, CoAttentionWithoutMLP, Independent), (Mean, CrossAttention, Independent)),
        ((ScaledDotProduct, FullRank, Independent), (ScaledDotProduct, TensorFusion, Independent)),
        ((ScaledDotProduct, GateAlwaysOpen, Independent), (ScaledDotProduct, Concat, Independent)),
        ((ScaledDotProduct, DeafAdapters, Independent), (ScaledDotProduct, DeafAdapters, Shared)),
        ((ScaledDotProduct, EarlyChannel, TiesNothing), (ScaledDotProduct, EarlyChannel, Independent)),
        ((Mean, LatentArray, TiesNothing), (Mean, LatentArray, Independent)),
        ((ScaledDotProduct, EarlyConcat, TiesNothing), (ScaledDotProduct, EarlyConcat, Independent)),
        ((Additive, Concat, ConstantGate), (Additive, Concat, Hybrid)),
    ],
    ids=lambda cell: name(cell).replace(" ", "-"),
)
def test_a_planted_collapse_is_caught(planted: tuple[type, ...], original: tuple[type, ...]) -> None:
    measured = {name(cell): distinct.measure(partial(build, *cell)) for cell in (planted, original)}
    assert distinct.find_collapsed(measured) == [(name(planted), name(original))]


def test_alignment_finds_a_copy_under_other_names() -> None:
    class Copy(Additive):
        pass

    inputs = tiny.inputs(2)
    a, b = (distinct.align(build(cls, Concat, Shared))(inputs) for cls in (Additive, Copy))
    assert torch.equal(a, b)


def test_measuring_leaves_the_model_as_it_was() -> None:
    model, inputs = build(Mean, Concat, Hybrid), tiny.inputs(2)
    before = model(inputs)
    distinct.signature(model, inputs, tiny.inputs(2, seed=5))
    assert torch.equal(model(inputs), before)
