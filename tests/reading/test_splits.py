"""Given splits are kept, others are stratified, seeded and part no group; what is too small is said."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmbench.reading.card import SplitCard
from mmbench.reading.problems import DataError
from mmbench.reading.splits import SPLITS, assign
from tests.reading.tables import table

CARD = SplitCard()


def counts(split: np.ndarray) -> dict[str, int]:
    return {name: int((split == name).sum()) for name in SPLITS}


def test_given_splits_are_kept_as_they_are() -> None:
    said = ["test", "train", "validation", "train"] * 5
    assert assign(table([0, 1] * 10, split=said), CARD).tolist() == said


def test_validation_is_cut_from_train_where_only_train_and_test_are_given() -> None:
    said = ["train"] * 100 + ["test"] * 50
    split = assign(table([0, 1] * 75, split=said), SplitCard(validation=0.2))
    assert counts(split) == {"train": 80, "validation": 20, "test": 50}
    assert (split[100:] == "test").all()


def test_open_samples_are_cut_where_some_are_given() -> None:
    said = ["test"] * 30 + [""] * 100 + ["train"] * 20
    split = assign(table([0, 1, 2] * 50, split=said), CARD)
    assert (split[:30] == "test").all() and (split[130:] == "train").all()
    assert counts(split[30:130]) == {"train": 85, "validation": 15, "test": 0}


def test_open_samples_follow_their_group() -> None:
    said = ["test", "", "train", ""] + [""] * 96
    group = ["a", "a", "b", "b"] + [f"g{i // 2}" for i in range(96)]
    split = assign(table([0, 1] * 50, split=said, group=group), CARD)
    assert split[:4].tolist() == ["test", "test", "train", "train"]


@pytest.mark.parametrize("seed", range(3))
def test_classes_are_spread_evenly(seed: int) -> None:
    labels = np.repeat([0, 1, 2], [700, 200, 100])
    split = assign(table(labels), SplitCard(seed=seed))
    assert counts(split) == {"train": 700, "validation": 150, "test": 150}
    for name in SPLITS:
        share = np.bincount(labels[split == name]) / (split == name).sum()
        assert np.allclose(share, [0.7, 0.2, 0.1], atol=0.01)


def test_a_class_of_three_is_in_every_split() -> None:
    labels = np.array([0] * 197 + [1] * 3)
    split = assign(table(labels), CARD)
    assert {name: int(labels[split == name].sum()) for name in SPLITS} == dict.fromkeys(SPLITS, 1)


def test_seeds_differ_and_one_seed_does_not() -> None:
    data = table([0, 1] * 100)
    assert (assign(data, CARD) == assign(data, CARD)).all()
    assert (assign(data, CARD) != assign(data, SplitCard(seed=1))).any()


def test_a_rare_label_is_in_every_split() -> None:
    labels = np.zeros((300, 3), np.int64)
    labels[:, 0] = 1
    labels[:100, 1] = 1
    labels[:6, 2] = 1
    split = assign(table(labels, "multilabel"), CARD)
    assert all(labels[split == name].any(0).all() for name in SPLITS)
    assert abs(labels[split == "test", 1].mean() - 1 / 3) < 0.03


@pytest.mark.parametrize("targets", [1, 3])
def test_regression_targets_are_spread_evenly(targets: int) -> None:
    labels = np.random.default_rng(1).exponential(size=(1000, 1)).astype(np.float32) * np.arange(1, targets + 1)
    split = assign(table(labels, "regression"), CARD)
    assert counts(split) == {"train": 700, "validation": 150, "test": 150}
    for q in (0.1, 0.5, 0.9):
        edge = np.quantile(labels[:, 0], q)
        assert all(abs((labels[split == name, 0] <= edge).mean() - q) < 0.02 for name in SPLITS)


def test_a_constant_regression_target_is_split_all_the_same() -> None:
    assert counts(assign(table(np.zeros((20, 1), np.float32), "regression"), CARD))["train"] == 14


@given(
    sizes=st.lists(st.integers(1, 9), min_size=8, max_size=60),
    seed=st.integers(0, 5),
    kind=st.sampled_from(["classification", "regression", "multilabel"]),
    said=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_no_group_parts(sizes: list[int], seed: int, kind: str, said: bool) -> None:
    group = [f"g{g}" for g, size in enumerate(sizes) for _ in range(size)]
    rng = np.random.default_rng(seed)
    labels = {
        "classification": rng.integers(0, 2, len(group)),
        "regression": rng.normal(size=(len(group), 2)).astype(np.float32),
        "multilabel": rng.integers(0, 2, (len(group), 3)),
    }[kind]
    given_splits = ["test" if g in ("g0", "g1") else "train" for g in group] if said else None
    try:
        split = assign(table(labels, kind, split=given_splits, group=group), SplitCard(seed=seed))  # type: ignore[arg-type]
    except DataError as error:
        assert kind == "classification", error
        assert "class" in str(error)
        return
    assert set(split.tolist()) == set(SPLITS)
    assert len(set(zip(group, split.tolist(), strict=True))) == len(sizes)


def test_shares_are_met_with_groups_of_different_sizes() -> None:
    rng = np.random.default_rng(0)
    group = [f"g{g}" for g in range(200) for _ in range(rng.integers(1, 30))]
    labels = rng.integers(0, 4, len(group))
    split = assign(table(labels, group=group), CARD)
    for name, share in (("validation", 0.15), ("test", 0.15)):
        assert abs((split == name).mean() - share) < 0.03


def test_very_many_groups_are_cut_in_seconds() -> None:
    rng = np.random.default_rng(0)
    sizes = np.sort(rng.pareto(1.5, 30_000).astype(int) + 1)
    sizes[-1] = sizes.sum() // 4
    group = np.repeat([f"g{g}" for g in range(len(sizes))], sizes).tolist()
    labels = rng.choice(6, len(group), p=[0.5, 0.3, 0.1, 0.05, 0.04, 0.01])
    start = time.perf_counter()
    split = assign(table(labels, group=group), CARD)
    assert time.perf_counter() - start < 10
    assert len(set(zip(group, split.tolist(), strict=True))) == len(sizes)
    for name in SPLITS:
        assert abs((split == name).mean() - (0.7 if name == "train" else 0.15)) < 0.03
        assert abs((labels[split == name] == 5).mean() - 0.01) < 0.003


def test_six_speakers_are_parted_whole() -> None:
    group = [f"speaker {i % 6}" for i in range(600)]
    split = assign(table([i // 6 % 10 for i in range(600)], group=group), CARD)
    assert counts(split) == {"train": 400, "validation": 100, "test": 100}


def test_samples_without_a_group_are_free() -> None:
    group = ["" if i % 2 else "pair" for i in range(100)]
    split = assign(table([0, 0, 1, 1] * 25, group=group), CARD)
    assert len(set(split[::2].tolist())) == 1 and set(split[1::2].tolist()) == set(SPLITS)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (
            table([0] * 98 + [1] * 2),
            r"class 'class 1': occurs in 2 samples; at least 3 are needed for train, validation, test",
        ),
        (table([0, 1] * 10, group=["a", "b"] * 10), r"2 groups \('a', 'b'\) cannot be parted .* at least 3 groups"),
        (table([0, 0, 1, 1], group=["a", "b", "c", "c"]), r"'class 1': occurs in 1 group;"),
        (table([0, 1]), r"2 samples cannot be split"),
        (table([0, 1] * 10, split=["train"] * 20), r"no sample is in test \(given: 20 train\)"),
        (table([0, 1] * 10, split=["test"] * 20), r"no sample is in train"),
        (table([0, 1] * 10, split=["train"] * 10 + ["validation"] * 10), r"no sample is in test"),
        (table([0, 1] * 10, split=["train", "tets"] * 10), r"row 2: split 'tets'; did you mean 'test'\?"),
        (
            table([0, 1, 0], split=["train", "test", ""], group=["a", "a", "a"]),
            r"row 3: has no split, and its group 'a' is in test and train; give it a split",
        ),
    ],
)
def test_what_is_too_small_is_said(data: object, says: str) -> None:
    with pytest.raises(DataError, match=says):
        assign(data, CARD)  # type: ignore[arg-type]


def test_shares_must_leave_something_to_train() -> None:
    with pytest.raises(DataError, match=r"validation 0.5 and test 0.5 leave nothing"):
        assign(table([0, 1] * 10), SplitCard(validation=0.5, test=0.5))


def test_a_class_in_too_few_groups_for_its_splits_is_named() -> None:
    # Class 1 lies in three groups, two of which are so large that no share of 0.15 holds one.
    group = ["big1"] * 100 + ["big2"] * 100 + [f"g{i}" for i in range(40)] + ["small"]
    labels = [1] * 200 + [0] * 40 + [1]
    try:
        split = assign(table(labels, group=group), CARD)
    except DataError as error:
        assert "class 'class 1'" in str(error) and "larger shares or another seed" in str(error)
    else:
        assert all(np.array(labels)[split == name].any() for name in SPLITS)
