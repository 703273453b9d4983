"""Every pair of the article's 27 cells is a different computation, and a planted collapse is caught."""

from __future__ import annotations

import math
from functools import partial
from itertools import combinations, product

import pytest
import torch
from torch import Tensor, nn

from mmbench.architecture.hybrid import Hybrid
from mmbench.architecture.independent import Independent
from mmbench.architecture.shared import Shared
from mmbench.attention.additive import Additive
from mmbench.attention.mean import Mean
from mmbench.attention.scaled_dot_product import ScaledDotProduct
from mmbench.checks import distinct, tiny
from mmbench.checks.distinct import Signature
from mmbench.fusion.concat import Concat
from mmbench.fusion.cross_attention import CrossAttention
from mmbench.fusion.early_concat import EarlyConcat
from mmbench.registry import variants
from mmbench.types import JOINT, Architecture, Attention, Fusion, Inputs, Kit, Part, Stream, Streams, Summaries

CORE = [[v.cls for v in variants(axis).values() if v.core] for axis in ("attention", "fusion", "architecture")]


def build(attention: type[Attention], fusion: type[Fusion], architecture: type[Architecture]) -> nn.Module:
    return tiny.model(2, attention=attention, fusion=fusion, architecture=architecture)


def name(cell: tuple[type, ...]) -> str:
    return " ".join(part.__name__ for part in cell)


@pytest.fixture(scope="module")
def signatures() -> dict[str, Signature]:
    """Of the 27 cells of the source article."""
    return {name(cell): distinct.measure(partial(build, *cell)) for cell in product(*CORE)}


@pytest.mark.slow
def test_the_article_defines_27_cells_and_no_two_compute_one_function(signatures: dict[str, Signature]) -> None:
    assert len(signatures) == 27
    assert distinct.collapsed(signatures) == []


@pytest.mark.slow
def test_each_axis_shows_where_it_should(signatures: dict[str, Signature]) -> None:
    """Cells that differ in one axis differ in the parts of the signature that are about that axis."""
    parts = {0: {"mixing"}, 1: {"reach"}, 2: {"sharing"}}
    for a, b in combinations(product(*CORE), 2):
        axes = [i for i in range(3) if a[i] is not b[i]]
        if len(axes) == 1:
            differing = set(signatures[name(a)].difference(signatures[name(b)]).split(", "))
            assert parts[axes[0]] <= differing, (name(a), name(b), differing)


@pytest.mark.slow
def test_outputs_differ_when_parameters_of_one_shape_agree() -> None:
    """The direct test: with equal values in all parameters of one shape and place, the logits still differ."""
    inputs = tiny.inputs(2)
    logits = {name(cell): distinct.align(build(*cell))(inputs) for cell in product(*CORE)}
    for a, b in combinations(logits, 2):
        assert not torch.allclose(logits[a], logits[b], atol=1e-3), (a, b)


class IdleExchange(CrossAttention):
    """Builds its exchange and leaves it out."""

    def exchange(self, layer: int, streams: Streams, inputs: Streams) -> Streams:
        return streams


class SecretMean(ScaledDotProduct):
    """Takes queries and keys, and ignores them."""

    def attend(
        self, q: Tensor | None, k: Tensor | None, v: Tensor, mask: Tensor, *, need_weights: bool = False
    ) -> tuple[Tensor, Tensor | None]:
        assert q is not None
        weights = (mask / mask.sum(-1, keepdim=True).clamp(min=1))[:, None, None].to(v.dtype)
        return (weights @ v).expand_as(q), None


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

    def attend(
        self, q: Tensor | None, k: Tensor | None, v: Tensor, mask: Tensor, *, need_weights: bool = False
    ) -> tuple[Tensor, Tensor | None]:
        assert q is not None and k is not None
        query = torch.einsum("bhnd,adh->bhna", q, self.queries)[:, :, :, None]
        key = torch.einsum("bhmd,adh->bhma", k, self.keys)[:, :, None]
        scores = torch.einsum("bhnma,ah->bhnm", torch.tanh(query + key), self.vote)
        return torch.softmax(scores.masked_fill(~mask[:, None, None], -math.inf), -1) @ v, None


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
    ],
    ids=lambda cell: name(cell).replace(" ", "-"),
)
def test_a_planted_collapse_is_caught(planted: tuple[type, ...], original: tuple[type, ...]) -> None:
    measured = {name(cell): distinct.measure(partial(build, *cell)) for cell in (planted, original)}
    assert distinct.collapsed(measured) == [(name(planted), name(original))]


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
