"""AV-MNIST in MultiBench's folder, 60 and 10 samples for 60,000 and 10,000."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmbench.data.files.problems import DataError
from mmbench.data.files.source import Root
from mmbench.dataset.av_mnist import AvMnist

FILES = [f"{p}/{s}_data.npy" for p in ("image", "audio") for s in ("train", "test")]
FILES += ["train_labels.npy", "test_labels.npy"]


def write(folder: Path) -> None:
    rng = np.random.default_rng(0)
    for name, n in (("train", 60), ("test", 10)):
        for part, shape in (("image", (n, 784)), ("audio", (n, 112, 112))):
            (folder / part).mkdir(exist_ok=True)
            np.save(folder / part / f"{name}_data.npy", rng.uniform(0, 255, shape).astype(np.float32))
        np.save(folder / f"{name}_labels.npy", np.arange(n) % 10.0)


def test_it_is_read(tmp_path: Path) -> None:
    write(tmp_path)
    table = AvMnist().table(Root(tmp_path))
    assert list(table.split or ()) == ["train"] * 55 + ["validation"] * 5 + ["test"] * 10
    assert table.labels.tolist() == [*(i % 10 for i in range(60)), *range(10)] and table.labels.dtype == np.int64
    assert table.places[54] == "train 54" and table.places[60] == "test 0"
    for part, shape in (("image", (28, 28)), ("audio", (112, 112))):
        cells = table.modalities[part].cells
        raw = np.concatenate([np.load(tmp_path / part / f"{name}_data.npy") for name in ("train", "test")])
        assert len(cells) == 70
        for i in (0, 59, 60, 69):
            assert np.array_equal(np.asarray(cells[i]), raw[i].reshape(shape))
    assert table.task.targets == tuple("0123456789") and table.task.metric == "accuracy"


def test_the_files_stay_on_disk(tmp_path: Path) -> None:
    write(tmp_path)
    table = AvMnist().table(Root(tmp_path))
    files = np.lib.format.open_memmap(tmp_path / "audio/train_data.npy", mode="r+")
    files[3] = 7
    files.flush()
    assert (np.asarray(table.modalities["audio"].cells[3]) == 7).all()


def test_the_documented_split() -> None:
    """60,000 samples would be split at 55,000."""
    from mmbench.dataset.av_mnist import TRAIN, VALIDATION

    assert (TRAIN, TRAIN - VALIDATION) == (60_000, 55_000)


@pytest.mark.parametrize("file", FILES)
def test_a_missing_file_is_named(tmp_path: Path, file: str) -> None:
    write(tmp_path)
    (tmp_path / file).unlink()
    with pytest.raises(DataError, match=f"{file}: .*missing"):
        AvMnist().table(Root(tmp_path))


def test_all_missing_files_are_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(DataError) as error:
        AvMnist().table(Root(tmp_path))
    assert sorted(p.where for p in error.value.problems) == sorted(FILES)


class Evil:
    def __reduce__(self) -> Any:
        return Path.touch, (Path("canary"),)


BAD = {
    "pixels": ("image/train_data.npy", np.zeros((60, 700)), r"image/train_data.npy.*\(60, 700\).*\(samples, 784\)"),
    "spectrogram": ("audio/test_data.npy", np.zeros((10, 20, 20)), r"\(samples, 112, 112\)"),
    "count": ("audio/test_data.npy", np.zeros((9, 112, 112)), r"test: the numbers.*10 in image.*9 in audio"),
    "labels": ("test_labels.npy", np.full(10, 10), r"test_labels.npy row 0: 10 is no digit"),
    "halves": ("test_labels.npy", np.full(10, 0.5), r"0.5 is no digit"),
    "NaN": ("test_labels.npy", np.full(10, np.nan), r"nan is no digit"),
    "texts": ("test_labels.npy", np.array(["a"] * 10), r"expected numbers of shape"),
    "objects": ("test_labels.npy", np.array([Evil()] * 10, object), r"test_labels.npy"),
    "one number": ("test_labels.npy", np.array(3), r"expected numbers of shape"),
    "nothing": ("test_labels.npy", b"", r"test_labels.npy"),
    "no array": ("image/test_data.npy", b"\x93NUMPY\x01\x00v\x00" + b"x" * 40, r"image/test_data.npy"),
    "short": ("image/test_data.npy", None, r"image/test_data.npy"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_wrong_is_told(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path)
    file, value, words = BAD[name]
    if value is None:
        (tmp_path / file).write_bytes((tmp_path / file).read_bytes()[:-100])
    elif isinstance(value, bytes):
        (tmp_path / file).write_bytes(value)
    else:
        np.save(tmp_path / file, value, allow_pickle=True)
    with pytest.raises(DataError, match=words):
        AvMnist().table(Root(tmp_path))
    assert not (tmp_path / "canary").exists()


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    inside = tmp_path / "in"
    inside.mkdir()
    write(inside)
    (inside / "test_labels.npy").rename(tmp_path / "outside.npy")
    (inside / "test_labels.npy").symlink_to(tmp_path / "outside.npy")
    with pytest.raises(DataError, match="leads out"):
        AvMnist().table(Root(inside))
