from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from mmbench.data.batches import Example, Inputs, Split
from mmbench.model.build import build
from mmbench.schema.params import Choice
from mmbench.schema.task import TaskKind, task_of
from mmbench.schema.trial import TrialConfig
from mmbench.training.history import DivergedError
from mmbench.training.loop import fit, schedule
from mmbench.training.objective import objective
from mmbench.training.predictions import predict
from tests.support import small

AIM = objective(small.spec(), small.splits()["train"].labels)


def model(config: TrialConfig | None = None) -> nn.Module:
    torch.manual_seed(0)
    return build(config or small.config(), small.spec())


def noise_labels(split: Split) -> Split:
    g = torch.Generator().manual_seed(1)
    return Split(inputs=split.inputs, labels=split.labels[torch.randperm(len(split), generator=g)])


def accuracy(trained: nn.Module, split: Split) -> float:
    return (predict(trained, split).argmax(-1) == split.labels).double().mean().item()


@pytest.mark.parametrize("fusion", ["early_concat", "cross_attention", "concat"])
def test_learns_a_planted_task(fusion: str) -> None:
    data = small.splits()
    net = model(small.config(fusion=Choice(name=fusion)))
    settings = small.training(epochs=8)
    trained = fit(net, data["train"], data["validation"], settings, AIM, seed=0)
    assert accuracy(net, data["test"]) > 0.9
    assert trained.curves["train_loss"][-1] < trained.curves["train_loss"][0]
    assert {len(curve) for curve in trained.curves.values()} == {8}


def test_leaves_the_model_at_its_best_epoch_on_validation() -> None:
    """With labels shuffled there is nothing to learn, and the best epoch is an early one: by accuracy, then by loss."""
    data = small.splits()
    net = model()
    validation = noise_labels(data["validation"])
    trained = fit(net, noise_labels(data["train"]), validation, small.training(epochs=12), AIM, seed=0)
    scores, losses = trained.curves["validation_accuracy"], trained.curves["validation_loss"]
    ranks = sorted(range(12), key=lambda i: (-scores[i], losses[i]))
    assert trained.best_epoch == ranks[0] < 11
    assert accuracy(net, validation) == pytest.approx(scores[trained.best_epoch])
    restored = nn.functional.cross_entropy(predict(net, validation), validation.labels).item()
    assert restored == losses[trained.best_epoch]


@pytest.mark.parametrize("metric", ["accuracy", "mae"])
def test_the_main_metric_chooses_the_epoch_in_its_direction(metric: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Scores that are made up, so that accuracy and loss disagree: 0.3, 0.9, 0.5, 0.9 over four epochs."""
    told = iter([0.3, 0.9, 0.5, 0.9])
    monkeypatch.setattr("mmbench.training.history.scores", lambda *_, **__: {metric: next(told)})
    kind: TaskKind = "classification" if metric == "accuracy" else "regression"
    spec = small.spec(task=task_of(kind, ("zero", "one", "two"), metric))
    data = small.splits()
    if kind == "regression":
        one_hot = {name: nn.functional.one_hot(split.labels, 3).float() for name, split in data.items()}
        data = {name: Split(inputs=split.inputs, labels=one_hot[name]) for name, split in data.items()}
    aim = objective(spec, data["train"].labels)
    trained = fit(model(), data["train"], data["validation"], small.training(epochs=4), aim, seed=0)
    losses = trained.curves["validation_loss"]
    wanted = 0 if metric == "mae" else min((1, 3), key=lambda i: losses[i])
    assert trained.best_epoch == wanted
    assert trained.curves[f"validation_{metric}"] == [0.3, 0.9, 0.5, 0.9]


def test_patience_stops_after_so_many_epochs_without_a_better_one() -> None:
    data = small.splits()
    settings = small.training(epochs=50, patience=3)
    trained = fit(model(), noise_labels(data["train"]), noise_labels(data["validation"]), settings, AIM, seed=0)
    assert len(trained.curves["train_loss"]) == trained.best_epoch + 3 + 1 < 50


class Recorder(nn.Module):
    """Passes inputs on, and keeps what it was trained on."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner
        self.batches: list[Tensor] = []

    def forward(self, inputs: Inputs) -> Tensor:
        if self.training:
            self.batches.append(inputs["a"].values)
        return self.inner(inputs)


def test_cells_with_equal_seeds_see_the_same_batches() -> None:
    data, seen = small.splits(), {}
    for name, seed in (("mean", 3), ("additive", 3), ("scaled_dot_product", 4)):
        net = Recorder(model(small.config(attention=Choice(name=name))))
        fit(net, data["train"], data["validation"], small.training(epochs=2), AIM, seed=seed)
        seen[name] = net.batches
    assert all(torch.equal(a, b) for a, b in zip(seen["mean"], seen["additive"], strict=True))
    assert not torch.equal(seen["mean"][0], seen["scaled_dot_product"][0])
    per_epoch = len(seen["mean"]) // 2
    first, second = (torch.cat(seen["mean"][i * per_epoch : (i + 1) * per_epoch]) for i in (0, 1))
    assert not torch.equal(first, second), "every epoch has an order of its own"
    assert torch.equal(first.flatten().sort().values, second.flatten().sort().values), "of the same samples"


def test_diverges_on_numbers_that_are_not_finite() -> None:
    data = small.splits()
    a = data["train"].inputs["a"]
    spoilt = Split(
        inputs={**data["train"].inputs, "a": Example(values=a.values / 0, mask=a.mask)}, labels=data["train"].labels
    )
    with pytest.raises(DivergedError, match="loss nan, gradient norm nan at epoch 0, step 0"):
        fit(model(), spoilt, data["validation"], small.training(), AIM, seed=0)


def test_diverges_on_a_validation_loss_that_is_not_finite() -> None:
    data = small.splits()
    b = data["validation"].inputs["b"]
    spoilt = Split(
        inputs={**data["validation"].inputs, "b": Example(values=b.values / 0)}, labels=data["validation"].labels
    )
    with pytest.raises(DivergedError, match="validation loss nan at epoch 0"):
        fit(model(), data["train"], spoilt, small.training(), AIM, seed=0)


def test_reports_every_epoch() -> None:
    data, seen = small.splits(), []
    fit(
        model(),
        data["train"],
        data["validation"],
        small.training(epochs=3),
        AIM,
        seed=0,
        on_epoch=lambda epoch, curves: seen.append((epoch, len(curves["train_loss"]))),
    )
    assert seen == [(0, 1), (1, 2), (2, 3)]


def test_prediction_does_not_depend_on_the_batches_it_is_made_in(monkeypatch: pytest.MonkeyPatch) -> None:
    test, net = small.splits()["test"], model()
    whole = predict(net, test)
    monkeypatch.setattr("mmbench.training.predictions.EVALUATION_BATCH", 7)
    assert torch.allclose(predict(net, test), whole, atol=1e-6)
    assert whole.shape == (len(test), 3)


def test_learning_rate_rises_then_falls_to_zero() -> None:
    factor = schedule(100, 0.1)
    rates = [factor(step) for step in range(100)]
    assert rates[:10] == pytest.approx([0.1 * (i + 1) for i in range(10)])
    assert rates[9:] == sorted(rates[9:], reverse=True)
    assert rates[-1] < 0.001
    assert max(schedule(3, 0.0)(step) for step in range(3)) == 1
    assert min(schedule(3, 1.0)(step) for step in range(3)) > 0
