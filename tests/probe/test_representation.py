"""Vectors of real models: where they come from, who is left out, and what is None."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from mmbench.data.batches import Example, Inputs, Split
from mmbench.model import masking
from mmbench.model.baseline import BaselineModel
from mmbench.model.build import Branch, assemble, build
from mmbench.model.interfaces import Architecture, Model, Part
from mmbench.probe import check_values
from mmbench.probe import representation as module
from mmbench.probe.representation import Representation
from mmbench.probe.shared import summaries
from mmbench.probe.shared.places import PLACES, TOKENS
from mmbench.probe.shared.summaries import Vectors, branch_of, together, vectors
from mmbench.registry import get, variants
from mmbench.schema.dataset import DataSpec
from mmbench.schema.params import Choice
from mmbench.schema.quantity import Value
from mmbench.schema.task import task_of
from tests.support import small

NAMES = ("a", "b", "c")
OF_PAIRS = ("cka_stem", "cka_last", "retrieval_1", "retrieval_5", "retrieval_candidates")
OF_PAIRS += ("modality_gap", "paired_distance", "modality_spread")


def model_of(spec: DataSpec, *, seed: int = 0, names: tuple[str, ...] = NAMES, **changes: str | int) -> Architecture:
    depth = int(changes.pop("depth", 2))
    config = small.config(modalities=names, seed=seed)
    config = config.model_copy(
        update={k: Choice(name=str(v)) for k, v in changes.items()}
        | {"model": config.model.model_copy(update={"depth": depth})}  # type: ignore[union-attr]
    )
    torch.manual_seed(seed)
    return build(config, spec).eval()


def measured(
    model: nn.Module, data: Mapping[str, Split], spec: DataSpec, names: tuple[str, ...] = NAMES
) -> dict[str, Value]:
    probe = Representation()
    with torch.random.fork_rng():
        found = probe.measure(model, {k: s.only(names) for k, s in data.items()}, spec, seed=0)
    return check_values(probe.quantities, found, names)


def many(split: Split, times: int) -> Split:
    """More samples, and none twice: with noise."""
    g = torch.Generator().manual_seed(1)
    made = {}
    for name, x in split.inputs.items():
        values = x.values.repeat(times, *[1] * (x.values.ndim - 1))
        if values.is_floating_point():
            values = values + 0.2 * torch.randn(values.shape, generator=g)
        made[name] = Example(values=values, mask=None if x.mask is None else x.mask.repeat(times, 1))
    return replace(split, inputs=made, labels=split.labels.repeat(times, *[1] * (split.labels.ndim - 1)))


@pytest.fixture(scope="module")
def data() -> dict[str, Split]:
    return {name: many(split, 3) for name, split in small.splits().items()}


def test_places_are_those_of_the_forward_pass(data: dict[str, Split]) -> None:
    """What is read out gives the model's own outputs; layers are looked at in their order, tokens by their modality."""
    model = model_of(small.spec())
    branch = branch_of(model)
    assert branch is not None
    found = vectors(branch, data["test"], 64)
    index = summaries.chosen(data["test"], 64)
    inputs, labels = data["test"].rows(index)
    with torch.inference_mode():
        read = {m: torch.from_numpy(found.single["read-out"][m]).float() for m in NAMES}
        assert torch.allclose(branch.fusion.merge_outputs(read), model(inputs), atol=1e-5)
        streams = branch.embed(inputs)
        expected = {"stem": streams}
        for place, layer in zip(("middle", "last"), branch.layers, strict=True):
            streams = {name: layer(name, s) for name, s in streams.items()}
            expected[place] = streams
    for place, own in expected.items():
        for m in NAMES:
            mean = masking.mean(own[m].tokens, own[m].mask).double().numpy()
            assert np.allclose(found.single[place][m], mean, atol=1e-5), (place, m)
    assert np.array_equal(found.labels, labels.numpy()) and len(found) == 64
    assert all(found.joint[p].shape == (64, 24) for p in PLACES)
    assert not any(layer._forward_hooks for layer in branch.layers), "hooks are taken off again"


def test_batches_do_not_matter(data: dict[str, Split], monkeypatch: pytest.MonkeyPatch) -> None:
    branch = branch_of(model_of(small.spec(), fusion="cross_attention"))
    assert branch is not None
    whole = vectors(branch, data["test"], 100)
    monkeypatch.setattr(summaries, "BATCH", 7)
    parts = vectors(branch, data["test"], 100)
    for place in PLACES:
        assert np.allclose(whole.joint[place], parts.joint[place], atol=1e-5)
    assert all(np.array_equal(whole.there[m], parts.there[m]) for m in NAMES)
    both = together(whole, parts)
    assert len(both) == 200 and np.array_equal(both.single["last"]["b"][:100], whole.single["last"]["b"])


def test_a_joint_sequence_has_a_run_of_tokens_for_each_modality(data: dict[str, Split]) -> None:
    branch = branch_of(model_of(small.spec(), fusion="early_concat"))
    assert branch is not None
    found = vectors(branch, data["test"], 40)
    assert set(found.single) == set(TOKENS) and found.joint["read-out"].shape == (40, 8)
    assert found.joint["last"].shape == (40, 24)
    inputs, _ = data["test"].rows(summaries.chosen(data["test"], 40))
    with torch.inference_mode():
        stream = branch.encode(branch.embed(inputs))["joint"]
        b = stream.tokens[:, 6:11].mean(1).double().numpy()
    assert np.allclose(found.single["last"]["b"], b, atol=1e-5)
    wrong = stream.tokens[:, 5:10].mean(1).double().numpy()
    assert not np.allclose(wrong, b, atol=1e-2), "a run that begins one too early is another"


@pytest.mark.parametrize("fusion", ["latent_array", "early_channel"])
def test_tokens_that_are_no_modalitys_own_have_no_numbers_of_single_ones(data: dict[str, Split], fusion: str) -> None:
    found = measured(model_of(small.spec(), fusion=fusion), data, small.spec())
    assert {"cka_stem", "linear_probe_joint", "effective_rank_joint"} == set(found)


@pytest.mark.parametrize("fusion", sorted(variants("fusion")))
def test_every_fusion_is_measured(data: dict[str, Split], fusion: str) -> None:
    found = measured(model_of(small.spec(), fusion=fusion), data, small.spec())
    family = variants("fusion")[fusion].attribute("family")
    assert {"linear_probe_joint", "cka_stem", "effective_rank_joint"} <= set(found)
    assert ("linear_probe_readout" in found) == (family != "early" and fusion != "latent_array")


@pytest.mark.parametrize("architecture", sorted(variants("architecture")))
def test_every_architecture_is_measured(data: dict[str, Split], architecture: str) -> None:
    found = measured(model_of(small.spec(), architecture=architecture), data, small.spec())
    assert set(found) == set(Representation.quantities)


@pytest.mark.parametrize("depth", [1, 3])
def test_any_depth_has_a_middle_and_a_last_layer(data: dict[str, Split], depth: int) -> None:
    found = measured(model_of(small.spec(), depth=depth), data, small.spec())
    assert isinstance(found["cka_layers"], list)
    assert (found["cka_layers"][1] == pytest.approx(1)) == (depth == 1)


def test_a_single_modality_has_no_pairs(data: dict[str, Split]) -> None:
    config = small.config(role="single", modalities=("b",), fusion=None, architecture=None)
    model = build(config, small.spec()).eval()
    found = measured(model, data, small.spec(), ("b",))
    assert set(found) == set(Representation.quantities) - set(OF_PAIRS)
    assert isinstance(found["linear_probe"], list) and len(found["linear_probe"]) == 3


class Elsewhere(Architecture):
    """A third party's, which is made of something else than branches."""

    def __init__(self, make_branch: Callable[[tuple[str, ...]], Model], modalities: tuple[str, ...]) -> None:
        nn.Module.__init__(self)
        self.linear = nn.Linear(3, 3)

    @classmethod
    def allot(cls, name: str, part: Part, layer: int) -> str:
        return name

    def forward(self, inputs: Inputs) -> Tensor:
        return self.linear(inputs["a"].values.mean(1))


def test_what_has_no_branch_has_none_of_this(data: dict[str, Split]) -> None:
    config = small.config()
    assert config.model is not None
    other = assemble(
        modalities=NAMES,
        spec=small.spec(),
        size=config.model,
        attention=get("attention", "mean", where="a test").cls,
        fusion=get("fusion", "concat", where="a test").cls,
        architecture=Elsewhere,
    )
    assert branch_of(other) is None and measured(other.eval(), data, small.spec()) == {}
    odd = nn.Module()
    odd.fused = nn.Linear(2, 2)
    assert measured(odd, data, small.spec()) == {}
    made = get("baseline", "majority", where="a test").cls()
    assert measured(BaselineModel(made.model(0, small.spec().task), small.spec()), data, small.spec()) == {}


def planted(kind: str) -> tuple[DataSpec, dict[str, Split]]:
    """Modality a says the target in its first feature, b is noise."""
    targets = {"classification": ("no", "yes"), "multilabel": ("p", "q"), "regression": ("x", "y")}[kind]
    spec = small.spec(
        modalities={m: small.spec().modalities[m] for m in ("a", "b")},
        task=task_of(kind, targets),  # type: ignore[arg-type]
    )
    made = {}
    for i, (name, count) in enumerate((("train", 500), ("validation", 300), ("test", 400))):
        g = torch.Generator().manual_seed(i)
        a, b = torch.randn(count, 6, 3, generator=g), torch.randn(count, 5, 2, generator=g)
        if kind == "classification":
            labels = torch.randint(0, 2, (count,), generator=g)
            a[:, :, 0] += 3 * labels[:, None]
        elif kind == "multilabel":
            labels = torch.randint(0, 2, (count, 2), generator=g).float()
            a[:, :, :2] += 3 * labels[:, None]
        else:
            labels = a[:, :, :2].mean(1) * 10 + 100
        made[name] = Split(inputs={"a": Example(values=a), "b": Example(values=b)}, labels=labels)
    return spec, made


@pytest.mark.parametrize("kind", ["classification", "multilabel", "regression"])
def test_a_planted_target_is_found_where_it_is(kind: str) -> None:
    spec, data = planted(kind)
    found = measured(model_of(spec, names=("a", "b")), data, spec, ("a", "b"))
    probes, joint = found["linear_probe"], found["linear_probe_joint"]
    assert isinstance(probes, list) and isinstance(joint, list)
    if kind == "regression":
        assert max(probes[:2]) < 1.5 < 2 < min(probes[3:]) and joint[0] < 1.5
    else:
        assert min(probes[:3]) > 0.9 and max(probes[3:]) < 0.7 and min(joint) > 0.85


def test_shuffled_labels_are_not_found() -> None:
    spec, data = planted("classification")
    for name in ("train", "test"):
        order = torch.randperm(len(data[name]), generator=torch.Generator().manual_seed(3))
        data[name] = replace(data[name], labels=data[name].labels[order])
    found = measured(model_of(spec, names=("a", "b")), data, spec, ("a", "b"))["linear_probe_joint"]
    assert isinstance(found, list) and found == [pytest.approx(0.5, abs=0.1)] * 4


def lacking(split: Split, name: str, share: float) -> tuple[Split, Tensor]:
    """The same with a modality missing from some samples, and what lies there is garbage."""
    g = torch.Generator().manual_seed(5)
    gone = torch.rand(len(split), generator=g) < share
    x = split.inputs[name]
    values = torch.where(gone[:, None, None], torch.full_like(x.values, 1e3), x.values)
    mask = ~gone[:, None].expand(-1, x.values.shape[1])
    return replace(split, inputs={**split.inputs, name: Example(values=values, mask=mask)}), gone


def test_who_lacks_a_modality_is_left_out_of_its_numbers_and_of_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if these samples were not there; who keeps them in is found out."""
    spec, data = planted("classification")
    model = model_of(spec, names=("a", "b"))
    some = {name: lacking(split, "a", 0.3) for name, split in data.items()}
    with_gaps = {name: split for name, (split, _) in some.items()}
    found = measured(model, with_gaps, spec, ("a", "b"))
    held = torch.cat([some["test"][1], some["validation"][1][summaries.chosen(data["validation"], 112)]])
    both = int((~held).sum())
    assert found["retrieval_candidates"] == min(256, both)

    def only_there(split: Split, gone: Tensor) -> Split:
        rows = torch.where(~gone)[0]
        inputs = {m: Example(values=x.values[rows], mask=None) for m, x in split.inputs.items()}
        return replace(split, inputs=inputs, labels=split.labels[rows])

    fewer = {name: only_there(data[name], gone) for name, (_, gone) in some.items()}
    monkeypatch.setattr(module, "SAMPLES", 10_000)
    complete, gaps = measured(model, fewer, spec, ("a", "b")), measured(model, with_gaps, spec, ("a", "b"))
    for name in ("modality_gap", "paired_distance", "cka_last", "cka_stem"):
        assert gaps[name] == pytest.approx(complete[name], abs=1e-6), name
    assert isinstance(gaps["linear_probe"], list) and isinstance(complete["linear_probe"], list)
    assert gaps["linear_probe"][:3] == pytest.approx(complete["linear_probe"][:3], abs=1e-9)

    class All(Vectors):
        """Broken: takes every sample for complete."""

        def __init__(self, **fields: object) -> None:
            there = {m: np.ones_like(x) for m, x in fields["there"].items()}  # type: ignore[attr-defined]
            super().__init__(**{**fields, "there": there})  # type: ignore[arg-type]

    monkeypatch.setattr(summaries, "Vectors", All)
    broken = measured(model, with_gaps, spec, ("a", "b"))
    assert broken["retrieval_candidates"] != found["retrieval_candidates"] or both >= 256
    assert broken["modality_gap"] != pytest.approx(gaps["modality_gap"], abs=1e-3)


def test_an_alignment_needs_enough_samples(data: dict[str, Split]) -> None:
    """The test split alone has too few here; with those of validation there are enough."""
    spec = small.spec()
    few = small.splits()
    assert len(few["test"]) + len(few["validation"]) < module.LEAST
    found = measured(model_of(spec), few, spec)
    assert not {"cka_last", "cka_stem", "cka_layers"} & set(found) and found["retrieval_candidates"] == 192
    assert len(data["test"]) > module.LEAST
    assert {"cka_last", "cka_stem", "cka_layers"} <= set(measured(model_of(spec), data, spec))
    mixed = {**few, "validation": data["validation"]}
    assert {"cka_last", "cka_stem", "cka_layers"} <= set(measured(model_of(spec), mixed, spec))


def test_one_modality_twice_is_aligned_and_retrieved() -> None:
    """Two modalities of one content, with weights that are shared and no embedding to tell them apart."""
    one = small.spec().modalities["b"]
    spec = small.spec(modalities={"a": one, "b": one}, task=task_of("classification", ("no", "yes")))
    made = {}
    for i, name in enumerate(("train", "validation", "test")):
        g = torch.Generator().manual_seed(i)
        values = torch.randn(300, 5, 2, generator=g)
        made[name] = Split(
            inputs={m: Example(values=values.clone()) for m in ("a", "b")}, labels=(values[:, 0, 0] > 0).long()
        )
    model = model_of(spec, names=("a", "b"), architecture="shared")
    branch = branch_of(model)
    assert isinstance(branch, Branch)
    branch.stems["b"].load_state_dict(branch.stems["a"].state_dict())
    with torch.no_grad():
        for parameter in branch.modality_embedding.values():
            parameter.zero_()
    found = measured(model, made, spec, ("a", "b"))
    assert found["retrieval_1"] == [1.0] == found["cka_last"] and found["modality_gap"] == [pytest.approx(0, abs=1e-6)]
    made["test"].inputs["b"].values.copy_(made["test"].inputs["b"].values.flip(0))
    made["validation"].inputs["b"].values.copy_(made["validation"].inputs["b"].values.flip(0))
    wrong = measured(model, made, spec, ("a", "b"))
    assert isinstance(wrong["retrieval_1"], list) and wrong["retrieval_1"][0] < 0.05
    assert wrong["cka_last"] == [pytest.approx(0, abs=0.1)]


def test_weights_and_the_mode_of_a_model_stay_as_they_are(data: dict[str, Split]) -> None:
    model = model_of(small.spec())
    before = {name: x.clone() for name, x in model.state_dict().items()}
    first = measured(model, data, small.spec())
    assert first == measured(model, data, small.spec())
    assert not model.training and all(torch.equal(before[n], x) for n, x in model.state_dict().items())
