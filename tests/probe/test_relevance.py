"""Relevance of tokens: each method against its definition, and wrong versions that the checks find."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from functools import cache

import numpy as np
import pytest
import torch
from scipy import special, stats
from sklearn.metrics import average_precision_score, roc_auc_score
from torch import Tensor, nn

from mmbench.data.batches import Example, Inputs
from mmbench.model.build import build
from mmbench.model.interfaces import Architecture, Model
from mmbench.probe import check_values
from mmbench.probe.relevance import RelevanceProbe, _evidence, _plausibility
from mmbench.probe.shared import embedded as module
from mmbench.probe.shared import localisation as local
from mmbench.probe.shared import relevance as by
from mmbench.probe.shared.answer import Answer
from mmbench.probe.shared.embedded import Embedded, embedded, renewed
from mmbench.probe.shared.explained import explain, explained, with_fresh_weights
from mmbench.probe.shared.once import results_kept
from mmbench.registry import variants
from mmbench.schema.params import Choice
from mmbench.schema.plan import Job
from mmbench.schema.relevance import METHODS
from mmbench.schema.relevance_map import ModalityMap, SampleMap, decode, encode
from mmbench.schema.task import TaskKind, task_of
from mmbench.training.trial import run
from tests.support import planted_tokens, small


def some_inputs(count: int = 6) -> Inputs:
    return small.splits()["test"].rows(slice(0, count))[0]


def some_model(**changes: object) -> nn.Module:
    torch.manual_seed(3)
    return build(small.config(modalities=("a", "b", "c"), **changes), small.spec()).eval()


def answer_of(x: Embedded) -> Answer:
    return Answer(task=small.spec().task, outputs=x.outputs)


# The model from its tokens on


@pytest.mark.parametrize("architecture", sorted(variants("architecture")))
@pytest.mark.parametrize("fusion", sorted(variants("fusion")))
def test_from_its_tokens_a_model_says_what_it_says_of_inputs(architecture: str, fusion: str) -> None:
    model, inputs = some_model(architecture=Choice(name=architecture), fusion=Choice(name=fusion)), some_inputs()
    x = embedded(model, inputs)
    assert x is not None
    with torch.no_grad():
        assert torch.allclose(x.outputs, model(inputs), atol=1e-5)
    assert {name: m.shape[1] for name, m in x.mask.items()} == {"a": 6, "b": 5, "c": 4}


class ReadsPastStems(Architecture):
    """Made of a branch, and of a number that it takes from the raw input."""

    @classmethod
    def allot(cls, name: str, part: str, layer: int) -> str:
        return name

    def forward(self, inputs: Inputs) -> Tensor:
        return self.fused(inputs) + inputs["a"].values.mean((1, 2))[:, None]


class OtherModel(Model):
    width = 4

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(3, 3)

    def embed(self, inputs: Inputs) -> dict[str, object]:  # type: ignore[override]
        return {}

    def forward(self, inputs: Inputs) -> Tensor:
        return self.linear(inputs["a"].values.mean(1))


def test_a_model_that_is_not_made_of_tokens_has_no_relevance() -> None:
    whole = some_model()
    past = ReadsPastStems(lambda names: whole.fused, ("a", "b", "c"))  # type: ignore[arg-type, return-value]
    assert embedded(past, some_inputs()) is None
    assert embedded(OtherModel(), some_inputs()) is None
    none = RelevanceProbe().measure(OtherModel(), small.splits(), small.spec(), seed=0)
    assert set(none) == set(RelevanceProbe.quantities) and not any(x is not None for x in none.values())


# Each method against its definition


def test_attention_weights_are_a_distribution_over_the_tokens_that_are_there() -> None:
    x = embedded(some_model(attention=Choice(name="mean")), some_inputs())
    assert x is not None
    found = by.attention(x)
    assert found is not None
    for name, m in x.mask.items():
        assert torch.allclose(found[name], m / m.sum(1, keepdim=True), atol=1e-6)
    x = embedded(some_model(attention=Choice(name="mean"), fusion=Choice(name="early_concat")), some_inputs())
    assert x is not None
    joint = by.attention(x)
    assert joint is not None
    assert torch.allclose(torch.cat(list(joint.values()), 1).sum(1), torch.ones(6), atol=1e-5), "one read-out of all"


@pytest.mark.parametrize("attention", sorted(variants("attention")))
def test_attention_is_defined_where_weights_are_a_distribution(attention: str) -> None:
    x = embedded(some_model(attention=Choice(name=attention)), some_inputs())
    assert x is not None
    assert (by.attention(x) is None) == (attention in ("differential", "nystrom"))


@pytest.mark.parametrize("fusion", ["latent_array", "early_channel"])
def test_attention_to_tokens_that_are_no_modalitys_own_is_not_defined(fusion: str) -> None:
    for architecture in ("shared", "hybrid"):
        model = some_model(fusion=Choice(name=fusion), architecture=Choice(name=architecture))
        x = embedded(model, some_inputs())
        assert x is not None and by.attention(x) is None


def test_weights_that_are_no_distribution_are_not_defined(monkeypatch: pytest.MonkeyPatch) -> None:
    x = embedded(some_model(), some_inputs())
    assert x is not None
    weights, mask = torch.full((2, 1, 4), 0.25), torch.ones(2, 4, dtype=torch.bool)
    assert by._is_distribution(weights, mask)
    assert not by._is_distribution(weights * 2, mask)
    assert not by._is_distribution(weights + torch.tensor([0.5, -0.5, 0, 0]), mask)


def naive_integrated_gradients(x: Embedded, baseline: Mapping[tuple[int, str], Tensor]) -> dict[str, Tensor]:
    """The same rule from scipy, one node at a time, each by autograd's own backward pass."""
    answer = answer_of(x)
    total = {place: torch.zeros_like(t) for place, t in x.tokens.items()}
    nodes, weights = special.roots_sh_legendre(by.STEPS)
    for at, weight in zip(nodes.tolist(), weights.tolist(), strict=True):
        points = {p: (baseline[p] + at * (t - baseline[p])).requires_grad_() for p, t in x.tokens.items()}
        answer.sureness(x.run(points, x.mask)).sum().backward()
        for p, point in points.items():
            assert point.grad is not None
            total[p] += point.grad * weight
    made = {name: torch.zeros(m.shape) for name, m in x.mask.items()}
    for (i, name), g in total.items():
        made[name] += (g * (x.tokens[i, name] - baseline[i, name])).sum(-1)
    return made


@pytest.mark.parametrize("architecture", ["shared", "dynamic"])
def test_integrated_gradients_are_the_integral_and_add_up(architecture: str) -> None:
    model = some_model(architecture=Choice(name=architecture)).double()
    inputs = {
        n: Example(values=e.values.double() if e.values.is_floating_point() else e.values, mask=e.mask)
        for n, e in some_inputs().items()
    }
    x = Embedded(model, inputs)
    baseline = by.mean_tokens(x)
    found = by.integrated_gradients(x, answer_of(x), baseline)
    expected = naive_integrated_gradients(x, baseline)
    for name in x.mask:
        assert torch.allclose(found[name], expected[name].float(), atol=1e-6)
    gaps = [
        by.completeness_gap(x, answer_of(x), by.integrated_gradients(x, answer_of(x), baseline, steps=n), baseline)
        for n in (16, 64, 256)
    ]
    assert gaps[0] < 0.3 and gaps[2] < 5e-3
    broken = by.gradient_x_input(x, answer_of(x))
    assert by.completeness_gap(x, answer_of(x), broken, baseline) > 0.1, "what does not add up is found"


class Linear(Embedded):
    """F is linear in the tokens: every gradient method gives the same, w z."""

    def __init__(self, weight: Tensor, tokens: Tensor) -> None:
        self.weight = weight
        self.tokens = {(0, "a"): tokens}
        self.mask = {"a": torch.ones(tokens.shape[:2], dtype=torch.bool)}
        self.outputs = self.run(self.tokens, self.mask)

    def parts(self, mask: Mapping[str, Tensor]) -> Iterator[slice]:
        yield slice(0, len(mask["a"]))

    def run(self, tokens: Mapping[tuple[int, str], Tensor], mask: Mapping[str, Tensor]) -> Tensor:
        return ((tokens[0, "a"] * self.weight).sum(-1) * mask["a"]).sum(1, keepdim=True)


def test_of_a_linear_model_all_methods_say_the_same() -> None:
    draw = torch.Generator().manual_seed(0)
    x = Linear(torch.randn(5, 3, generator=draw), torch.randn(4, 5, 3, generator=draw))
    answer = Answer(task=task_of("regression", ("size",)), outputs=x.outputs)
    side = torch.where(x.outputs < 0, -1.0, 1.0)
    expected = side * (x.tokens[0, "a"] * x.weight).sum(-1)
    zeros = {(0, "a"): torch.zeros(1, 5, 3)}
    for found in (
        by.gradient_x_input(x, answer),
        by.integrated_gradients(x, answer),
        by.integrated_gradients(x, answer, zeros, steps=3),
        by.occlusion(x, answer),
    ):
        assert torch.allclose(found["a"], expected, atol=1e-5)
    runs = by.occlusion(x, answer, runs=2)["a"]
    assert torch.allclose(runs[:, :3], expected[:, :3].mean(1, keepdim=True).expand(-1, 3), atol=1e-5)
    assert torch.allclose(runs.sum(1), expected.sum(1), atol=1e-4)


def test_occlusion_hides_a_token_as_a_sample_that_lacks_it() -> None:
    """Against masks of the inputs themselves. A version that puts zeros there gives something else."""
    model, inputs = some_model(), dict(some_inputs())
    x = embedded(model, inputs)
    assert x is not None
    answer = answer_of(x)
    found = by.occlusion(x, answer)
    with torch.no_grad():
        for name, place in (("a", 0), ("b", 2), ("c", 1)):
            example = inputs[name]
            mask = x.mask[name].clone()
            mask[:, place] = False
            hidden = {**inputs, name: Example(values=example.values, mask=mask)}
            fall = answer.sureness(x.outputs) - answer.sureness(model(hidden))
            assert torch.allclose(found[name][:, place], fall, atol=1e-5)
            zeros = {p: t.clone() for p, t in x.tokens.items()}
            for p, t in zeros.items():
                if p[1] == name:
                    t[:, place] = 0
            wrong = answer.sureness(x.outputs) - answer.sureness(x.run(zeros, x.mask))
            assert not torch.allclose(wrong, fall, atol=1e-3), "zeros are a token like any other"


@pytest.mark.parametrize("architecture", ["independent", "hybrid"])
def test_what_lies_in_padding_has_no_relevance_and_changes_none(architecture: str) -> None:
    model, inputs = some_model(architecture=Choice(name=architecture)), dict(some_inputs())
    mask = inputs["a"].mask
    assert mask is not None and not mask.all()
    spoilt = inputs["a"].values.masked_fill(~mask[..., None], 99.0)
    spec, index = small.spec(), torch.arange(6)
    one, two = (embedded(model, {**inputs, "a": Example(values=v, mask=mask)}) for v in (inputs["a"].values, spoilt))
    assert one is not None and two is not None
    first, second = (explain(x, spec, index, index).found for x in (one, two))
    for name, r in first.items():
        assert (r["a"][~mask] == 0).all()
        assert torch.allclose(r["a"], second[name]["a"], atol=1e-4)


def test_a_few_rows_at_a_time_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where sequences are long, memory for all pairs of tokens would not suffice."""
    model, inputs, index = some_model(), some_inputs(), torch.arange(6)
    many = embedded(model, inputs)
    assert many is not None
    expected = explain(many, small.spec(), index, index).found
    monkeypatch.setattr(module, "PAIRS", 15**2 * 4)
    few = embedded(model, inputs)
    assert few is not None and len(list(few.parts(few.mask))) == 2
    for name, found in explain(few, small.spec(), index, index).found.items():
        assert all(torch.allclose(found[m], expected[name][m], atol=1e-5) for m in found)


def test_the_random_ranking_is_one_draw_for_each_kind_of_model_and_seed() -> None:
    """Were it one for all models of a seed, its mean over many would be as uncertain as a single one."""

    def drawn(seed: int = 0, weight: float = 1.0, **fields: object) -> torch.Tensor:
        model = some_model(**fields)
        with torch.no_grad():
            for p in model.parameters():
                p *= weight
        x = embedded(model, some_inputs())
        assert x is not None
        return explain(x, small.spec(), torch.arange(6), torch.zeros(6), seed=seed).found["random"]["b"]

    first, other = drawn(), drawn(attention=Choice(name="additive"))
    assert not torch.equal(first, other) and not torch.equal(first, drawn(1))
    assert torch.equal(first, drawn(weight=0.5)), "whatever its weights are"


# Measures against libraries


@pytest.mark.parametrize("tied", [False, True])
def test_measures_are_those_of_libraries(tied: bool) -> None:
    draw = np.random.default_rng(0)
    relevance, other = draw.normal(size=(2, 30, 12))
    if tied:
        relevance, other = np.round(relevance), np.round(other)
    real, evidence = draw.random((30, 12)) < 0.8, draw.random((30, 12)) < 0.1
    found = {f.__name__: f(relevance, real, evidence) for f in (local.auroc, local.average_precision)}
    pointing, correlation = (
        local.pointing_game(relevance, real, evidence),
        local.rank_correlation(relevance, other, real),
    )
    there = local.rated(real, evidence)
    assert 10 < there.sum() < 30
    for i in range(30):
        truth, r = evidence[i][real[i]], relevance[i][real[i]]
        expected = stats.spearmanr(r, other[i][real[i]]).statistic
        assert correlation[i] == pytest.approx(expected, abs=1e-9)
        if not there[i]:
            assert np.isnan([found["auroc"][i], found["average_precision"][i], pointing[i]]).all()
            continue
        assert found["auroc"][i] == pytest.approx(roc_auc_score(truth, r), abs=1e-9)
        assert found["average_precision"][i] == pytest.approx(average_precision_score(truth, r), abs=1e-9)
        assert pointing[i] == pytest.approx(truth[r == r.max()].mean())


def test_padding_is_no_token_without_evidence() -> None:
    """A version that counts padding, which has no relevance, thinks more of a ranking than it deserves."""
    draw = np.random.default_rng(1)
    relevance, real = draw.random((200, 10)), np.arange(10) < 4
    real = np.broadcast_to(real, (200, 10))
    evidence = np.arange(10) == draw.integers(0, 4, 200)[:, None]
    relevance = relevance * real
    assert np.nanmean(local.auroc(relevance, real, evidence)) == pytest.approx(0.5, abs=0.06)
    assert np.nanmean(local.auroc(relevance, np.ones_like(real), evidence)) > 0.8


# Answers


@pytest.mark.parametrize("kind", ["classification", "multilabel", "regression"])
def test_sureness_and_what_is_kept_are_most_at_the_answer_itself(kind: TaskKind) -> None:
    outputs = torch.tensor([[2.0, -1.0, 0.5], [-3.0, -2.0, -2.5]])
    answer = Answer(task=task_of(kind, ("x", "y", "z")), outputs=outputs)
    assert (answer.kept(outputs) > answer.kept(-outputs)).all()
    assert (answer.sureness(outputs) > answer.sureness(-outputs)).all()
    if kind == "classification":
        p = torch.softmax(outputs, 1)[[0, 1], [0, 1]]
        assert torch.allclose(answer.kept(outputs), p) and torch.allclose(answer.sureness(outputs), torch.logit(p))
    assert torch.equal(answer.repeated(2).outputs, outputs[[0, 0, 1, 1]])


# The probe on trained models


@cache
def trained(kind: TaskKind = "classification", attention: str = "scaled_dot_product") -> nn.Module:
    train = small.training(epochs=12, batch_size=16)
    config = small.config(attention=Choice(name=attention), train=train)
    job = Job(trial_id="0" * 16, config=config, data_hash="0", fingerprint="0")
    ended = run(job, planted_tokens.spec(kind), planted_tokens.splits(kind))
    assert ended.model is not None, ended.result.message
    return ended.model.eval()


def measure(model: nn.Module, kind: TaskKind = "classification", seed: int = 0) -> Mapping[str, object]:
    spec, splits = planted_tokens.spec(kind), planted_tokens.splits(kind)
    raw = RelevanceProbe().measure(model, splits, spec, seed=seed)
    return check_values(RelevanceProbe.quantities, raw, ("a", "b"))


@pytest.mark.parametrize("kind", ["classification", "multilabel", "regression"])
def test_relevance_finds_planted_evidence(kind: TaskKind) -> None:
    model = trained(kind)
    before = copy.deepcopy(model.state_dict())
    values = measure(model, kind)
    for method in METHODS[:-1]:
        assert values[f"plausibility_{method}"][0] > 0.8, method  # type: ignore[index]
        assert abs(values[f"sanity_{method}"]) < 0.6, method  # type: ignore[arg-type]
    # One draw of few samples; another for each seed.
    assert values["plausibility_random"][0] == pytest.approx(0.5, abs=0.2)  # type: ignore[index]
    assert values["completeness_gap"] < 1  # type: ignore[operator]
    assert min(values["attention_agreement"]) > 0.1  # type: ignore[call-overload]
    assert all(torch.equal(x, before[name]) for name, x in model.state_dict().items()), "the model is as it was"
    assert "relevance_maps" in values and "relevance_maps" not in measure(model, kind, 1), "of the first seed alone"


def test_fresh_weights_find_no_evidence_on_average() -> None:
    """Each draw finds some or the other; 40 of them find none."""
    spec, splits = planted_tokens.spec(), planted_tokens.splits()
    found = explained(trained(), splits, spec)
    assert found is not None
    evidence = _evidence(found, splits["test"])
    signed = []
    for seed in range(40):
        fresh = with_fresh_weights(trained(), found, spec, seed)
        rows = [_plausibility(m, found, fresh, evidence) for m in ("attention", "integrated_gradients", "occlusion")]
        signed += [row[5] for row in rows if row is not None]
    assert np.mean(signed) == pytest.approx(0.5, abs=0.05)


def test_a_relevance_that_ignores_the_model_is_not_sane(monkeypatch: pytest.MonkeyPatch) -> None:
    """The size of the input finds evidence too, and goes on doing so when there is nothing in the weights."""

    def sizes(x: Embedded, answer: Answer) -> by.Relevance:
        return {name: e.values.norm(dim=-1).masked_fill(~x.mask[name], 0) for name, e in x.inputs.items()}

    monkeypatch.setattr(by, "gradient_x_input", sizes)
    broken = measure(trained())
    assert broken["plausibility_gradient_x_input"][0] > 0.9  # type: ignore[index]
    assert broken["plausibility_gradient_x_input"][5] > 0.9  # type: ignore[index]
    assert broken["sanity_gradient_x_input"] == pytest.approx(1)


@pytest.mark.parametrize("architecture", ["shared", "dynamic"])
def test_fresh_weights_are_a_copys_and_change_every_parameter(architecture: str) -> None:
    model = some_model(architecture=Choice(name=architecture))
    before, state = copy.deepcopy(model.state_dict()), torch.get_rng_state()
    other, again = renewed(model, 0), renewed(model, 0)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(x, y) for x, y in zip(other.parameters(), again.parameters(), strict=True))
    changed = [name for name, x in other.named_parameters() if not torch.equal(x, before[name])]
    constant = [name for name, x in before.items() if (x == x.flatten()[0]).all()]
    assert set(changed) | set(constant) == {name for name, _ in other.named_parameters()}
    assert all(torch.equal(x, before[name]) for name, x in model.state_dict().items())


def test_without_evidence_only_plausibility_is_missing() -> None:
    splits = {name: s.only(("a", "b", "c")) for name, s in small.splits().items()}
    raw = RelevanceProbe().measure(some_model(), splits, small.spec(), seed=0)
    assert {name for name, x in raw.items() if x is None} == {n for n in raw if n.startswith("plausibility")}
    (first, *_) = decode(raw["relevance_maps"])  # type: ignore[arg-type]
    assert all(m.evidence is None for m in first.modalities)


def test_a_single_modality_and_samples_that_lack_one_have_relevance() -> None:
    model = build(small.config(role="single", modalities=("a",), fusion=None, architecture=None), small.spec()).eval()
    splits = {name: s.only(("a",)) for name, s in small.splits().items()}
    raw = RelevanceProbe().measure(model, splits, small.spec(), seed=0)
    assert raw["sanity_occlusion"] is not None
    inputs = dict(some_inputs())
    mask = inputs["a"].mask
    assert mask is not None
    inputs["a"] = Example(values=inputs["a"].values, mask=torch.zeros_like(mask))
    x = embedded(some_model(), inputs)
    assert x is not None
    found = explain(x, small.spec(), torch.arange(6), torch.zeros(6)).found
    assert all((r["a"] == 0).all() and torch.isfinite(r["b"]).all() for r in found.values())


def test_relevance_is_found_once_for_all_probes(monkeypatch: pytest.MonkeyPatch) -> None:
    with results_kept():
        model = trained()
        args = (model, planted_tokens.splits(), planted_tokens.spec())
        assert explained(*args) is explained(*args)


# Kept maps


def maps(known: bool = True) -> list[SampleMap]:
    parts = (
        ModalityMap(
            there=(True, False, True),
            evidence=(False, False, True) if known else None,
            relevance={"attention": (0.25, 0.0, 0.75), "occlusion": (-1.0, 0.0, 0.5)},
        ),
        ModalityMap(there=(True,), evidence=None, relevance={"attention": (1.0,), "occlusion": (0.01,)}),
    )
    return [
        SampleMap(index=7, right=True, modalities=parts),
        SampleMap(index=9, right=None if known else False, modalities=parts),
    ]


@pytest.mark.parametrize("known", [True, False])
def test_maps_are_read_as_they_were_written(known: bool) -> None:
    assert decode(encode(maps(known))) == tuple(maps(known))


@pytest.mark.parametrize("spoil", [lambda x: x[:-1], lambda x: [9.0, *x], lambda x: [], lambda x: [*x, 3.0]])
def test_other_numbers_are_no_maps(spoil: Callable[[list[float]], list[float]]) -> None:
    with pytest.raises(ValueError, match="no maps"):
        decode(spoil(encode(maps())))
