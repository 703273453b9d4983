"""Multi-view MATLAB files in the layouts in which they are passed on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import scipy.io
import scipy.sparse

from mmbench.data.files.mat import read_mat
from mmbench.data.files.problems import CellError, DataError
from mmbench.data.files.source import BytesSource, Root
from mmbench.data.split.leakage import check, find
from mmbench.data.split.splits import SPLITS, assign
from mmbench.data.table.card import SplitCard
from mmbench.data.table.table import Table
from mmbench.dataset.handwritten import VIEWS, Handwritten
from mmbench.dataset.multiview import Multiview
from tests.support.shared_data import SHARED, needs

RNG = np.random.default_rng(0)
LABELS = np.repeat([1, 2, 3], 20)
VIEW = [RNG.normal(size=(60, d)) for d in (5, 60, 12)]


def cells(values: list[np.ndarray]) -> np.ndarray:
    made = np.empty((1, len(values)), object)
    made[0, :] = values
    return made


def hdf5(path: Path, views: list[np.ndarray], labels: np.ndarray) -> None:
    """As MATLAB -v7.3 writes it: a block of 512 bytes, axes in reverse, cells by reference."""
    with h5py.File(path, "w", userblock_size=512) as file:
        refs = []
        for i, view in enumerate(views):
            refs.append(file.create_dataset(f"#refs#/{i}", data=view.T).ref)
        file.create_dataset("X", data=np.array(refs, dtype=h5py.ref_dtype).reshape(-1, 1), dtype=h5py.ref_dtype)
        file.create_dataset("Y", data=labels.reshape(1, -1).astype(float))
    with path.open("r+b") as stream:
        stream.write(b"MATLAB 7.3 MAT-file".ljust(512))


def columns(table: Table) -> list[np.ndarray]:
    return [np.stack([np.asarray(c) for c in column.cells]) for column in table.modalities.values()]


@pytest.mark.parametrize("flipped", [(), (0,), (0, 2), (0, 1, 2)])
@pytest.mark.parametrize("version", ["4", "5", "7.3"])
@pytest.mark.parametrize("names", [("X", "Y"), ("data", "truth")])
def test_views_in_either_orientation(
    tmp_path: Path, flipped: tuple[int, ...], version: str, names: tuple[str, str]
) -> None:
    views = [view.T if i in flipped else view for i, view in enumerate(VIEW)]
    options: dict[str, Any] = {}
    if version == "7.3":
        hdf5(tmp_path / "a.mat", views, LABELS)
    elif version == "5":
        scipy.io.savemat(tmp_path / "a.mat", {names[0]: cells(views), names[1]: LABELS[:, None]})
    else:  # no cells in version 4: one view
        views = views[:1]
        scipy.io.savemat(tmp_path / "a.mat", {"thing": views[0], names[1]: LABELS[:, None]}, format="4")
        options = {"views": "thing"}
    table = Multiview(file="a.mat", **options).table(Root(tmp_path))
    assert table.task.targets == ("1", "2", "3") and (table.labels == LABELS - 1).all() and table.split is None
    found = columns(table)
    assert [f.shape for f in found] == [(60, 5), (60, 60), (60, 12)][: len(views)]
    # The square view lies as most others do.
    square = {(): False, (0,): False, (0, 2): True, (0, 1, 2): True}[flipped]
    for i, (view, f) in enumerate(zip(VIEW, found, strict=False)):
        wrong = i == 1 and square != (1 in flipped)
        assert np.allclose(f, view.T if wrong else view)


def test_sparse_views_and_labels_of_any_range(tmp_path: Path) -> None:
    sparse = scipy.sparse.random(60, 30, 0.2, format="csc", random_state=0)
    scipy.io.savemat(tmp_path / "a.mat", {"X": cells([VIEW[0], sparse]), "gt": (LABELS * 10 - 30).astype(float)})
    table = Multiview(file="a.mat").table(Root(tmp_path))
    assert table.task.targets == ("-20", "-10", "0") and np.allclose(columns(table)[1], sparse.toarray())
    assert set(assign(table, SplitCard()).tolist()) == set(SPLITS)


def write_handwritten(path: Path, *, flip: bool = False) -> dict[str, np.ndarray]:
    """The layout of TMC's handwritten_6views.mat, with a copy of a test sample in train and one of 6 numbers alone."""
    rng, parts = np.random.default_rng(1), {}
    for part, each in (("train", 16), ("test", 4)):
        parts[f"gt_{part}"] = np.repeat(np.arange(1, 11, dtype=np.uint8), each)[:, None]
        for v, width in enumerate((240, 76, 216, 47, 64, 6), 1):
            parts[f"x{v}_{part}"] = rng.normal(size=(10 * each, width))
    for v in range(1, 7):
        parts[f"x{v}_train"][5] = parts[f"x{v}_test"][1]
        parts[f"x{v}_train"][40] = parts[f"x{v}_train"][41]
    parts["x6_train"][9] = parts["x6_test"][3]
    scipy.io.savemat(path, {k: v.T if flip and k.startswith("x") else v for k, v in parts.items()})
    return parts


@pytest.mark.parametrize("flip", [False, True])
def test_handwritten_keeps_its_fixed_split(tmp_path: Path, flip: bool) -> None:
    parts = write_handwritten(tmp_path / "handwritten_6views.mat", flip=flip)
    table = Handwritten(copies="keep").table(Root(tmp_path))
    assert tuple(table.modalities) == VIEWS and table.task.targets == tuple("0123456789")
    assert table.split is not None and (table.split.count("train"), table.split.count("test")) == (160, 40)
    assert np.array_equal(columns(table)[3], np.concatenate([parts["x4_train"], parts["x4_test"]]))
    assert (table.labels[160:] == parts["gt_test"][:, 0] - 1).all()
    assert table.places[160] == "handwritten_6views.mat test 1"


def test_handwritten_leaves_out_training_copies_of_test_samples(tmp_path: Path) -> None:
    write_handwritten(tmp_path / "handwritten_6views.mat")
    root = Root(tmp_path)
    kept, dropped = Handwritten(copies="keep").table(root), Handwritten().table(root)
    with pytest.raises(DataError, match="same content"):
        check(kept, assign(kept, SplitCard()))
    assert len(dropped) == 199 and "handwritten_6views.mat train 6" not in dropped.places
    assert dropped.notes == ("1 training sample is left out, since it is a copy of a test sample",)
    for seed in range(5):  # copies within train stay together; six numbers that repeat are no leak
        assert find(dropped, assign(dropped, SplitCard(seed=seed))) == []


def test_handwritten_of_other_views_is_told(tmp_path: Path) -> None:
    scipy.io.savemat(tmp_path / "handwritten_6views.mat", {"X": cells(VIEW), "Y": LABELS})
    with pytest.raises(DataError, match="has 3 views; 6 with a split are needed"):
        Handwritten().table(Root(tmp_path))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({"X": cells(VIEW)}, "has no labels named Y, y, gt"),
        ({"Y": LABELS}, "has no views named X, x, data"),
        (
            {"X": cells([VIEW[0], np.zeros((7, 5))]), "Y": LABELS},
            r"view 2: has the shape \(7, 5\); one side must be",
        ),
        ({"X": cells(VIEW), "Y": LABELS + 0.5}, "one whole number a sample is needed"),
        ({"X": cells(VIEW), "Y": np.ones(60)}, r"all labels are \[1\]"),
        ({"X": cells(VIEW), "Y": np.full(60, np.nan)}, "one whole number a sample is needed"),
        ({"x1_train": VIEW[0], "gt_train": LABELS, "gt_test": LABELS}, "x1_test is missing"),
        (
            {"x1_train": VIEW[0], "x1_test": VIEW[2], "gt_train": LABELS, "gt_test": LABELS},
            r"views of \[5\] features in train, \[12\] in test",
        ),
    ],
)
def test_what_does_not_fit_is_told(tmp_path: Path, content: dict[str, Any], says: str) -> None:
    scipy.io.savemat(tmp_path / "a.mat", content)
    with pytest.raises(DataError, match=says):
        Multiview(file="a.mat").table(Root(tmp_path))


def test_another_file_in_an_hdf5_file_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "secret.bin").write_bytes(np.arange(60.0).tobytes())
    with h5py.File(tmp_path / "other.h5", "w") as other:
        other["Y"] = LABELS
    path = tmp_path / "root/a.mat"
    path.parent.mkdir()
    with h5py.File(path, "w") as file:
        file.create_dataset("X", (60, 1), "f8", external=[(str(tmp_path / "secret.bin"), 0, 480)])
        file["Y"] = h5py.ExternalLink(str(tmp_path / "other.h5"), "Y")
        layout = h5py.VirtualLayout((60,), "i8")
        layout[:] = h5py.VirtualSource(str(tmp_path / "other.h5"), "Y", (60,))
        file.create_virtual_dataset("gt", layout)
        file["soft"] = h5py.SoftLink("/X")
        file["fine"] = LABELS
    assert set(read_mat(Root(path.parent).source("a.mat"))) == {"fine"}


@pytest.mark.parametrize("seed", range(40))
def test_broken_files_are_told(tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    path = tmp_path / "a.mat"
    if seed % 2:
        hdf5(path, VIEW, LABELS)
    else:
        scipy.io.savemat(path, {"X": cells(VIEW), "Y": LABELS}, do_compression=seed % 4 == 0)
    data = bytearray(path.read_bytes())
    if seed % 3 == 0:
        data = data[: int(rng.integers(1, len(data)))]
    else:
        for at in rng.integers(0, min(len(data), 3000), 40):
            data[at] = rng.integers(256)
    try:
        read_mat(BytesSource("a.mat", bytes(data)))
    except CellError as error:
        assert "MATLAB" in str(error) or "unpack" in str(error)


@needs("multiview")
def test_the_real_file() -> None:
    root = Root(SHARED / "multiview")
    whole, table = Handwritten(copies="keep").table(root), Handwritten().table(root)
    assert whole.split is not None and (whole.split.count("train"), whole.split.count("test")) == (1600, 400)
    assert [len(np.asarray(c.cells[0])) for c in whole.modalities.values()] == [240, 76, 216, 47, 64, 6]
    assert (np.bincount(whole.labels) == 200).all()
    assert len(table) == 1999 and check(table, assign(table, SplitCard())) == []
    with pytest.raises(DataError, match="test 304"):
        check(whole, assign(whole, SplitCard()))
    # Label 1 is the digit 0: its pixel averages (16 x 15) are a ring, dark inside.
    zeros = (
        np.stack([np.asarray(c) for c in whole.modalities["pixels"].cells])[whole.labels == 0].mean(0).reshape(16, 15)
    )
    assert zeros[6:10, 6:9].mean() < 1 < zeros[6:10, [2, 3, 10, 11]].mean()
