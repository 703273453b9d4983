"""A table becomes arrays: every kind, missing cells, all problems at once, whatever the number of processes."""

from __future__ import annotations

import io
import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from PIL import Image

from mmbench.data.decode.base import Decoder, Layout
from mmbench.data.files.problems import DataError
from mmbench.data.files.source import BytesSource, Root
from mmbench.data.prepare import parallel
from mmbench.data.prepare.arrays import Prepared, prepare
from mmbench.data.prepare.constant_guess import chance
from mmbench.data.prepare.normalisation import normal
from mmbench.data.prepare.parallel import Chunk, decode_all
from mmbench.data.table.table import Cell, Column, Table
from mmbench.errors import UserError
from mmbench.schema.dataset import Normal
from mmbench.schema.task import task_of
from tests.support.films import film, shades, tone

N = 24
SPLIT = np.array((["train"] * 4 + ["validation", "test"]) * 4)


class Maps:
    """Arrays as .npy files, mapped."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.arrays = folder, dict[tuple[str, str], np.ndarray]()

    def array(self, split: str, name: str, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
        file = self.folder / f"{split}.{name}.npy"
        made = np.lib.format.open_memmap(file, "w+", np.dtype(dtype), shape)
        assert (split, name) not in self.arrays
        self.arrays[split, name] = made
        return made


def picture(i: int) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (16, 16), (10 * i, 100, 200)).save(stream, "PNG")
    return stream.getvalue()


def clip(i: int) -> bytes:
    stream = io.BytesIO()
    soundfile.write(stream, tone(300 + 50 * i, 0.2 + 0.01 * i, 8000)[0], 8000, format="WAV")
    return stream.getvalue()


def table(folder: Path, **more: Sequence[Cell | None]) -> Table:
    """N samples of every kind, all of them there."""
    for i in range(N):
        (folder / f"{i}.png").write_bytes(picture(i))
        (folder / f"{i}.wav").write_bytes(clip(i))
        (folder / f"{i}.mp4").write_bytes(film("x", shades(8 + i % 3), codec="mpeg4", format="mp4").data)
    root = Root(folder)
    rng = np.random.default_rng(0)
    cells: dict[str, Sequence[Cell | None]] = {
        "image": [root.source(f"{i}.png") for i in range(N)],
        "audio": [root.source(f"{i}.wav") for i in range(N)],
        "video": [root.source(f"{i}.mp4") for i in range(N)],
        "text": [f"sample of kind {i % 3}" for i in range(N)],
        "vector": list(rng.standard_normal((N, 10)) * 5 + 3),
        "sequence": [rng.standard_normal((3 + i % 4, 2)) for i in range(N)],
    }
    cells |= more
    return Table(
        places=[f"manifest.csv row {i + 2}" for i in range(N)],
        modalities={kind: Column(kind=kind, cells=found) for kind, found in cells.items()},  # type: ignore[arg-type]
        task=task_of("classification", ["a", "b", "c"]),
        labels=np.arange(N) % 3,
    )


def run(table: Table, folder: Path, **options: Any) -> tuple[Prepared, dict[tuple[str, str], np.ndarray]]:
    folder.mkdir(parents=True, exist_ok=True)
    writer = Maps(folder)
    return prepare(table, SPLIT, writer, **{"progress": False, "processes": 1} | options), writer.arrays


def test_every_kind(tmp_path: Path) -> None:
    data = table(tmp_path)
    made, arrays = run(data, tmp_path / "out")
    assert made.splits == {"train": 16, "validation": 4, "test": 4}
    assert {name: m.kind for name, m in made.modalities.items()} == {
        **{kind: kind for kind in ("image", "audio", "video", "text")},
        "vector": "feature",
        "sequence": "feature",
    }
    for (split, name), array in arrays.items():
        assert len(array) == made.splits[split], (split, name)
    for split in made.splits:
        rows = np.flatnonzero(split == SPLIT)
        assert np.array_equal(arrays[split, "label"], data.labels[rows])
        assert arrays[split, "image"].dtype == np.uint8
        assert arrays[split, "image"][:, 0, 0, 0].tolist() == [10 * i for i in rows]
        assert np.allclose(arrays[split, "vector"], np.stack([data.modalities["vector"].cells[i] for i in rows]))
        assert arrays[split, "sequence.mask"].sum(axis=1).tolist() == [3 + i % 4 for i in rows]
        assert arrays[split, "text.mask"].sum(axis=1).tolist() == [4] * len(rows)
        assert (split, "image.mask") not in arrays and (split, "vector.mask") not in arrays
    assert all(m.missing == 0 for m in made.modalities.values())
    assert made.scale is None


def test_statistics_are_of_training_samples_alone(tmp_path: Path) -> None:
    data = table(tmp_path)
    made, arrays = run(data, tmp_path / "out")
    vectors = np.stack([data.modalities["vector"].cells[i] for i in np.flatnonzero(SPLIT == "train")])
    found = made.modalities["vector"].normal
    assert found is not None
    assert np.allclose(found.mean, vectors.mean(axis=0), atol=1e-5)
    assert np.allclose(found.std, vectors.std(axis=0), atol=1e-5)
    image = made.modalities["image"].normal
    assert image is not None and image.axis == 0 and len(image.mean) == 3
    assert np.allclose(image.mean, arrays["train", "image"].mean(axis=(0, 2, 3)))
    assert image.std[1] == 1.0, "a channel that does not vary is only centred"
    steps = np.concatenate([data.modalities["sequence"].cells[i] for i in np.flatnonzero(SPLIT == "train")])
    sequence = made.modalities["sequence"].normal
    assert sequence is not None and np.allclose(sequence.mean, steps.mean(axis=0), atol=1e-5)
    assert np.allclose(sequence.std, steps.std(axis=0), atol=1e-5)
    video = made.modalities["video"].normal
    assert video is not None
    real = arrays["train", "video"][arrays["train", "video.mask"]]
    assert np.allclose(video.mean, real.mean(axis=(0, 2, 3)))
    assert made.modalities["text"].normal is None


def test_missing_cells_are_masked(tmp_path: Path) -> None:
    data = table(tmp_path)
    lacking = {name: list(column.cells) for name, column in data.modalities.items()}
    for k, cells in enumerate(lacking.values()):
        cells[k] = cells[7] = cells[23 - k] = None
    made, arrays = run(table(tmp_path, **lacking), tmp_path / "out")
    for k, name in enumerate(lacking):
        assert made.modalities[name].missing == 3 / N
        for split in made.splits:
            rows = np.flatnonzero(split == SPLIT)
            there = np.array([i not in (k, 7, 23 - k) for i in rows])
            mask, values = arrays[split, f"{name}.mask"], arrays[split, name]
            assert np.array_equal(mask.any(axis=1), there)
            assert not values[~there].any()
    assert "vector: 3 of 24 samples lack it" in made.notes
    vectors = np.stack([c for i, c in enumerate(lacking["vector"]) if c is not None and SPLIT[i] == "train"])
    found = made.modalities["vector"].normal
    assert found is not None and np.allclose(found.mean, vectors.mean(axis=0), atol=1e-5), "missing ones do not count"


def test_masks_have_as_many_tokens_as_the_stems_make(tmp_path: Path) -> None:
    import torch

    from mmbench.data.batches import Example
    from mmbench.registry import variants

    data = table(tmp_path)
    lacking = {name: [None, *column.cells[1:]] for name, column in data.modalities.items()}
    made, arrays = run(table(tmp_path, **lacking), tmp_path / "out")
    for name, modality in made.modalities.items():
        stem = variants("stem")[modality.kind].cls(8, modality.shape, **modality.options)
        values = torch.as_tensor(np.array(arrays["train", name]))
        values = values.long() if modality.kind == "text" else values.float()
        tokens, mask = stem(Example(values=values, mask=torch.as_tensor(np.array(arrays["train", f"{name}.mask"]))))
        assert not mask[0].any() and mask[1].any() and tokens.shape[:2] == mask.shape
        assert tokens.shape[1] >= (8 if name != "sequence" else 6)


@pytest.mark.slow
def test_the_arrays_do_not_depend_on_processes(tmp_path: Path) -> None:
    data = table(tmp_path)
    lacking = {name: [*column.cells[:-1], None] for name, column in data.modalities.items()}
    data = table(tmp_path, **lacking)
    (one, first), (two, second) = (run(data, tmp_path / str(n), processes=n) for n in (1, 2))
    assert one == two
    assert first.keys() == second.keys()
    for key, array in first.items():
        assert np.array_equal(array, second[key]), key


@pytest.mark.slow
@pytest.mark.parametrize("processes", [1, 2])
def test_all_problems_are_told_at_once_by_file_and_row(tmp_path: Path, processes: int) -> None:
    data = table(tmp_path)
    (tmp_path / "3.png").write_bytes(picture(3)[:60])
    (tmp_path / "7.wav").write_bytes(b"no sound at all")
    (tmp_path / "9.mp4").unlink()
    cells = {name: list(data.modalities[name].cells) for name in ("vector", "sequence", "text")}
    cells["vector"][11] = np.full(10, np.nan)
    cells["sequence"][3] = np.zeros((4, 5))
    cells["text"][20] = BytesSource("20.txt", b"\xff")
    kept = {name: data.modalities[name].cells for name in ("image", "audio", "video")}
    broken = Table(
        places=data.places,
        modalities={k: Column(kind=k, cells=c) for k, c in (kept | cells).items()},  # type: ignore[arg-type, operator]
        task=data.task,
        labels=data.labels,
    )
    with pytest.raises(DataError) as e:
        run(broken, tmp_path / "out", processes=processes)
    assert [p.where for p in e.value.problems] == [
        "manifest.csv row 5, image (3.png)",
        "manifest.csv row 5, sequence",
        "manifest.csv row 9, audio (7.wav)",
        "manifest.csv row 11, video (9.mp4)",
        "manifest.csv row 13, vector",
        "manifest.csv row 22, text (20.txt)",
    ]
    assert "broken image" in e.value.problems[0].what
    assert "NaN" in e.value.problems[4].what


def test_where_no_training_sample_can_be_read_each_is_named(tmp_path: Path) -> None:
    broken: list[Cell | None] = [BytesSource(f"{i}.png", b"junk") for i in range(N)]
    with pytest.raises(DataError) as e:
        run(table(tmp_path, image=broken), tmp_path / "out")
    assert len(e.value.problems) == 16 and e.value.problems[0].where == "manifest.csv row 2, image (0.png)"


def test_a_modality_that_no_training_sample_has(tmp_path: Path) -> None:
    lacking: list[Cell | None] = [None if s == "train" else "text" for s in SPLIT]
    with pytest.raises(DataError, match="text of the training samples"):
        run(table(tmp_path, text=lacking), tmp_path / "out")


def test_an_empty_split(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no sample is in validation"):
        prepare(table(tmp_path), np.where(SPLIT == "validation", "train", SPLIT), Maps(tmp_path), progress=False)


def test_unknown_options_name_the_modality(tmp_path: Path) -> None:
    data = table(tmp_path)
    column = Column(kind="image", cells=data.modalities["image"].cells, options={"sid": 8})
    bad = Table(places=data.places, modalities={"photo": column}, task=data.task, labels=data.labels)
    with pytest.raises(UserError, match=r"options of photo; did you mean 'side'"):
        run(bad, tmp_path / "out")


def test_regression_targets_are_scaled_by_training_samples(tmp_path: Path) -> None:
    data = table(tmp_path)
    labels = np.random.default_rng(1).normal(5, 2, (N, 2)).astype(np.float32)
    task = task_of("regression", ["x", "y"])
    numbers = Table(places=data.places, modalities={"vector": data.modalities["vector"]}, task=task, labels=labels)
    made, arrays = run(numbers, tmp_path / "out")
    assert made.scale is not None and made.scale.axis == 0
    assert np.allclose(made.scale.mean, labels[SPLIT == "train"].mean(axis=0))
    assert np.allclose(made.scale.std, labels[SPLIT == "train"].std(axis=0))
    test = labels[SPLIT == "test"]
    assert made.chance == pytest.approx(np.abs(test - np.median(test, axis=0)).mean(), rel=1e-5)
    assert np.array_equal(arrays["test", "label"], test)


class Deadly(Decoder):
    """Kills its process on one cell: what a decoding library with a bug does."""

    def fit(self, cells: Sequence[Cell]) -> Layout:
        return Layout(shape=(1,), dtype="float32", steps=1, whole=True, stem="feature", options={}, normal_axis=0)

    def decode(self, cell: Cell) -> tuple[np.ndarray, None]:
        assert isinstance(cell, np.ndarray)
        if cell[0] == 13:
            os.kill(os.getpid(), signal.SIGKILL)
        return cell.astype(np.float32), None


@pytest.mark.slow
def test_a_cell_that_kills_its_process_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Deadly()
    chunks = [
        Chunk(modality="m", rows=np.arange(s, s + 4), cells=list(np.arange(s, s + 4.0)[:, None]))
        for s in range(0, 32, 4)
    ]
    found: dict[int, float] = {}
    bad: dict[int, str] = {}
    for chunk, decoded in decode_all(chunks, {"m": (made, made.fit([]))}, 2):
        found |= dict(zip(chunk.rows[decoded.good].tolist(), decoded.values[:, 0].tolist(), strict=True))
        bad |= {int(chunk.rows[i]): what for i, what in decoded.bad.items()}
    assert found == {i: float(i) for i in range(32) if i != 13}
    assert list(bad) == [13] and "kills the process" in bad[13]
    assert len(chunks) > parallel.AHEAD * 2, "more chunks than are in flight at once"


def test_normal_is_that_of_all_numbers_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    values = (rng.standard_normal((50, 7, 3)) * [1, 10, 100] + [0, 5, 1e4]).astype(np.float32)
    mask = rng.random((50, 7)) < 0.5
    whole = normal(values, mask, axis=1)
    monkeypatch.setattr("mmbench.data.prepare.normalisation.BLOCK", 60)
    parts = normal(values, mask, axis=1)
    for found in (whole, parts):
        assert np.allclose(found.mean, values[mask].mean(axis=0, dtype=float), rtol=1e-9)
        assert np.allclose(found.std, values[mask].std(axis=0, dtype=float), rtol=1e-6)
    assert normal(values, np.zeros_like(mask), axis=1) == Normal(axis=1, mean=(0, 0, 0), std=(1, 1, 1))


@pytest.mark.parametrize(
    ("kind", "metric", "labels", "wanted"),
    [
        ("classification", "accuracy", [0, 0, 0, 1, 2], 0.6),
        ("classification", "balanced_accuracy", [0, 0, 0, 1, 2], 1 / 3),
        ("classification", "macro_f1", [0, 0, 0, 1, 2], 0.75 / 3),
        ("classification", "auroc", [0, 0, 0, 1, 2], 0.5),
        ("binary", "f1", [0, 0, 0, 1], 0.4),
        ("binary", "accuracy", [0, 0, 0, 1], 0.75),
        ("multilabel", "macro_f1", [[1, 0, 0], [1, 0, 1], [0, 0, 0], [1, 0, 0]], (6 / 7 + 0.4) / 3),
        ("multilabel", "micro_f1", [[1, 0, 0], [1, 0, 1], [0, 0, 0], [1, 0, 0]], 0.75),
        ("multilabel", "accuracy", [[1, 0, 0], [1, 0, 1], [0, 0, 0], [1, 0, 0]], 0.5),
        ("regression", "mae", [[0.0], [0.0], [9.0]], 3.0),
        ("regression", "rmse", [[0.0], [0.0], [9.0]], 18**0.5),
        ("regression", "pearson", [[0.0], [0.0], [9.0]], 0.0),
    ],
)
def test_chance(kind: Any, metric: str, labels: Any, wanted: float) -> None:
    targets = {"binary": ["no", "yes"], "regression": ["y"]}.get(kind, ["a", "b", "c"])
    found = chance(task_of(kind, targets, metric), np.array(labels))
    assert found == pytest.approx(wanted)


def test_chance_of_affect_and_of_what_is_not_defined() -> None:
    labels = np.array([[-3.0], [1.2], [0.8], [2.0]], np.float32)
    assert chance(task_of("regression", ["y"], "acc7", affect=True), labels) == 0.5
    assert chance(task_of("classification", ["a", "b"], "auroc"), np.array([1, 1])) is None
    assert chance(task_of("binary", ["a", "b"], "auroc"), np.array([1, 1])) is None
