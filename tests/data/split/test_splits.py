"""Given splits are kept, others are stratified, seeded and part no group; what is too small is said."""

from __future__ import annotations

import itertools
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmbench.data.files.problems import DataError
from mmbench.data.split import coverage, learnability
from mmbench.data.split.splits import SPLITS, assign
from mmbench.data.table.card import SplitCard
from tests.support.tables import table

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


def test_large_groups_of_one_class_are_parted_all_the_same() -> None:
    # Class 1 lies in three groups, two of which are so large that no share of 0.15 holds one.
    group = ["big1"] * 100 + ["big2"] * 100 + [f"g{i}" for i in range(40)] + ["small"]
    labels = np.array([1] * 200 + [0] * 40 + [1])
    split = assign(table(labels, group=group), CARD)
    assert all(set(labels[split == name].tolist()) == {0, 1} for name in SPLITS)


@pytest.mark.parametrize("seed", range(4))
def test_classes_in_five_groups_each_are_in_every_split(seed: int) -> None:
    sizes = np.random.default_rng(seed).integers(8, 13, 20)
    group = np.repeat([f"g{i}" for i in range(20)], sizes)
    labels = np.repeat(np.arange(20) // 5, sizes)
    split = assign(table(labels, group=group.tolist()), SplitCard(validation=0.2, test=0.2, seed=seed))
    for name in SPLITS:
        groups = [len(set(group[(split == name) & (labels == c)].tolist())) for c in range(4)]
        assert groups == [3 if name == "train" else 1] * 4


@pytest.mark.exhaustive
@given(
    groups=st.lists(st.lists(st.integers(1, 40), min_size=3, max_size=9), min_size=2, max_size=12),
    seed=st.integers(0, 3),
    share=st.sampled_from([0.1, 0.2, 0.3]),
)
@settings(max_examples=60, deadline=None)
def test_three_groups_of_a_class_are_enough(groups: list[list[int]], seed: int, share: float) -> None:
    """groups: of each class, the sizes of its groups, none of which holds another class."""
    labels = np.array([c for c, sizes in enumerate(groups) for size in sizes for _ in range(size)])
    group = [f"{c} {g}" for c, sizes in enumerate(groups) for g, size in enumerate(sizes) for _ in range(size)]
    split = assign(table(labels, group=group), SplitCard(validation=share, test=share, seed=seed))
    assert len(set(zip(group, split.tolist(), strict=True))) == sum(map(len, groups))
    assert all(set(labels[split == name].tolist()) == set(range(len(groups))) for name in SPLITS)


@given(held=st.lists(st.sets(st.integers(0, 2), min_size=1), min_size=3, max_size=7), seed=st.integers(0, 3))
@settings(max_examples=80, deadline=None)
def test_an_error_is_told_only_where_no_split_exists(held: list[set[int]], seed: int) -> None:
    """held: the classes of each group, which hold two samples of each; all ways of dealing them are tried."""
    classes = sorted({c for of_one in held for c in of_one})
    pairs = [(g, classes.index(c)) for g, of_one in enumerate(held) for c in of_one for _ in range(2)]
    data = table([c for _, c in pairs], group=[f"g{g}" for g, _ in pairs])
    possible = any(
        all(
            {classes.index(c) for g, s in enumerate(ways) if s == k for c in held[g]} == set(range(len(classes)))
            for k in range(3)
        )
        for ways in itertools.product(range(3), repeat=len(held))
    )
    try:
        split = assign(data, SplitCard(seed=seed))
    except DataError as error:
        assert not possible, error
    else:
        assert possible
        assert all(set(data.labels[split == name].tolist()) == set(range(len(classes))) for name in SPLITS)


def test_the_reason_is_told_where_groups_hold_other_classes() -> None:
    # Every three of four groups share a class: two of the four are in one split, and those two with a third lack one.
    held = {c: [g for g in range(4) if g != c] for c in range(4)}
    pairs = [(g, c) for c, groups in held.items() for g in groups for _ in range(5)]
    says = r"occurs in 3 groups, and none is in \w+\. Groups hold several classes, and whichever way they are dealt"
    with pytest.raises(DataError, match=says):
        assign(table([c for _, c in pairs], group=[f"g{g}" for g, _ in pairs]), CARD)


def test_rare_labels_are_learned_before_they_are_tested() -> None:
    rng = np.random.default_rng(0)
    labels = np.zeros((300, 9), np.int64)
    labels[np.arange(300), rng.integers(0, 3, 300)] = 1
    for label, count in zip(range(3, 9), (1, 2, 3, 4, 5, 2), strict=True):
        # They come with one another, so that no cut by the rarest label spreads them.
        labels[:count, label] = 1
    for seed in range(3):
        split = assign(table(labels, "multilabel"), SplitCard(seed=seed))
        assert labels[split == "train"].any(axis=0).all()
        assert labels[split == "test"].any(axis=0).tolist() == [True] * 3 + [False, *[True] * 5]
        assert labels[split == "validation"].any(axis=0).tolist() == [True] * 3 + [
            False,
            False,
            True,
            True,
            True,
            False,
        ]
        assert abs((split == "test").mean() - 0.15) < 0.02
        told = coverage.notes(table(labels, "multilabel"), split)
        assert told == (
            "no sample of validation has these labels: 'target 3', 'target 4', 'target 8'",
            "no sample of test has these labels: 'target 3'",
        )


def test_a_label_that_is_never_learned_is_an_error() -> None:
    labels = [[1, 0]] * 10 + [[1, 1]]
    said = ["train", "validation"] * 5 + ["test"]
    given = table(labels, "multilabel", split=said)
    with pytest.raises(DataError, match="label 'target 1' is never true in train"):
        learnability.check(given, assign(given, CARD))


def test_very_many_rare_labels_are_spread_in_seconds() -> None:
    rng = np.random.default_rng(0)
    labels = (rng.random((3000, 300)) < rng.pareto(1, 300) / 300).astype(np.int64)
    start = time.perf_counter()
    split = assign(table(labels, "multilabel"), CARD)
    assert time.perf_counter() - start < 20
    assert labels[split == "train"].any(axis=0).sum() == labels.any(axis=0).sum()


def test_samples_that_all_have_labels_of_their_own() -> None:
    """One of every stratum is all of them, and a label that is in training is nowhere else."""
    with pytest.raises(DataError, match=r"could be put into test .*labels are too rare"):
        assign(table(np.eye(24, dtype=np.int64), kind="multilabel"), CARD)
    hot = np.eye(24, dtype=np.int64)
    hot[:, 0] = np.arange(24) % 2
    assert set(assign(table(hot, kind="multilabel"), CARD)) == {"train", "test", "validation"}


def test_shares_that_leave_nothing_to_train_are_told() -> None:
    with pytest.raises(DataError, match="could be put into train"):
        assign(table(np.arange(3.0)[:, None], kind="regression"), SplitCard(test=0.9, validation=0.05))
