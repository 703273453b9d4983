"""Whether there is anything to fuse, told by cheap models on data whose answer is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mmbench.baseline.kernel_svm import KernelSVM
from mmbench.data.table.table import Column, Table
from mmbench.errors import UserError
from mmbench.schema.metric import METRICS
from mmbench.schema.task import Task, task_of
from mmbench.training import joint_signal as signal
from mmbench.training.joint_signal import JointSignal, joint_signal

CLASSES = task_of("classification", ("no", "yes"))


def _data(labels: np.ndarray, shares: tuple[float, ...], seed: int = 0) -> list[np.ndarray]:
    """Of every modality (N, 6): noise, and in the first column so much of the label (-1, 1)."""
    draw = np.random.default_rng(seed)
    found = []
    for share in shares:
        x = draw.normal(size=(len(labels), 6)).astype(np.float32)
        x[:, 0] += share * (2.0 * labels.reshape(len(labels), -1)[:, 0] - 1)
        found.append(x)
    return found


def _table(labels: np.ndarray, modalities: list[np.ndarray], task: Task = CLASSES) -> tuple[Table, np.ndarray]:
    columns = {f"m{i}": Column(kind="vector", cells=list(x)) for i, x in enumerate(modalities)}
    split = np.array(["train", "train", "validation", "test"])[np.arange(len(labels)) % 4]
    places = [f"row {i}" for i in range(len(labels))]
    return Table(places=places, modalities=columns, task=task, labels=labels), split


def _found(labels: np.ndarray, modalities: list[np.ndarray], task: Task = CLASSES) -> JointSignal:
    return joint_signal(*_table(labels, modalities, task), rope=0.01)


def _labels(n: int = 4000) -> np.ndarray:
    return np.random.default_rng(1).integers(2, size=n)


def test_modalities_that_each_tell_a_part_are_worth_fusing() -> None:
    labels = _labels()
    found = _found(labels, _data(labels, (0.7, 0.7)))
    assert found.verdict == "better" and found.gain > 0.05
    assert "so there is something to fuse" in found.words


def test_where_one_tells_all_that_can_be_told_one_suffices() -> None:
    labels = _labels()
    found = _found(labels, _data(labels, (3.0, 0.0)))
    assert found.verdict == "equal" and found.best_alone == "m0" and found.alone["m1"] < 0.6 < found.alone["m0"]
    assert "one modality may suffice" in found.words


def test_what_only_both_together_tell_is_seen() -> None:
    """Neither tells anything alone (exclusive or): a linear model would see nothing."""
    draw = np.random.default_rng(2)
    a, b = draw.normal(size=(2, 4000, 2)).astype(np.float32)
    labels = ((a[:, 0] > 0) ^ (b[:, 0] > 0)).astype(np.int64)
    found = _found(labels, [a, b])
    assert found.verdict == "better" and max(found.alone.values()) < 0.6 and found.together > 0.8


def test_few_samples_leave_it_open() -> None:
    labels = _labels(160)
    found = _found(labels, _data(labels, (1.5, 0.3)))
    assert found.verdict == "open" and "is open" in found.words


def test_ten_samples_call_nothing_equal() -> None:
    labels = _labels(40)
    found = _found(labels, _data(labels, (9.0, 9.0)))
    assert found.gain == 0 and found.margin == 0 and found.verdict == "open"


def test_where_nothing_can_count_as_equal_that_is_said() -> None:
    labels = _labels(160)
    found = _found(labels, _data(labels, (9.0, 9.0)))
    assert found.gain == 0 and found.learnt and found.verdict == "open"
    assert "on 40 validation samples nothing can count as equal" in found.words


def test_where_nothing_is_better_than_a_guess_that_is_said() -> None:
    labels = _labels()
    found = _found(labels, _data(labels, (0.0, 0.0)))
    assert found.verdict == "open" and not found.learnt
    assert "and by 1000 validation samples nothing is surely better than a guess" in found.words


def test_two_thirds_right_of_three_classes_on_few_samples_is_better_than_a_guess() -> None:
    """One side is asked for: 24 of 36 by chance, where a third is right, happens once in ten thousand times."""
    draw, labels = np.random.default_rng(7), np.arange(144) % 3
    draw.shuffle(labels)
    image, noise = (draw.normal(size=(144, 6)).astype(np.float32) for _ in range(2))
    image[:, :2] += 1.3 * np.stack([labels == 0, labels == 1], axis=1)
    found = _found(labels, [image, noise], task_of("classification", ("a", "b", "c")))
    assert found.together == pytest.approx(2 / 3) and found.learnt


@pytest.mark.exhaustive
def test_noise_is_rarely_called_better_than_a_guess() -> None:
    learnt = []
    for seed in range(200):
        labels = np.random.default_rng(seed).integers(2, size=80)
        learnt.append(_found(labels, _data(labels, (0.0, 0.0), seed)).learnt)
    assert np.mean(learnt) <= 0.05


def test_what_cannot_be_fitted_is_told() -> None:
    labels = _labels(400)
    table, split = _table(labels, _data(labels, (1.0, 1.0)))
    split = np.where((split == "train") & (labels == 1), "test", split)
    with pytest.raises(UserError, match="2 classes"):
        joint_signal(table, split, rope=0.01)


def test_groups_are_never_apart_in_its_interval() -> None:
    """Thirty groups whose samples are alike, labels and features drawn group by group: there is nothing to learn."""
    surely = {"groups": 0, "samples": 0}
    for seed in range(12):
        draw = np.random.default_rng(seed)
        group = np.repeat(np.arange(60), 20)
        labels = draw.integers(2, size=60)[group]
        modalities = [draw.normal(size=(60, 4)).astype(np.float32)[group] for _ in range(2)]
        split = np.where(group < 30, "train", np.where(group < 59, "validation", "test"))
        table, _ = _table(labels, modalities)
        grouped = replace(table, group=[f"speaker {g}" for g in group])
        surely["groups"] += joint_signal(grouped, split, rope=0.01).learnt
        surely["samples"] += joint_signal(table, split, rope=0.01).learnt
    assert surely["groups"] <= 1 < 3 <= surely["samples"]


def test_where_few_groups_leave_it_open_their_number_is_said() -> None:
    labels = _labels(400)
    table, split = _table(labels, _data(labels, (0.0, 0.0)))
    grouped = replace(table, group=[f"{s} {i % 3}" for i, s in enumerate(split)])
    found = joint_signal(grouped, split, rope=0.01)
    assert found.groups == 3 and not found.learnt
    assert "and by 100 validation samples of 3 groups nothing is surely better than a guess" in found.words


def test_of_one_group_nothing_can_be_told() -> None:
    labels = _labels(400)
    table, split = _table(labels, _data(labels, (1.0, 1.0)))
    alone = replace(table, group=["one" if s == "validation" else f"other {s}" for s in split])
    found = joint_signal(alone, split, rope=0.01)
    assert found.verdict == "open" and "too few samples or groups for an interval" in found.words
    assert "nan" not in found.words


def test_a_gain_that_is_real_and_within_the_margin_is_equal() -> None:
    found = JointSignal(
        metric="accuracy", alone={"a": 0.9, "b": 0.5}, together=0.904, gain=0.004, half=0.003, margin=0.01,
        learnt=True, samples=(100, 100),
    )  # fmt: skip
    assert found.verdict == "equal" and replace(found, gain=0.02).verdict == "better"


def test_one_number_that_one_modality_tells_is_equal_too() -> None:
    """The margin of an error is a share of a guess's, on validation."""
    draw = np.random.default_rng(4)
    a = draw.normal(size=(2000, 3)).astype(np.float32)
    truth = a[:, :1] * 1e-5
    found = _found(truth.astype(np.float32), [a, np.zeros((2000, 2), np.float32)], task_of("regression", ("size",)))
    assert found.margin > 0 and found.verdict == "equal" and "one modality may suffice" in found.words
    assert "0.000" not in found.words, "numbers have three figures, whatever their unit"


def test_of_many_classes_the_kernel_machine_is_left_out() -> None:
    """It would fit a machine for every pair: 1,225,000,000 numbers of 1,000 classes for 2,450 samples."""
    draw = np.random.default_rng(6)
    labels = draw.integers(1000, size=4000)
    modalities = [draw.normal(size=(4000, 3)).astype(np.float32) for _ in range(2)]
    fitted: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        plain = signal.get
        patch.setattr(signal, "get", lambda axis, name, where: fitted.append(name) or plain(axis, name, where=where))
        patch.setattr(KernelSVM, "model", lambda *_: pytest.fail("fitted"))
        assert _found(labels, modalities, task_of("classification", map(str, range(1000)))).verdict == "open"
    assert fitted == list(signal.MODELS)


def test_a_modality_that_few_have_is_told_as_such() -> None:
    labels = _labels(4000)
    table, split = _table(labels, _data(labels, (1.0, 1.0)))
    first = np.flatnonzero(split == "train")[0]
    rare = Column(kind="vector", cells=[c if i == first else None for i, c in enumerate(table.modalities["m1"].cells)])
    with pytest.raises(UserError, match="m1"):
        joint_signal(replace(table, modalities={**table.modalities, "m1": rare}), split, rope=0.01)


@pytest.mark.parametrize("kind", ["regression", "multilabel"])
def test_numbers_and_labels(kind: str) -> None:
    labels = _labels()
    if kind == "multilabel":
        task, truth = task_of("multilabel", ("yes", "no")), np.stack([labels, 1 - labels], axis=1)
    else:
        noise = 0.1 * np.random.default_rng(5).normal(size=len(labels))
        task, truth = task_of("regression", ("size",)), (labels + noise)[:, None].astype(np.float32)
    found = _found(truth, _data(labels, (1.0, 1.0)), task)
    assert found.verdict == "better"
    better = found.together > max(found.alone.values())
    assert better if METRICS[task.metric].higher else found.together < min(found.alone.values())


def test_a_modality_that_some_lack_and_a_class_that_train_lacks() -> None:
    labels = _labels(800)
    table, split = _table(labels, _data(labels, (1.0, 1.0)))
    column = table.modalities["m0"]
    lacking = Column(kind="vector", cells=[None if i % 3 == 0 else c for i, c in enumerate(column.cells)])
    three = labels.copy()
    three[np.flatnonzero(split == "validation")[:3]] = 2
    made = Table(
        places=table.places,
        modalities={"m0": lacking, "m1": table.modalities["m1"]},
        task=task_of("classification", ("a", "b", "c")),
        labels=three,
    )
    found = joint_signal(made, split, rope=0.01)
    assert np.isfinite([found.gain, found.half, found.together]).all()


def test_test_is_not_looked_at_and_the_same_data_gives_the_same() -> None:
    labels = _labels(1200)
    table, split = _table(labels, _data(labels, (0.7, 0.7)))
    first = joint_signal(table, split, rope=0.01)
    wrong = labels.copy()
    wrong[split == "test"] = 1 - wrong[split == "test"]
    other = Table(places=table.places, modalities=table.modalities, task=table.task, labels=wrong)
    assert joint_signal(other, split, rope=0.01) == first


def test_of_large_samples_fewer_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    labels = _labels(2000)
    modalities = _data(labels, (0.7, 0.7))
    assert _found(labels, modalities).samples == (1000, 500)
    monkeypatch.setattr(signal, "NUMBERS", 300 * 12)
    assert _found(labels, modalities).samples == (300, 300)
    monkeypatch.setattr(signal, "NUMBERS", 12)
    assert _found(labels, modalities).samples == (signal.LEAST, signal.LEAST)
