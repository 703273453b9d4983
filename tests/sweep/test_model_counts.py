from __future__ import annotations

from itertools import product

import pytest
import torch

from mmbench.data.batches import Split
from mmbench.model import build as model
from mmbench.model import cost
from mmbench.registry import get, variants
from mmbench.schema.dataset import DataSpec
from mmbench.schema.params import Choice, ModelSize
from mmbench.schema.trial import TrialConfig
from mmbench.sweep.planning.model_counts import ModelCounter, sample

pytestmark = pytest.mark.slow

SIZE = ModelSize(width=32, depth=2, heads=2, mlp_ratio=2)
CENSUS = ModelCounter()
ATTENTIONS, FUSIONS, ARCHITECTURES = (tuple(variants(axis)) for axis in ("attention", "fusion", "architecture"))


def default(name: str) -> DataSpec:
    """The spec of a default data set, without its arrays."""
    return get("dataset", name, where="test").cls().describe(name)


SPECS = {name: default(name) for name in ("redundant", "unique", "synergy")}


def cell(attention: str, fusion: str, architecture: str, spec: DataSpec, size: ModelSize = SIZE) -> TrialConfig:
    return TrialConfig(
        role="cell",
        dataset=spec.name,
        modalities=tuple(spec.modalities),
        attention=Choice(name=attention),
        fusion=Choice(name=fusion),
        architecture=Choice(name=architecture),
        seed=0,
        model=size,
    )


def counts(config: TrialConfig, spec: DataSpec) -> tuple[int, int]:
    return CENSUS.parameters(config, spec), CENSUS.flops(config, spec)


def truth(config: TrialConfig, spec: DataSpec) -> tuple[int, int]:
    """Of the model that a trial would train, on a random sample."""
    g = torch.Generator().manual_seed(0)
    inputs = sample(spec, config.modalities, "cpu")
    for example in inputs.values():
        if example.values.is_floating_point():
            example.values.normal_(generator=g)
    built = model.build(config, spec)
    return cost.parameters(built), cost.flops(built, Split(inputs=inputs, labels=torch.zeros(1, dtype=torch.int64)))


def agree(attention: str, fusion: str) -> None:
    """The architecture and the data set follow from the two, in turn."""
    a, f = ATTENTIONS.index(attention), FUSIONS.index(fusion)
    spec = list(SPECS.values())[(a // len(ARCHITECTURES) + f) % len(SPECS)]
    config = cell(attention, fusion, ARCHITECTURES[(a + f) % len(ARCHITECTURES)], spec)
    assert counts(config, spec) == truth(config, spec), config.name


def test_counts_are_those_of_the_model_itself() -> None:
    """Every attention, every fusion and every architecture, once or more."""
    for i in range(max(len(ATTENTIONS), len(FUSIONS))):
        agree(ATTENTIONS[i % len(ATTENTIONS)], FUSIONS[i % len(FUSIONS)])


@pytest.mark.exhaustive
@pytest.mark.parametrize("attention", ATTENTIONS)
def test_counts_are_right_for_every_pair(attention: str) -> None:
    """Over all of these, every attention meets every fusion and architecture, and every fusion every architecture."""
    for fusion in FUSIONS:
        agree(attention, fusion)


@pytest.mark.parametrize("attention", ["mean", "routed"])
def test_a_single_modality_is_counted(attention: str) -> None:
    spec = SPECS["redundant"]
    for modality in spec.modalities:
        config = TrialConfig(
            role="single",
            dataset=spec.name,
            modalities=(modality,),
            attention=Choice(name=attention),
            seed=0,
            model=SIZE,
        )
        assert counts(config, spec) == truth(config, spec)


@pytest.mark.parametrize(
    "size",
    [
        ModelSize(width=32, depth=2, heads=2, mlp_ratio=3.37),
        ModelSize(width=24, depth=3, heads=4, mlp_ratio=0.01),
        ModelSize(width=132, depth=2, heads=2, mlp_ratio=2),
    ],
)
def test_any_size_is_counted(size: ModelSize) -> None:
    """Another MLP alone builds nothing new, and wide models run on the meta device."""
    spec = SPECS["synergy"]
    for attention, (fusion, architecture) in product(
        ("mean", "local"), (("co_attention", "hybrid"), ("latent_array", "modality_experts"), ("bottleneck", "shared"))
    ):
        config = cell(attention, fusion, architecture, spec, size)
        assert counts(config, spec) == truth(config, spec), config.name


def test_fused_attention_is_counted() -> None:
    spec = SPECS["synergy"]
    softmax, mean = (counts(cell(a, "concat", "independent", spec), spec)[1] for a in ("scaled_dot_product", "mean"))
    more = 0
    for n in (9, 8):  # tokens of the two modalities
        # Two layers with L queries and a read-out with one: scores and values there, sums, which are not counted, for
        # the mean; queries and keys are projected as well, in the read-out keys alone. What a layer of the mean reads
        # is projected once, not once a token.
        more += 2 * (2 * n * n + n) * 2 * SIZE.width + (2 * 2 + 1) * n * 2 * SIZE.width**2
        more += 2 * (n - 1) * 2 * SIZE.width**2
    assert softmax - mean == more


def test_an_option_is_counted() -> None:
    spec = SPECS["synergy"]
    config = cell("additive", "concat", "shared", spec)
    config = config.model_copy(update={"attention": Choice(name="additive", options={"score_dim": 7})})
    assert counts(config, spec) == truth(config, spec)
