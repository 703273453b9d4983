"""Modalities are hidden in training alone, of each sample not all that it has, and the same alone and in groups."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from mmbench.data.batches import Example, Inputs, Split
from mmbench.model import masking
from mmbench.model.build import build
from mmbench.model.hiding import mask_lengths, missing_at
from mmbench.schema.params import Choice, Training
from mmbench.schema.plan import Job
from mmbench.schema.result import State
from mmbench.schema.trial import TrialConfig
from mmbench.training import loop, replay
from mmbench.training.captured import WARM
from mmbench.training.group import fit as fit_group
from mmbench.training.group_trial import run_group
from mmbench.training.history import Trained
from mmbench.training.loop import fit
from mmbench.training.modality_dropout import ModalityDropout
from mmbench.training.objective import objective
from mmbench.training.trial import run
from tests.support import small
from tests.support.recorded import Recorded
from tests.training.test_checkpoint import Kept

NAMES = ("a", "b", "c")
LENGTHS = {"a": 6, "b": 5, "c": 4}
DATA = small.splits()
AIM = objective(small.spec(), DATA["train"].labels, smoothing=0.1)


def uniform(count: int, seed: int = 0) -> Tensor:
    return torch.rand(count, 3, generator=torch.Generator().manual_seed(seed))


def presence(inputs: Inputs) -> Tensor:
    """(B, M)."""
    size = len(next(iter(inputs.values())).values)
    return torch.stack(
        [torch.ones(size, dtype=torch.bool) if x.mask is None else x.mask.any(1) for x in inputs.values()], 1
    )


@pytest.mark.parametrize("rate", [0.0, 0.2, 0.7, 1.0])
def test_as_many_are_hidden_as_are_asked_for_and_one_is_kept(rate: float) -> None:
    gone = missing_at(uniform(4000), rate, torch.ones(4000, 3, dtype=torch.bool))
    assert not gone.all(1).any()
    assert gone.float().mean().item() == pytest.approx(rate - rate**3 / 3, abs=0.02)
    assert gone.float().mean(0).tolist() == [pytest.approx(rate - rate**3 / 3, abs=0.03)] * 3


def test_what_is_kept_is_something_that_the_sample_has() -> None:
    """Who keeps the one that was drawn last, whether it is there or not, leaves some samples with nothing."""
    drawn, there = uniform(4000), uniform(4000, 1) < 0.5
    there[:, 0] |= ~there.any(1)
    gone = missing_at(drawn, 0.9, there)
    assert (there & ~gone).any(1).all()
    blind = missing_at(drawn, 0.9, torch.ones_like(there))
    assert not (there & ~blind).any(1).all(), "the broken version is found"


def hidden(share: float = 0.4, seeds: tuple[int, ...] = (0,), split: Split = DATA["train"]) -> ModalityDropout:
    return ModalityDropout(share, LENGTHS, split, seeds)


def test_what_is_hidden_depends_on_sample_epoch_and_seed_alone() -> None:
    """Not on the order of samples, nor on the batch; of two models in a group each has its own."""
    drop, both = hidden(), hidden(seeds=(0, 1))
    index = torch.randperm(192, generator=torch.Generator().manual_seed(3))
    whole = presence(drop(DATA["train"].rows(index)[0], index))
    parts = [presence(drop(DATA["train"].rows(rows)[0], rows)) for rows in index.split(20)]
    assert torch.equal(torch.cat(parts), whole)
    other = torch.flip(index, [0])
    rows = torch.stack([index, other])
    grouped = presence(both(DATA["train"].rows(rows.flatten())[0], rows))
    assert torch.equal(grouped[:192], whole)
    alone = hidden(seeds=(1,))
    assert torch.equal(grouped[192:], presence(alone(DATA["train"].rows(other)[0], other)))
    assert not torch.equal(grouped[192:].flip(0), whole), "seeds differ"
    drop.begin(1)
    again = presence(drop(DATA["train"].rows(index)[0], index))
    assert not torch.equal(again, whole)
    drop.begin(0)
    assert torch.equal(presence(drop(DATA["train"].rows(index)[0], index)), whole)


def test_stored_values_stay_and_no_number_is_drawn_from_pytorch() -> None:
    before = {m: x.values.clone() for m, x in DATA["train"].inputs.items()}
    state = torch.get_rng_state()
    drop = hidden()
    drop.begin(2)
    drop(DATA["train"].rows(torch.arange(9))[0], torch.arange(9))
    assert torch.equal(state, torch.get_rng_state())
    assert all(torch.equal(x.values, before[m]) for m, x in DATA["train"].inputs.items())
    assert DATA["train"].inputs["b"].mask is None


def test_nothing_is_hidden_at_zero_and_of_one_modality() -> None:
    assert ModalityDropout.of(small.training(), None, DATA["train"], [0]) is None
    train = small.training(modality_dropout=0.5)
    assert ModalityDropout.of(train, None, DATA["train"].only(("a",)), [0]) is None
    with pytest.raises(ValueError, match="lengths of masks"):
        ModalityDropout.of(train, None, DATA["train"], [0])


class Watched(nn.Module):
    """Keeps which modalities it was shown, in training and otherwise."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner
        object.__setattr__(self, "seen", {True: [], False: []})

    def forward(self, inputs: Inputs) -> Tensor:
        self.seen[self.training].append(presence(inputs))  # type: ignore[index]
        return self.inner(inputs)


def model(seed: int = 0, **changes: Any) -> nn.Module:
    torch.manual_seed(seed)
    return build(small.config(modalities=NAMES, **changes), small.spec())


def trained(
    given: nn.Module, train: Training, *, seed: int = 0, data: Mapping[str, Split] = DATA, **options: Any
) -> Trained:
    torch.manual_seed(seed)
    return fit(given, data["train"], data["validation"], train, AIM, seed=seed, lengths=LENGTHS, **options)


def test_it_acts_in_training_and_not_in_validation() -> None:
    watched = Watched(model())
    trained(watched, small.training(modality_dropout=0.3, epochs=6), replay=False)
    shown = torch.cat(watched.seen[True])  # type: ignore[index]
    assert shown.float().mean().item() == pytest.approx(1 - 0.3 + 0.3**3 / 3, abs=0.03) and shown.any(1).all()
    assert torch.cat(watched.seen[False]).all()  # type: ignore[index]
    again = Watched(model())
    trained(again, small.training(epochs=2), replay=False)
    assert torch.cat(again.seen[True]).all()  # type: ignore[index]


LONG = {"epochs": 6, "modality_dropout": 0.3}


@pytest.mark.parametrize("fusion", ["concat", "cross_attention", "early_concat", "product_of_experts"])
def test_replayed_steps_find_the_same_numbers(fusion: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[replay.Replayed] = []

    class Counted(replay.Replayed):
        def __init__(self, *given: Any) -> None:
            super().__init__(*given)
            made.append(self)

    monkeypatch.setattr(loop, "Replayed", Counted)
    # What takes longer on a busy machine is a matter of luck.
    monkeypatch.setattr(replay, "LOOKS", math.inf)
    changes = {"fusion": Choice(name=fusion)}
    one, other = model(**changes), model(**changes)
    found, expected = (
        trained(m, small.training(**LONG, dropout=0.1), replay=on) for m, on in ((one, True), (other, False))
    )
    assert found.curves == expected.curves and torch.equal(found.outputs, expected.outputs)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))
    assert made[0].refusal is None and made[0].recordings, "steps were replayed"


@pytest.fixture
def as_on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """There nobody may look whether a batch has padding: what is hidden comes in as masks."""
    monkeypatch.setattr(masking, "nothing_is_padding", lambda mask: False)


@pytest.mark.usefixtures("as_on_a_gpu")
def test_captured_steps_find_the_same_numbers() -> None:
    def found(capture: Recorded | None) -> list[Tensor]:
        own, drop = model().train(), hidden()
        steps = loop.Steps(own, small.training(), AIM, samples=192, cuda=True, replay=False, capture=capture)
        losses = []
        for i in range(WARM + 5):
            index = torch.arange(16 * i, 16 * i + 16)
            inputs, labels = DATA["train"].rows(index)
            losses.append(steps.train(drop(inputs, index), labels).clone())
        return [*losses, *(p.detach() for p in own.parameters())]

    capture = Recorded()
    assert all(map(torch.equal, found(capture), found(None)))
    assert capture.refusal is None and capture.captured == 1


@pytest.mark.usefixtures("as_on_a_gpu")
def test_captured_groups_find_the_same_numbers() -> None:
    train = small.training(epochs=WARM + 3, modality_dropout=0.3, batch_size=20)
    trains = [train, train.model_copy(update={"learning_rate": 0.003})]

    def found(capture: Recorded | None) -> list[Trained]:
        given = [model(0), model(1)]
        made = fit_group(
            given, DATA["train"], DATA["validation"], trains, AIM, seeds=(0, 1), capture=capture, lengths=LENGTHS
        )
        assert all(isinstance(one, Trained) for one in made)
        return made  # type: ignore[return-value]

    capture = Recorded()
    for one, other in zip(found(capture), found(None), strict=True):
        assert one.curves == other.curves and torch.equal(one.outputs, other.outputs) and one.uncaptured is None
    # Steps of a whole batch and of the last one, and validation.
    assert capture.captured == 3


def test_in_a_group_each_ends_as_alone() -> None:
    rates = [0.003, 0.001, 0.01]
    settings = [small.training(**LONG, learning_rate=rate, averaging=0.1) for rate in rates]
    group = [model(seed) for seed in range(3)]
    found = fit_group(group, DATA["train"], DATA["validation"], settings, AIM, seeds=range(3), lengths=LENGTHS)
    for seed, (train, grouped) in enumerate(zip(settings, found, strict=True)):
        twin = model(seed)
        alone = trained(twin, train, seed=seed)
        assert isinstance(grouped, Trained) and grouped.best_epoch == alone.best_epoch
        assert torch.allclose(grouped.outputs, alone.outputs, atol=1e-3)
        for name, value in twin.state_dict().items():
            assert torch.allclose(group[seed].state_dict()[name], value, atol=1e-3), name
        without = trained(model(seed), train.model_copy(update={"modality_dropout": 0.0}), seed=seed)
        assert not torch.allclose(grouped.outputs, without.outputs, atol=1e-2), "it does change what is learned"


def job(seed: int = 0, **train: Any) -> Job:
    settings = small.training(**({"epochs": 3, "modality_dropout": 0.3} | train))
    config = small.config(modalities=NAMES, seed=seed, train=settings)
    return Job(trial_id=f"{seed:016x}", config=config, data_hash="0", fingerprint="0", commit=None, dirty=None)


def test_trials_and_groups_of_trials_are_trained_so() -> None:
    jobs = [job(0), job(1)]
    grouped = run_group(jobs, small.spec(), DATA)
    for one, planned in zip(grouped, jobs, strict=True):
        assert one.result.state is State.DONE and one.result.ungrouped is None and len(one.result.group) == 2
        alone = run(planned, small.spec(), DATA)
        assert alone.result.curves["train_loss"] == pytest.approx(one.result.curves["train_loss"], rel=1e-3)
    assert run(job(modality_dropout=0.0), small.spec(), DATA).outputs != run(jobs[0], small.spec(), DATA).outputs
    assert run(jobs[0], small.spec(), DATA).outputs == run(jobs[0], small.spec(), DATA).outputs


def test_a_training_that_was_lost_goes_on_with_what_it_would_have_hidden() -> None:
    planned = job(epochs=5)
    whole = run(planned, small.spec(), DATA)
    lost = Kept(lost_after=2)
    with pytest.raises(KeyboardInterrupt):
        run(planned, small.spec(), DATA, checkpoints=lost)
    found = run(planned, small.spec(), DATA, checkpoints=Kept(content=lost.all_[-1]))
    assert found.result.resumed == 2 and found.outputs == whole.outputs
    assert found.result.curves == whole.result.curves


def test_samples_that_lack_a_modality_keep_one_that_they_have() -> None:
    """Of all training samples half lack a and half lack c."""
    gone = torch.arange(192) % 2 == 0
    masks = {
        "a": ~gone[:, None] & DATA["train"].inputs["a"].mask,  # type: ignore[operator]
        "b": torch.zeros(192, 5, dtype=torch.bool),
        "c": gone[:, None].expand(-1, 4),
    }
    inputs = {m: Example(values=DATA["train"].inputs[m].values, mask=masks[m]) for m in NAMES}
    split = replace(DATA["train"], inputs=inputs)
    drop = hidden(0.9, split=split)
    shown = presence(drop(split.rows(slice(None))[0], torch.arange(192)))
    assert shown.sum(1).tolist() == [1] * 192


def test_the_lengths_of_masks_are_those_of_the_data() -> None:
    assert mask_lengths(small.spec()) == LENGTHS


def test_at_zero_a_trial_has_the_identity_that_it_had_before() -> None:
    """Ledgers from before there was modality dropout are those of today's plans."""
    old = (
        '{"architecture":{"name":"independent","options":{}},"attention":{"name":"scaled_dot_product","options":{}},'
        '"baseline":null,"dataset":"small","fusion":{"name":"concat","options":{}},"modalities":["a","b"],'
        '"model":{"depth":2,"head_ratio":1.0,"heads":2,"mlp_ratio":2.0,"width":8},"role":"cell","seed":0,'
        '"train":{"averaging":0.0,"batch_size":32,"class_weights":"none","clip_norm":1.0,"dropout":0.0,"epochs":4,'
        '"label_smoothing":0.0,"learning_rate":0.01,"patience":null,"precision":"float32","warmup":0.1,'
        '"weight_decay":0.01}}'
    )
    config = small.config()
    assert config.canonical() == old
    assert TrialConfig.model_validate_json(old) == config
    other = small.config(train=small.training(modality_dropout=0.2))
    assert '"modality_dropout":0.2' in other.canonical()
    assert hashlib.sha256(other.canonical().encode()).digest() != hashlib.sha256(old.encode()).digest()
    assert small.baseline("linear").canonical().endswith('"seed":0,"train":null}')
