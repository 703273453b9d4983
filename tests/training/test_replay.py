"""A replayed step is the step: the same numbers, or none is replayed."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from mmbench.attention.scaled_dot_product import ScaledDotProduct
from mmbench.data.batches import Example, Split
from mmbench.model.build import build
from mmbench.model.interfaces import Heads
from mmbench.registry import variants
from mmbench.schema.params import Choice
from mmbench.schema.plan import Job
from mmbench.schema.result import State
from mmbench.training import loop, recorder, replay
from mmbench.training.history import Trained
from mmbench.training.loop import fit
from mmbench.training.objective import objective
from mmbench.training.replay import ReplayDiffersError, Replayed
from mmbench.training.sandbox import seed_everything
from tests.support import small
from tests.support.run_trial import run

AIM = objective(small.spec(), small.splits()["train"].labels)
LONG = 5 * 6
"""Steps of five epochs of the small data set in batches of 32."""


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[Replayed]:
    """All that is replayed, as it was made."""
    found: list[Replayed] = []

    class Kept(Replayed):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args)
            found.append(self)

    monkeypatch.setattr(loop, "Replayed", Kept)
    # What takes longer on a busy machine is a matter of luck.
    monkeypatch.setattr(replay, "LOOKS", math.inf)
    return found


def trained(make: Callable[[], nn.Module], *, replay: bool, **changes: Any) -> tuple[Trained, list[Tensor]]:
    data = small.splits()
    seed_everything(0)
    model = make()
    found = fit(
        model,
        data["train"],
        data["validation"],
        small.training(**({"epochs": 5} | changes)),
        AIM,
        seed=0,
        replay=replay,
    )
    return found, [*model.parameters(), *model.buffers()]


def same(make: Callable[[], nn.Module], **changes: Any) -> bool:
    """Whether training is bit by bit the same with and without replays."""
    (one, its), (other, others) = (trained(make, replay=on, **changes) for on in (False, True))
    return (
        one.curves == other.curves
        and torch.equal(one.outputs, other.outputs)
        and all(torch.equal(a, b) for a, b in zip(its, others, strict=True))
    )


def model(**changes: Any) -> Callable[[], nn.Module]:
    return lambda: build(small.config(**({"modalities": ("a", "b", "c")} | changes)), small.spec())


CELLS = [
    *({"attention": Choice(name=name)} for name in variants("attention")),
    *({"fusion": Choice(name=name)} for name in variants("fusion")),
    *(
        {"architecture": Choice(name=name), "fusion": Choice(name="cross_attention")}
        for name in variants("architecture")
    ),
]


@pytest.mark.parametrize("changes", CELLS, ids=lambda c: next(iter(c.values())).name)
@pytest.mark.parametrize("dropout", [0.0, 0.1])
def test_every_variant_is_replayed_with_the_same_numbers(
    changes: dict[str, Choice], dropout: float, made: list[Replayed]
) -> None:
    train = small.training(dropout=dropout)
    assert same(model(**changes, train=train))
    assert [r.refusal for r in made] == [None]
    # Some ask values which slots are in use.
    assert sum(map(len, made[0].recordings.values())) in (1, 2)


def test_most_steps_run_nothing_of_the_model(made: list[Replayed], monkeypatch: pytest.MonkeyPatch) -> None:
    calls, attend = [], ScaledDotProduct.attend

    def counted(self: ScaledDotProduct, *args: Any, **options: Any) -> Any:
        calls.append(self.training)
        return attend(self, *args, **options)

    monkeypatch.setattr(ScaledDotProduct, "attend", counted)
    trained(model(), replay=False)
    eager = sum(calls)
    calls.clear()
    trained(model(), replay=True)
    # The first step, the recorded one (twice), the one that proves it, and one an epoch.
    assert sum(calls) == eager * (4 + 5) / LONG


def test_short_trainings_and_last_batches_are_computed(made: list[Replayed]) -> None:
    trained(model(), replay=True, epochs=3)
    assert not made[0].recordings
    assert same(model(), batch_size=20, epochs=4)
    (known,) = made[1].recordings.values()
    assert [len(r.inputs[0]) for r in known] == [20]


class Wrapped(nn.Module):
    """A model with something done to what it returns."""

    def __init__(self, then: Callable[[nn.Module, Tensor], Tensor]) -> None:
        super().__init__()
        self.inner, self.then = model()(), then
        self.norm = nn.BatchNorm1d(3)
        self.register_buffer("level", torch.zeros(()))
        self.calls = 0
        self.seen: list[int] = []

    def forward(self, inputs: Any) -> Tensor:
        return self.then(self, self.inner(inputs)) if self.training else self.inner(inputs)


def counts(self: Any, x: Tensor) -> Tensor:
    self.calls += 1
    return x / (1 + 0.01 * self.calls)


def lists(self: Any, x: Tensor) -> Tensor:
    self.seen.append(len(self.seen))
    return x * (1 + len(self.seen) % 2)


def keeps(self: Any, x: Tensor) -> Tensor:
    self.last = x.detach()
    return x


def draws(self: Any, x: Tensor) -> Tensor:
    return x + torch.from_numpy(np.random.standard_normal(x.shape)).float()  # noqa: NPY002


def by_value(self: Any, x: Tensor) -> Tensor:
    return x / max(1.0, float(x.detach().abs().max()))


def chosen(self: Any, x: Tensor) -> Tensor:
    return x[x.detach().sum(1).argsort().argsort()] + x[x[:, 0] > 0].sum()


def product(self: Any, x: Tensor) -> Tensor:
    return x * x.prod(1, keepdim=True)


REFUSED = {
    counts: "Python",
    lists: "Python",
    keeps: "Python",
    draws: "another result",
    by_value: "other operations",
    chosen: "depends on values",
    product: "watched",
}


@pytest.mark.parametrize("then", REFUSED, ids=lambda f: f.__name__)
def test_what_is_not_the_same_in_every_step_is_computed(then: Any, made: list[Replayed]) -> None:
    assert same(lambda: Wrapped(then))
    assert REFUSED[then] in str(made[0].refusal)


def normalised(self: Any, x: Tensor) -> Tensor:
    return self.norm(x)


def averaged(self: Any, x: Tensor) -> Tensor:
    with torch.no_grad():
        self.level.lerp_(x.mean(), 0.1)
    return x - self.level


def dropped(self: Any, x: Tensor) -> Tensor:
    return nn.functional.dropout(x, 0.2) + 0.01 * torch.randn_like(x)


def branches(self: Any, x: Tensor) -> Tensor:
    x = nn.functional.dropout(x, 0.2)
    return x * 2 if bool(x.detach()[0].sum() > 0) else x


@pytest.mark.parametrize("then", [normalised, averaged, dropped, branches], ids=lambda f: f.__name__)
def test_buffers_draws_and_branches_are_replayed(then: Any, made: list[Replayed]) -> None:
    assert same(lambda: Wrapped(then))
    assert made[0].refusal is None
    assert sum(map(len, made[0].recordings.values())) == (2 if then is branches else 1)


def test_where_a_branch_was_wrong_buffers_are_restored(made: list[Replayed]) -> None:
    assert same(lambda: Wrapped(lambda self, x: branches(self, averaged(self, normalised(self, x)))))
    assert made[0].refusal is None


def test_padding_now_and_then(made: list[Replayed]) -> None:
    """Where a batch has none, mechanisms take another way."""
    data = small.splits()
    a = data["train"].inputs["a"]
    assert a.mask is not None
    mask = torch.ones_like(a.mask)
    mask[::40, 2] = False
    train = Split(
        inputs={**data["train"].inputs, "a": Example(values=a.values, mask=mask)}, labels=data["train"].labels
    )
    ends = []
    for on in (False, True):
        seed_everything(0)
        one = model()()
        fit(one, train, data["validation"], small.training(epochs=12, batch_size=16), AIM, seed=0, replay=on)
        ends.append(list(one.parameters()))
    assert all(torch.equal(a, b) for a, b in zip(*ends, strict=True))
    assert made[0].refusal is None
    assert sum(map(len, made[0].recordings.values())) == 2


def test_a_large_step_is_computed(made: list[Replayed], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "MOST", 1000)
    assert same(model())
    assert made[0].refusal == "a step takes more than 1000 bytes"


def test_what_takes_longer_is_computed(made: list[Replayed], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay, "LOOKS", 3)
    quick = replay._Recording.replay

    def slow(self: Any, inputs: Any) -> Any:
        time.sleep(0.2)
        return quick(self, inputs)

    monkeypatch.setattr(replay._Recording, "replay", slow)
    assert same(model())
    assert made[0].refusal == "a replay takes longer"


def test_three_ways_are_known_and_a_fourth_is_computed() -> None:
    """However often they alternate; nothing is given up for a way that is rare."""
    net = nn.Linear(2, 2)
    calls = []

    def compute(x: Tensor) -> tuple[Tensor]:
        calls.append(1)
        for i in range(4):
            if bool(x[0, 0] == i):
                return (net(x) * (i + 1),)
        raise AssertionError

    replayed = Replayed(compute, net)
    for call in range(500):
        way = 3 if call % 25 == 24 else call % 3
        x = torch.full((2, 2), float(way))
        (found,) = replayed(x, times=500)
        with torch.no_grad():
            assert torch.equal(found, net(x) * (way + 1))
    assert replayed.refusal is None and len(calls) < 50
    (known,) = replayed.recordings.values()
    assert len(known) == 3


class Late(ScaledDotProduct):
    """Becomes another mechanism at some call, for a reason that no module shows."""

    calls: ClassVar[list[int]] = []

    def attend(self, heads: Heads, *, need_weights: bool = False) -> tuple[Tensor, Tensor | None]:
        if self.training:
            self.calls.append(1)
        y, weights = super().attend(heads, need_weights=need_weights)
        return (y * 2 if len(self.calls) > 60 else y), weights


def late() -> nn.Module:
    Late.calls.clear()
    return build(small.config(), small.spec(), attention=Late)


def test_what_changes_later_is_found_out_and_trained_without(monkeypatch: pytest.MonkeyPatch) -> None:
    data = {name: split.only(("a", "b")) for name, split in small.splits().items()}
    settings = small.training(epochs=12)
    with pytest.raises(ReplayDiffersError):
        fit(late(), data["train"], data["validation"], settings, AIM, seed=0)

    def built(*_: Any) -> nn.Module:
        return late()

    monkeypatch.setattr("mmbench.training.trial.build", built)
    job = Job(
        trial_id="t", config=small.config(train=settings), data_hash="d", fingerprint="f", commit="c", dirty=False
    )
    result = run(job, small.spec(), small.splits())
    seed_everything(0)
    expected = fit(late(), data["train"], data["validation"], settings, AIM, seed=0, replay=False)
    assert result.state is State.DONE and result.curves == expected.curves
