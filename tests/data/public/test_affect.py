"""The two pickles of affect data sets: steps, masks, labels, splits, and what is wrong with broken ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmbench.data.files.problems import DataError
from mmbench.data.files.source import Root
from mmbench.data.public import affect
from mmbench.data.table.table import Table
from mmbench.schema.task import task_of
from tests.support.affect_files import SIZES, STEPS, mmsa, multibench, write

SENTIMENT = task_of("regression", ("sentiment",), affect=True)
FUNNY = task_of("binary", ("no", "yes"))
NAMES = {"train": "train", "valid": "validation", "test": "test"}


def read(folder: Path, data: Any, **options: Any) -> Table:
    write(folder, data)
    task = options.pop("task", SENTIMENT)
    return affect.table(Root(folder), "data.pkl", task, **{"text": "features", "bound": 3.0, **options})


def flat(data: dict[str, Any], key: str) -> list[Any]:
    return [sample for name in SIZES for sample in data[name][key]]


@pytest.mark.parametrize("aligned", [True, False])
def test_multibench(tmp_path: Path, aligned: bool) -> None:
    data = multibench(aligned=aligned)
    table = read(tmp_path, data, videos=True)
    assert len(table) == sum(SIZES.values())
    assert list(table.split or ()) == [NAMES[name] for name, n in SIZES.items() for _ in range(n)]
    assert {m: c.kind for m, c in table.modalities.items()} == dict.fromkeys(("vision", "audio", "text"), "sequence")
    for m, column in table.modalities.items():
        assert len(column.cells) == len(table)
        for cell, raw in zip(column.cells, flat(data, m), strict=True):
            real = raw[raw.any(axis=1)]
            assert isinstance(cell, np.ndarray) and cell.dtype == np.float32
            assert np.array_equal(cell, real.astype(np.float32))
    assert table.labels.shape == (len(table), 1) and table.labels.dtype == np.float32
    assert np.array_equal(table.labels.ravel(), np.concatenate([data[n]["labels"].ravel() for n in SIZES]))
    assert (table.group or [])[:4] == ["train0", "train0", "train0", "train1"]
    assert table.places[13] == "data.pkl valid 1 (valid0[1])"


def test_all_modalities_begin_with_the_words_where_they_are_aligned(tmp_path: Path) -> None:
    """A face that is not found (zeros) in the first word is a step of zeros, not padding."""
    data = multibench()
    words = int(data["train"]["text"][0].any(axis=1).sum())
    data["train"]["vision"][0, STEPS - words] = 0
    cell = read(tmp_path, data).modalities["vision"].cells[0]
    assert isinstance(cell, np.ndarray) and len(cell) == words and not cell[0].any()


def test_silence_and_failures_become_zeros(tmp_path: Path) -> None:
    data = multibench()
    data["train"]["audio"][0, -1, 0] = -np.inf
    data["train"]["vision"][0, -1, 1] = np.nan
    table = read(tmp_path, data)
    for m, feature in (("audio", 0), ("vision", 1)):
        cell = table.modalities[m].cells[0]
        assert isinstance(cell, np.ndarray) and np.isfinite(cell).all() and cell[-1, feature] == 0 and cell[-1, 2] >= 1


def test_zeros_alone_are_a_missing_modality(tmp_path: Path) -> None:
    data = multibench()
    data["train"]["vision"][2] = 0
    data["train"]["audio"][3] = -np.inf
    data["train"]["text"][4] = 0
    table = read(tmp_path, data)
    missing = {m: [i for i, cell in enumerate(c.cells) if cell is None] for m, c in table.modalities.items()}
    assert missing == {"vision": [2], "audio": [3], "text": [4]}
    assert table.modalities["vision"].cells[4] is not None


@pytest.mark.parametrize("aligned", [True, False])
def test_mmsa(tmp_path: Path, aligned: bool) -> None:
    data = mmsa(aligned=aligned)
    table = read(tmp_path, data, videos=True)
    for m in ("vision", "audio"):
        for cell, raw in zip(table.modalities[m].cells, flat(data, m), strict=True):
            assert isinstance(cell, np.ndarray) and np.array_equal(cell, raw[raw.any(axis=1)])
    words = [int(bert[1].sum()) for bert in flat(data, "text_bert")]
    for cell, raw, n in zip(table.modalities["text"].cells, flat(data, "text"), words, strict=True):
        assert isinstance(cell, np.ndarray) and np.array_equal(cell, raw[:n])
    assert (table.group or [])[:4] == ["train0", "train0", "train0", "train1"]


def test_mmsa_with_padding_before_the_steps(tmp_path: Path) -> None:
    """Some of its files are made from left-padded ones; their lengths are the same."""
    data = mmsa(aligned=False)
    for part in data.values():
        for m in ("audio", "vision"):
            part[m] = part[m][:, ::-1].copy()
    table = read(tmp_path, data)
    for cell, raw in zip(table.modalities["audio"].cells, flat(data, "audio"), strict=True):
        assert isinstance(cell, np.ndarray) and np.array_equal(cell, raw[raw.any(axis=1)])


def test_mmsa_steps_beyond_the_lengths_are_kept_where_they_are_real(tmp_path: Path) -> None:
    data = mmsa(aligned=False)
    data["train"]["audio"][0] = 1.0
    data["train"]["audio_lengths"][0] = 3
    assert np.shape(read(tmp_path, data).modalities["audio"].cells[0]) == (20, 5)


def test_raw_text(tmp_path: Path) -> None:
    data = mmsa()
    data["valid"]["raw_text"][0] = "  "
    column = read(tmp_path, data, text="raw").modalities["text"]
    assert column.kind == "text"
    assert column.cells[0] == "word 0 of train" and column.cells[12] is None


def test_raw_text_of_python_2(tmp_path: Path) -> None:
    data = mmsa()
    data["train"]["raw_text"] = ["café".encode(), "café".encode("latin1"), *["x"] * 10]
    assert list(read(tmp_path, data, text="raw").modalities["text"].cells[:2]) == ["café", "café"]


@pytest.mark.parametrize("labels", ["zero or one", "sign"])
def test_binary_labels(tmp_path: Path, labels: str) -> None:
    table = read(tmp_path, multibench(labels=labels), task=FUNNY)
    assert table.labels.dtype == np.int64 and table.labels.tolist() == [i % 2 for n in SIZES.values() for i in range(n)]


def test_sentiment_is_the_first_of_seven_labels(tmp_path: Path) -> None:
    data = multibench()
    for part in data.values():
        part["labels"] = np.concatenate([part["labels"], np.full((len(part["labels"]), 1, 6), 9.0)], axis=2)
    assert np.abs(read(tmp_path, data).labels).max() <= 3


def test_labels_as_lists_of_numbers(tmp_path: Path) -> None:
    data = mmsa()
    expected = [float(x) for x in flat(data, "regression_labels")]
    for part in data.values():
        part["regression_labels"] = list(part["regression_labels"])
    assert read(tmp_path, data).labels.ravel().tolist() == expected


@pytest.mark.parametrize(
    ("ids", "videos"),
    [
        ([["abc_12", 0.0, 1.5], ["abc_13", 1.5, 2.0]], ["abc", "abc"]),
        (["-3g5yACwYnA[3]", "a_b[0]"], ["-3g5yACwYnA", "a_b"]),
        (["_x_y$_$10", "z"], ["_x_y", "z"]),
        (np.array([[b"abc_1", b"0.0"], [b"abc_2", b"1.5"]]), ["abc", "abc"]),
        ([7, np.int64(8), 10**5000, None], ["7", "8", "", ""]),
    ],
)
def test_videos_of_segments(ids: list[Any], videos: list[str]) -> None:
    assert [affect._video(word) for word in affect._strings(ids)] == videos


def change(path: str, value: Callable[[Any], Any]) -> Callable[[dict[str, Any]], None]:
    def apply(data: dict[str, Any]) -> None:
        split, _, key = path.partition(".")
        if key:
            data[split][key] = value(data[split][key])
        else:
            data[split] = value(data[split])

    return apply


def without(path: str) -> Callable[[dict[str, Any]], None]:
    def apply(data: dict[str, Any]) -> None:
        split, _, key = path.partition(".")
        del (data[split] if key else data)[key or split]

    return apply


def deep(depth: int) -> list[Any]:
    """10^depth numbers, in a pickle of some hundred bytes."""
    value: list[Any] = [1.0] * 10
    for _ in range(depth):
        value = [value] * 10
    return value


BROKEN: dict[str, tuple[Callable[[dict[str, Any]], None], str]] = {
    "no split": (without("valid"), r"valid: is missing.*it has train, test"),
    "split that is none": (change("test", lambda x: 3), r"test: is missing"),
    "no labels": (without("train.regression_labels"), r"train: has neither `labels`.*raw_text, audio"),
    "labels that are texts": (change("train.regression_labels", lambda x: ["a"] * 12), r"no array of numbers"),
    "labels of 401 digits": (change("train.regression_labels", lambda x: [10**400] * 12), r"no array of numbers"),
    "labels of None": (change("train.regression_labels", lambda x: np.array([None] * 12)), r"label nan is no number"),
    "labels of many": (change("train.regression_labels", lambda x: [np.zeros(99)] * 12), r"no array of numbers"),
    "labels of other lengths": (change("train.regression_labels", lambda x: [[1], [1, 2]]), r"no array of numbers"),
    "labels in lists in lists": (change("train.regression_labels", lambda x: deep(30)), r"no array of numbers"),
    "ids in lists in lists": (change("train.id", lambda x: deep(30)), r"id: has 10 ids for 12 labels"),
    "no labels at all": (change("train.regression_labels", lambda x: []), r"no array of numbers"),
    "labels of several": (change("train.regression_labels", lambda x: np.ones((12, 3))), r"3 labels a sample"),
    "label NaN": (change("train.regression_labels", lambda x: x * np.nan), r"train 11: label nan is no number"),
    "label too large": (change("test.regression_labels", lambda x: x * 0 + 4), r"test 0: label 4 is outside \[-3, 3\]"),
    "no vision": (without("train.vision"), r"train, vision: should be numbers.*missing"),
    "flat": (change("train.audio", lambda x: x[:, 0]), r"train, audio: should be.*\(12, 5\)"),
    "objects": (change("train.audio", lambda x: np.array([[[None]]] * 12, object)), r"train, audio.*object"),
    "too few": (change("valid.audio", lambda x: x[:3]), r"valid, audio: has shape \(3, .*expected 5 samples"),
    "no steps": (change("valid.audio", lambda x: x[:, :0]), r"valid, audio: has shape"),
    "other width": (change("valid.audio", lambda x: x[..., :3]), r"audio: has 3 or 5 features, depending on the split"),
    "lengths too many": (change("train.audio_lengths", lambda x: [*x, 1]), r"audio_lengths: should be 12 numbers"),
    "lengths too long": (change("train.audio_lengths", lambda x: [99] * 12), r"audio_lengths: should be whole.*to 20"),
    "lengths negative": (change("train.vision_lengths", lambda x: [-1] * 12), r"vision_lengths: should be whole"),
    "lengths as text": (change("train.vision_lengths", lambda x: ["a"] * 12), r"vision_lengths: should be 12 numbers"),
    "ids too few": (change("train.id", lambda x: x[:2]), r"id: has 2 ids for 12 labels"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_is_told(tmp_path: Path, name: str) -> None:
    data = mmsa(aligned=False)
    apply, words = BROKEN[name]
    apply(data)
    with pytest.raises(DataError, match=words):
        read(tmp_path, data)


def test_all_that_is_broken_is_told_at_once(tmp_path: Path) -> None:
    data = multibench()
    del data["train"]["vision"], data["test"]["labels"]
    data["valid"]["audio"] = data["valid"]["audio"][:2]
    with pytest.raises(DataError) as error:
        read(tmp_path, data)
    assert [p.where.split(", ", 1)[1] for p in error.value.problems] == ["train, vision", "valid, audio", "test"]


def test_labels_with_two_meanings(tmp_path: Path) -> None:
    data = multibench(labels="zero or one")
    data["train"]["labels"] = data["train"]["labels"] - 1
    with pytest.raises(DataError, match="labels -1 and 0"):
        read(tmp_path, data, task=FUNNY)
    data["train"]["labels"] = data["train"]["labels"] + 7
    with pytest.raises(DataError, match="none of 0 and 1"):
        read(tmp_path, data, task=FUNNY)


@pytest.mark.parametrize(("value", "words"), [([1], "it is a list"), ({}, "nothing"), ({"x": 1}, "it has x")])
def test_other_pickles(tmp_path: Path, value: Any, words: str) -> None:
    with pytest.raises(DataError, match=words):
        read(tmp_path, value)


def test_multibench_has_no_raw_text(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no `raw_text`, so use `text: features`"):
        read(tmp_path, multibench(), text="raw")


def test_a_pickle_that_would_run_something(tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    (tmp_path / "data.pkl").write_bytes(b"cposix\nsystem\n(S'touch " + str(canary).encode() + b"'\ntR.")
    with pytest.raises(DataError, match=r"data.pkl: names posix.system"):
        affect.table(Root(tmp_path), "data.pkl", SENTIMENT, text="features")
    assert not canary.exists()


def test_the_file_is_found(tmp_path: Path) -> None:
    root = Root(tmp_path)
    with pytest.raises(DataError, match=r"no pickle .*expected this"):
        affect.find(root, "", "this")
    write(tmp_path / "Processed", {}, "a.pkl")
    assert affect.find(root, "", "this") == "Processed/a.pkl"
    write(tmp_path, {}, "b.pkl")
    with pytest.raises(DataError, match=r"b.pkl, Processed/a.pkl\); name one with the option `file`"):
        affect.find(root, "", "this")
    assert affect.find(root, "b.pkl", "this") == "b.pkl"
    with pytest.raises(DataError, match="missing"):
        affect.table(root, "c.pkl", SENTIMENT, text="features")
    with pytest.raises(DataError, match="leads out"):
        affect.table(root, "../c.pkl", SENTIMENT, text="features")
