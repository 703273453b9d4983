"""Spoken and written digits, from WAV names and IDX files."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

from mmbench.data.decode.factory import decoder
from mmbench.data.files.idx import read_idx
from mmbench.data.files.problems import CellError, DataError
from mmbench.data.files.source import BytesSource, Root
from mmbench.data.split.leakage import find
from mmbench.data.split.splits import SPLITS, assign
from mmbench.data.table.card import SplitCard
from mmbench.dataset.fsdd_mnist import FsddMnist
from mmbench.errors import UserError
from mmbench.registry import check_options, get
from tests.support.shared_data import SHARED, needs

SPEAKERS = ("nicolas", "theo", "yweweler", "jackson")


def idx(values: np.ndarray) -> bytes:
    codes = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}
    kind = f"{values.dtype.kind}{values.dtype.itemsize}"
    head = struct.pack(f">BBBB{values.ndim}I", 0, 0, codes[kind], values.ndim, *values.shape)
    return head + values.astype(values.dtype.newbyteorder(">")).tobytes()


def write(root: Path, takes: int = 6, images: int = 30) -> None:
    """`takes` recordings of 10 digits by 4 speakers, and `images` pictures of each digit."""
    rng = np.random.default_rng(0)
    speech, digits = root / "fsdd/recordings", root / "mnist_t10k"
    speech.mkdir(parents=True)
    digits.mkdir()
    for speaker in SPEAKERS:
        for digit in range(10):
            for take in range(takes):
                sound = rng.normal(size=int(rng.integers(1200, 9000))) / 9
                soundfile.write(speech / f"{digit}_{speaker}_{take}.wav", sound, 8000)
    labels = rng.permutation(np.repeat(np.arange(10, dtype=np.uint8), images))
    pictures = rng.integers(0, 255, (len(labels), 28, 28), dtype=np.uint8)
    pictures[:, 0, 0] = labels  # so that a test can see what is in a picture
    (digits / "t10k-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(pictures)))
    (digits / "t10k-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(labels)))


@pytest.fixture
def root(tmp_path: Path) -> Root:
    write(tmp_path)
    return Root(tmp_path)


def test_pairs_are_of_one_class_and_speakers_are_disjoint(root: Root) -> None:
    table = FsddMnist().table(root)
    assert len(table) == 240 and table.task.targets[7] == "seven"
    images = table.modalities["image"].cells
    assert [int(np.asarray(image)[0, 0]) for image in images] == table.labels.tolist()
    assert [int(source.name.split("/")[-1][0]) for source in table.modalities["audio"].cells] == table.labels.tolist()  # type: ignore[union-attr]
    split = assign(table, SplitCard())
    assert table.group is not None
    assert {s: {g for g, name in zip(table.group, split, strict=True) if name == s} for s in SPLITS} == {
        "train": {"jackson"},
        "validation": {"nicolas"},
        "test": {"theo", "yweweler"},
    }
    assert len({np.asarray(image).tobytes() for image in images}) == 240
    assert find(table, split) == []


def test_official_split_is_by_the_number_of_the_take(root: Root) -> None:
    table = FsddMnist(split="official").table(root)
    takes = [int(place.rsplit("_", 1)[1].removesuffix(".wav")) for place in table.places]
    assert [s == "test" for s in table.split or ()] == [take < 5 for take in takes]
    assert set(assign(table, SplitCard()).tolist()) == set(SPLITS)


def test_several_images_for_each_recording_and_seeds(root: Root) -> None:
    one, two, other = (FsddMnist(images_each=n, seed=s).table(root) for n, s in ((1, 0), (1, 0), (1, 1)))
    cells = [np.stack(t.modalities["image"].cells) for t in (one, two, other)]  # type: ignore[arg-type]
    assert (cells[0] == cells[1]).all() and (cells[0] != cells[2]).any()
    with pytest.raises(DataError, match="48 images of zero are needed, and there are 30"):
        FsddMnist(images_each=2).table(root)


def test_speakers_are_checked(root: Root) -> None:
    with pytest.raises(UserError, match=r"no recording is of 'tehodore'|did you mean 'theo'"):
        FsddMnist(test=["teo"]).table(root)
    with pytest.raises(UserError, match="each of train, validation and test needs a speaker"):
        FsddMnist(test=["theo", "yweweler", "jackson"]).table(root)
    with pytest.raises(UserError, match="'theo' cannot be in validation and in test"):
        FsddMnist(validation=["theo"])
    checked = check_options(get("dataset", "fsdd_mnist", where="t"), {"test": ["theo"]}, where="t")
    assert checked == {"test": ["theo"]}


def test_missing_and_misnamed_files_are_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"fsdd/recordings: has no recordings"):
        FsddMnist().table(Root(tmp_path))
    write(tmp_path)
    (tmp_path / "fsdd/recordings/seven_theo_1.wav").write_bytes(b"x")
    with pytest.raises(DataError, match=r"seven_theo_1.wav: is not named"):
        FsddMnist().table(Root(tmp_path))
    (tmp_path / "fsdd/recordings/seven_theo_1.wav").unlink()
    (tmp_path / "mnist_t10k/t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(DataError, match=r"t10k-labels-idx1-ubyte.gz: .* is missing"):
        FsddMnist().table(Root(tmp_path))
    (tmp_path / "mnist_t10k/t10k-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(np.zeros(7, np.uint8))))
    with pytest.raises(DataError, match=r"images \(300, 28, 28\) uint8 do not fit labels \(7,\)"):
        FsddMnist().table(Root(tmp_path))


GOOD = idx(np.arange(24, dtype=np.uint8).reshape(2, 3, 4))
PACKED = gzip.compress(GOOD, mtime=0)
"""Without the time of packing: the tests are named after it, and test processes must agree on their names."""


@pytest.mark.parametrize("dtype", ["u1", "i1", "i2", "i4", "f4", "f8"])
@pytest.mark.parametrize("packed", [False, True])
def test_idx_of_every_type(dtype: str, packed: bool) -> None:
    values = np.arange(24).reshape(2, 3, 4).astype(dtype)
    data = idx(values)
    read = read_idx(BytesSource("x.idx", gzip.compress(data) if packed else data))
    assert read.dtype == values.dtype and (read == values).all()


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"\0\0", "is no IDX file"),
        (b"\x89PNG" + GOOD, "is no IDX file"),
        (b"\0\0\x07" + GOOD[3:], "is no IDX file"),
        (GOOD[:9], "ends within its header"),
        (GOOD[:-1], "promises 24 bytes .* and holds only 23"),
        (GOOD + b"x", "holds more"),
        (b"\0\0\x08\x02" + struct.pack(">II", 1 << 20, 1 << 20), "promises 1,099,511,627,776 bytes"),
        (PACKED[:-9], "cannot be read as an IDX file"),
        (PACKED[:12] + b"rubbish" * 9, "IDX file"),
    ],
)
def test_broken_idx_files(data: bytes, says: str) -> None:
    with pytest.raises(CellError, match=says):
        read_idx(BytesSource("x.idx", data))


@pytest.mark.slow
@needs("fsdd")
@needs("mnist_t10k")
def test_the_real_files() -> None:
    table = FsddMnist().table(Root(SHARED))
    split = assign(table, SplitCard())
    assert {s: int((split == s).sum()) for s in SPLITS} == {"train": 1500, "validation": 500, "test": 1000}
    assert (np.bincount(table.labels) == 300).all()
    assert find(table, split) == []
    # Recordings last 0.14 to 2.3 s: every one becomes as many frames, with a mask over those that are real.
    audio = table.modalities["audio"]
    sounds = sorted((c for c in audio.cells if c is not None), key=lambda c: len(c.read()))  # type: ignore[union-attr]
    read = decoder("audio", audio.options)
    layout = read.fit(sounds[::30])
    shortest, longest = read.decode(sounds[0]), read.decode(sounds[-1])
    assert shortest[0].shape == longest[0].shape == layout.shape
    assert shortest[1] is not None and longest[1] is not None
    assert 5 <= shortest[1].sum() < 20 and longest[1].all()


@pytest.mark.slow
@needs("fsdd")
@needs("mnist_t10k")
def test_a_random_split_of_the_real_files_parts_speakers() -> None:
    table = FsddMnist().table(Root(SHARED))
    split = np.random.default_rng(0).permutation(assign(table, SplitCard()))
    assert {leak.kind for leak in find(table, split)} == {"same group"}
