"""Steps that are captured and launched as a whole find what they would find otherwise, or are not captured."""

from __future__ import annotations

import gc
import random
import weakref
from collections.abc import Callable, Sequence

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from mmbench.attention.scaled_dot_product import ScaledDotProduct
from mmbench.checks import tiny
from mmbench.data.batches import Inputs
from mmbench.model import masking
from mmbench.model.interfaces import Heads
from mmbench.registry import get
from mmbench.training import group, loop, predictions
from mmbench.training.captured import WARM, Graph, Results
from mmbench.training.group import fit as fit_group
from mmbench.training.group_contract import settings
from mmbench.training.history import Trained
from mmbench.training.objective import Objective, objective
from mmbench.training.stack import Stack, pack
from tests.support import small
from tests.support.recorded import Recorded
from tests.training.test_all_cells import AXES, Cell
from tests.training.test_group import EACH, models

STEPS, BATCH = WARM + 5, 4
TASK = Objective(task=tiny.spec().task, smoothing=0.1)
TRAIN = settings(0.01, 0.1).model_copy(update={"epochs": STEPS})


def batch(step: int) -> tuple[Inputs, Tensor]:
    labels = torch.randint(tiny.CLASSES, (BATCH,), generator=torch.Generator().manual_seed(step))
    inputs = tiny.inputs(3, BATCH, seed=step)
    return {name: type(x)(values=x.values.detach(), mask=x.mask) for name, x in inputs.items()}, labels


def parts(cell: Cell) -> dict[str, type]:
    return {axis: get(axis, name, where="tests").cls for axis, name in zip(AXES, cell, strict=True)}  # type: ignore[arg-type]


def alone(build: Callable[[int], nn.Module], capture: Recorded | None) -> list[Tensor]:
    """Losses of steps as on a GPU, and the parameters that they come to."""
    torch.manual_seed(0)
    model = build(0).train()
    steps = loop.Steps(model, TRAIN, TASK, samples=BATCH, cuda=True, replay=False, capture=capture)
    losses = [steps.train(*batch(i)).clone() for i in range(STEPS)]
    return [*losses, *(p.detach() for p in model.parameters())]


def together(build: Callable[[int], nn.Module], capture: Recorded | None) -> list[Tensor]:
    """The same of two models with learning rates of their own."""
    torch.manual_seed(0)
    rates = [TRAIN.model_copy(update={"learning_rate": rate}) for rate in (0.01, 0.003)]
    stack = Stack([build(0), build(1)])
    steps = group.Steps(stack, rates, TASK, samples=BATCH, capture=capture)
    stack.skeleton.train()
    losses = []
    for i in range(STEPS):
        packed = [pack(batch(10 * i + row)[0]) for row in range(2)]
        tensors = [torch.stack(list(each)) for each in zip(*(tensors for tensors, _ in packed), strict=True)]
        labels = torch.stack([batch(10 * i + row)[1] for row in range(2)])
        losses.append(steps.step(tensors, packed[0][1], labels).clone())
    return [*losses, steps.matrix, steps.weights]


@pytest.fixture(autouse=True)
def as_on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """There nobody looks whether a batch has padding."""
    monkeypatch.setattr(masking, "nothing_is_padding", lambda mask: False)


@pytest.mark.parametrize("cell", EACH, ids=" ".join)
@pytest.mark.parametrize("train", [alone, together])
def test_captured_steps_of_every_variant_are_those_that_are_computed(
    train: Callable[..., list[Tensor]], cell: Cell
) -> None:
    def build(seed: int) -> nn.Module:
        return tiny.model(3, **parts(cell), seed=seed)  # type: ignore[arg-type]

    capture = Recorded()
    found, expected = train(build, capture), train(build, None)
    assert capture.refusal is None and capture.captured == 1
    assert all(map(torch.equal, found, expected))


BASE = EACH[0]


def tiny_model(attention: type = ScaledDotProduct, dropout: float = 0.0) -> Callable[[int], nn.Module]:
    found = parts(("scaled_dot_product", "cross_attention", "independent")) | {"attention": attention}
    return lambda seed: tiny.model(3, **found, seed=seed, dropout=dropout)  # type: ignore[arg-type]


@pytest.mark.parametrize("train", [alone, together])
def test_dropout_draws_in_a_graph_what_it_draws_otherwise(train: Callable[..., list[Tensor]]) -> None:
    capture = Recorded()
    found, expected = train(tiny_model(dropout=0.3), capture), train(tiny_model(dropout=0.3), None)
    assert capture.refusal is None and capture.captured == 1
    assert all(map(torch.equal, found, expected))


def test_whole_trainings_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a last batch that is smaller, and validation in several parts."""
    monkeypatch.setattr(group, "EVALUATION_BATCH", 20)
    data, capture = small.splits(), Recorded()
    task = objective(small.spec(), data["train"].labels)
    trains = [small.training(learning_rate=rate, epochs=WARM + 3, batch_size=20) for rate in (0.003, 0.01)]

    def train(given: Recorded | None) -> list[Trained]:
        found = fit_group(models(2), data["train"], data["validation"], trains, task, seeds=(0, 1), capture=given)
        assert all(isinstance(one, Trained) for one in found)
        return found  # type: ignore[return-value]

    for one, other in zip(train(capture), train(None), strict=True):
        assert one.curves == other.curves and torch.equal(one.outputs, other.outputs) and one.uncaptured is None
    assert len(data["train"]) % 20 and len(data["validation"]) % 20
    # A step and a prediction, each of a whole and of a part of a batch; their memory has been given back.
    assert capture.captured == 4 and not capture.made


def test_predictions_of_one_model_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predictions, "EVALUATION_BATCH", 20)
    data, capture = small.splits(), Recorded()
    task = objective(small.spec(), data["train"].labels)
    found = []
    for given in (capture, None):
        (model,) = models(1)
        settings = small.training(epochs=WARM + 3)
        found.append(loop.fit(model, data["train"], data["validation"], settings, task, seed=0, capture=given))
    assert found[0].curves == found[1].curves and torch.equal(found[0].outputs, found[1].outputs)
    assert capture.captured == 2 and capture.refusal is None and not capture.made


class Counting(ScaledDotProduct):
    """Keeps a number in Python, which a graph would not count."""

    def attend(self, heads: Heads, *, need_weights: bool = False) -> tuple[Tensor, Tensor | None]:
        self.calls = getattr(self, "calls", 0) + 1
        y, weights = super().attend(heads, need_weights=need_weights)
        return y * (1 + self.calls), weights


class Drawing(ScaledDotProduct):
    """Draws beside PyTorch, so that a graph would have the numbers of one step for ever."""

    def attend(self, heads: Heads, *, need_weights: bool = False) -> tuple[Tensor, Tensor | None]:
        y, weights = super().attend(heads, need_weights=need_weights)
        return y * float(np.random.rand()), weights  # noqa: NPY002


class Branching(ScaledDotProduct):
    """Leaves a part out now and then, as Python's random numbers say; one comparison would hardly find it."""

    def attend(self, heads: Heads, *, need_weights: bool = False) -> tuple[Tensor, Tensor | None]:
        y, weights = super().attend(heads, need_weights=need_weights)
        return y * 0 if random.random() < 0.01 else y, weights


class Looking(ScaledDotProduct):
    """Looks at a value, for which a graph cannot wait."""

    def attend(self, heads: Heads, *, need_weights: bool = False) -> tuple[Tensor, Tensor | None]:
        if not torch.is_grad_enabled():
            raise AssertionError
        if heads.q.shape[1] and heads.kv_mask.nonzero().numel() > 1000:
            raise AssertionError
        return super().attend(heads, need_weights=need_weights)


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        (Counting, "keeps in Python"),
        (Drawing, "draws outside the device"),
        (Branching, "draws outside the device"),
        (Looking, "depends on values"),
    ],
)
def test_what_cannot_be_captured_is_computed(broken: type[ScaledDotProduct], why: str) -> None:
    """It says why; the numbers are those without graphs."""
    capture = Recorded()
    np.random.seed(0)  # noqa: NPY002
    found = alone(tiny_model(broken), capture)
    assert why in (capture.refusal or "") and not capture.made
    if broken not in (Drawing, Branching):  # what is drawn elsewhere is another number each time
        assert all(map(torch.equal, found, alone(tiny_model(broken), None)))


class Deaf(Recorded):
    """Broken: replays with the inputs of its capture."""

    def __call__(self, compute: Callable[[], Results], state: Sequence[Tensor]) -> Graph:
        graph = super().__call__(compute, state)
        kept = [None if r is None else r.clone() for r in graph.results]

        class Still:
            results = kept

            def replay(self) -> None:
                """Nothing."""

        return Still()


@pytest.mark.parametrize("train", [alone, together])
def test_a_graph_that_does_something_else_is_not_used(train: Callable[..., list[Tensor]]) -> None:
    capture = Deaf()
    found, expected = train(tiny_model(), capture), train(tiny_model(), None)
    assert capture.refusal == "a graph finds something else than what is computed"
    assert all(map(torch.equal, found, expected))


def test_what_was_trained_is_freed_without_the_collector() -> None:
    gc.disable()
    try:
        model = tiny_model()(0).train()
        steps = loop.Steps(model, TRAIN, TASK, samples=BATCH, cuda=True, replay=False, capture=Recorded())
        for i in range(STEPS):
            steps.train(*batch(i))
        left = weakref.ref(steps)
        del steps
        assert left() is None
    finally:
        gc.enable()


class Sometimes(nn.Module):
    """The second parameter takes part in every other step."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(2))
        self.calls = 0

    def forward(self, inputs: Inputs) -> Tensor:
        self.calls += 1
        x = next(iter(inputs.values())).values.flatten(1)[:, :1]
        return x * (self.a + self.b if self.calls % 2 else self.a)


def test_a_parameter_that_takes_no_part_in_a_step_is_not_moved_by_its_last_gradient() -> None:
    task = Objective(task=small.spec().task)
    steps = loop.Steps(Sometimes(), TRAIN, task, samples=BATCH, cuda=True, replay=False, capture=Recorded())
    data = {"x": tiny.inputs(1, BATCH, seed=0)["a"]}, torch.zeros(BATCH, dtype=torch.int64)
    for _ in range(2):
        steps.train(*data)
    assert steps.trained[0].grad is not None and steps.trained[1].grad is None
