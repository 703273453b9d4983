"""MM-IMDb's HDF5 file, with 40 films for 25,959."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from mmbench.data.files.problems import DataError
from mmbench.data.files.source import Root
from mmbench.dataset.mm_imdb import DEV_END, FILE, ROWS, TRAIN_END, MmImdb

FILMS = 40
GENRES = [f"Genre-{i}" for i in range(23)]


def write(folder: Path) -> h5py.File:
    rng = np.random.default_rng(0)
    with h5py.File(folder / FILE, "w") as file:
        file["features"] = rng.normal(size=(FILMS, 300)).astype(np.float32)
        file["vgg_features"] = rng.normal(size=(FILMS, 4096)).astype(np.float32)
        images = file.create_dataset("images", (FILMS, 3, 256, 160), "int32", chunks=(1, 3, 256, 160))
        images[39] = rng.integers(0, 256, (3, 256, 160))
        file["genres"] = (rng.uniform(size=(FILMS, 23)) < 0.2).astype(np.int32)
        file["imdb_ids"] = np.array([f"{i:07d}" for i in range(FILMS)], "S7")
        file["genres"].attrs["target_names"] = json.dumps(GENRES)
    return h5py.File(folder / FILE, "r+")


@pytest.mark.parametrize("images", ["features", "pixels"])
def test_it_is_read(tmp_path: Path, images: str) -> None:
    with write(tmp_path) as file:
        raw = {key: np.asarray(file[key]) for key in ("features", "vgg_features", "images", "genres")}
    table = MmImdb(images=images).table(Root(tmp_path))  # type: ignore[arg-type]
    text, image = table.modalities["text"], table.modalities["image"]
    assert (text.kind, image.kind) == ("vector", "vector" if images == "features" else "image")
    assert len(text.cells) == len(image.cells) == len(table) == FILMS
    assert np.array_equal(np.asarray(text.cells[7]), raw["features"][7])
    if images == "features":
        assert np.array_equal(np.asarray(image.cells[39]), raw["vgg_features"][39])
    else:
        cell = image.cells[39]
        assert isinstance(cell, np.ndarray) and cell.dtype == np.uint8 and cell.shape == (256, 160, 3)
        assert np.array_equal(cell, raw["images"][39].transpose(1, 2, 0))
    assert table.task.targets == tuple(GENRES) and (table.task.kind, table.task.metric) == ("multilabel", "macro_f1")
    assert np.array_equal(table.labels, raw["genres"]) and table.labels.dtype == np.int64
    assert list(table.split or ()) == ["train"] * 24 + ["validation"] * 4 + ["test"] * 12


def test_the_documented_split() -> None:
    assert (TRAIN_END, DEV_END, ROWS) == (15_552, 18_160, 25_959)
    assert [round(end * ROWS / ROWS) for end in (TRAIN_END, DEV_END)] == [TRAIN_END, DEV_END]


def test_a_plot_without_known_words_is_missing(tmp_path: Path) -> None:
    with write(tmp_path) as file:
        file["features"][3] = np.nan
    cells = MmImdb().table(Root(tmp_path)).modalities["text"].cells
    assert cells[3] is None and cells[4] is not None


def test_rows_are_read_in_other_processes_too(tmp_path: Path) -> None:
    write(tmp_path).close()
    cells = MmImdb().table(Root(tmp_path)).modalities["text"].cells
    first = np.asarray(cells[0])
    assert np.array_equal(np.asarray(pickle.loads(pickle.dumps(cells))[0]), first)  # noqa: S301 - our own


def test_genres_without_names_are_numbered(tmp_path: Path) -> None:
    for names in ("[1, 2]", "no JSON", json.dumps(["same"] * 23)):
        with write(tmp_path) as file:
            file["genres"].attrs["target_names"] = names
        assert MmImdb().table(Root(tmp_path)).task.targets[:2] == ("genre 0", "genre 1")


def replace(key: str, value: np.ndarray) -> Callable[[h5py.File], None]:
    def apply(file: h5py.File) -> None:
        del file[key]
        file[key] = value

    return apply


def remove(key: str) -> Callable[[h5py.File], None]:
    def apply(file: h5py.File) -> None:
        del file[key]

    return apply


def external(file: h5py.File) -> None:
    del file["genres"]
    file["genres"] = h5py.ExternalLink("other.hdf5", "genres")


def elsewhere(file: h5py.File) -> None:
    del file["features"]
    file.create_dataset("features", (FILMS, 300), "f4", external=[("/etc/passwd", 0, h5py.h5f.UNLIMITED)])


def virtual(file: h5py.File) -> None:
    del file["features"]
    layout = h5py.VirtualLayout((FILMS, 300), "f4")
    layout[:] = h5py.VirtualSource("other.hdf5", "features", (FILMS, 300))
    file.create_virtual_dataset("features", layout)


def bomb(file: h5py.File) -> None:
    for key, width in (("features", 300), ("vgg_features", 4096), ("genres", 23)):
        del file[key]
        file.create_dataset(key, (10**9, width), "i1", chunks=(1, width))


def one_piece(file: h5py.File) -> None:
    del file["features"]
    file.create_dataset("features", (FILMS, 300), "f4", chunks=(10**6, 300), maxshape=(None, 300), compression=1)


BAD: dict[str, tuple[Callable[[h5py.File], None], str]] = {
    "no genres": (remove("genres"), r"genres: is missing; the file has features, images"),
    "width": (replace("features", np.zeros((FILMS, 200))), r"features: .*\(40, 200\).*\(films, 300\)"),
    "vgg": (replace("vgg_features", np.zeros((FILMS, 100))), r"\(films, 4096\)"),
    "count": (replace("features", np.zeros((FILMS - 1, 300))), r"films differ: 39 in features, 40 in vgg_features"),
    "texts": (replace("features", np.full((FILMS, 300), b"x")), r"features: is"),
    "genres of 2": (replace("genres", np.full((FILMS, 23), 2)), r"genres\[0\]: should be 0 and 1"),
    "external link": (external, "genres: is missing"),
    "numbers in another file": (elsewhere, "another file, which is not read"),
    "virtual": (virtual, "another file, which is not read"),
    "too many": (bomb, r"1000000000 films; expected 25,959"),
    "one piece": (one_piece, "pieces too large"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_wrong_is_told(tmp_path: Path, name: str) -> None:
    apply, words = BAD[name]
    with write(tmp_path) as file:
        apply(file)
    with pytest.raises(DataError, match=words):
        MmImdb().table(Root(tmp_path))


def test_no_file_or_another_one(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"missing.*mmbench data fetch mm_imdb"):
        MmImdb().table(Root(tmp_path))
    (tmp_path / FILE).write_bytes(b"x" * 100)
    with pytest.raises(DataError, match="no HDF5 file"):
        MmImdb().table(Root(tmp_path))
    write(tmp_path).close()
    (tmp_path / FILE).write_bytes((tmp_path / FILE).read_bytes()[:5000])
    with pytest.raises(DataError, match="HDF5 file, or a broken one"):
        MmImdb().table(Root(tmp_path))
