"""What `mmbench data check` says of values that are no content, and what it does not say of those that are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import yaml
from PIL import Image

from mmbench.data.inspect.check import check
from mmbench.data.prepare.dataset import prepare, read
from mmbench.schema.dataset import DataSpec
from tests.support.films import film, shades

COUNT = 60


def data(
    folder: Path, kind: Any, write: Callable[[Path, int, np.random.Generator], None], ending: str, **card: Any
) -> Path:
    """A data set of one modality `x` (kind, with its options), the i-th of whose files `write` makes."""
    place, draw = folder / "d", np.random.default_rng(0)
    place.mkdir()
    for i in range(COUNT):
        write(place / f"{i}{ending}", i, draw)
    split = [*["train"] * 40, *["validation"] * 10, *["test"] * 10]
    lines = [f"{i}{ending},{'ab'[i % 2]},{split[i]}" for i in range(COUNT)]
    (place / "manifest.csv").write_text("x,label,split\n" + "\n".join(lines), encoding="utf-8")
    about = {
        "manifest": "manifest.csv",
        "columns": {"x": kind},
        "target": {"classification": "label"},
        "split": "split",
        "accept": ["same content", "near duplicate"],
    }
    (place / "dataset.yaml").write_text(yaml.safe_dump(about | card), encoding="utf-8")
    return folder


def notes(folder: Path) -> list[str]:
    """Of the check, those of values."""
    found = check(read("d", folder))
    assert not found.problems
    return [n.removeprefix("x: ") for n in found.notes if n.startswith("x: ")]


def prepared(folder: Path) -> DataSpec:
    return prepare(read("d", folder), folder / "made", progress=False)


def vectors(change: Callable[[np.ndarray, int], None]) -> Callable[[Path, int, np.random.Generator], None]:
    def write(file: Path, i: int, draw: np.random.Generator) -> None:
        values = draw.normal(10, 5, 9)
        change(values, i)
        np.save(file, values)

    return write


def picture(file: Path, i: int, draw: np.random.Generator) -> None:
    Image.fromarray(draw.integers(0, 255, (8, 8, 3), dtype=np.uint8)).save(file)


def sound(loud: Callable[[int], float], subtype: str = "PCM_16") -> Callable[[Path, int, np.random.Generator], None]:
    def write(file: Path, i: int, draw: np.random.Generator) -> None:
        soundfile.write(file, loud(i) * draw.normal(0, 0.1, 1600), 8000, subtype=subtype)

    return write


@pytest.mark.parametrize(
    ("kind", "write", "ending"),
    [
        ("image", picture, ".png"),
        ("audio", sound(lambda i: 1.0 if i % 2 else 0.01), ".wav"),
        ("vector", vectors(lambda v, i: None), ".npy"),
        ("vector", vectors(lambda v, i: v.__setitem__(slice(None), v > 10)), ".npy"),
        ("vector", vectors(lambda v, i: np.exp(v / 3, out=v)), ".npy"),
        ("vector", vectors(lambda v, i: v.__setitem__(0, [0, 1, 90][i % 3])), ".npy"),
        ("vector", vectors(lambda v, i: v.__setitem__(0, max(v[0], 0))), ".npy"),
        ("sequence", lambda file, i, draw: np.save(file, draw.normal(size=(9 + i % 5, 3))), ".npy"),
    ],
)
def test_of_clean_data_nothing_is_said(kind: str, write: Any, ending: str, tmp_path: Path) -> None:
    """Noise, sounds 40 dB apart, ones and zeros, heavy tails, codes, numbers cut off at 0."""
    assert notes(data(tmp_path, kind, write, ending)) == []
    assert not any("same in every" in n for n in prepared(tmp_path).notes)


@pytest.mark.parametrize(
    ("kind", "write", "ending", "said"),
    [
        ("image", lambda f, i, d: Image.fromarray(_alpha(d)).save(f), ".png", " (all 255, white: are they transparent"),
        ("image", lambda f, i, d: Image.new("L", (8 + i, 8), 7).save(f), ".png", " (all 7)"),
        ("audio", lambda f, i, d: soundfile.write(f, np.zeros(1600), 8000), ".wav", " (all -60)"),
        ("vector", lambda f, i, d: np.save(f, np.arange(9)), ".npy", ": no model can learn"),
        ("sequence", lambda f, i, d: np.save(f, np.ones((9, 2))), ".npy", " (all 1): no model"),
        ("text", lambda f, i, d: f.write_text("See above", encoding="utf-8"), ".txt", ": no model can learn"),
    ],
)
def test_a_modality_that_never_differs(kind: str, write: Any, ending: str, said: str, tmp_path: Path) -> None:
    how = {"text": {"files": True}} if kind == "text" else kind
    (note,) = notes(data(tmp_path, how, write, ending))
    assert note.startswith(f"is the same in every training sample{said}")
    assert "x: the same in every training sample, so no model can learn anything from it" in prepared(tmp_path).notes


def test_films_that_never_differ(tmp_path: Path) -> None:
    one = film("x.mp4", shades(4), codec="mpeg4", format="mp4").data
    assert notes(data(tmp_path, "video", lambda f, i, d: f.write_bytes(one) and None, ".mp4")) == [
        "is the same in all 16 training samples looked at"
    ]


def _alpha(draw: np.random.Generator) -> np.ndarray:
    return np.concatenate([draw.integers(0, 255, (8, 8, 3)), np.zeros((8, 8, 1))], axis=2).astype(np.uint8)


@pytest.mark.parametrize("mark", [-999.0, 255.0, -255.0, 9999.0])
def test_marks_for_nothing_are_counted_and_can_be_read_as_missing(mark: float, tmp_path: Path) -> None:
    def change(values: np.ndarray, i: int) -> None:
        if i % 5 == 0:
            values[2:4] = mark

    folder = data(tmp_path, "vector", vectors(change), ".npy")
    (note,) = notes(folder)
    assert note.startswith(f"{mark:g} stands 24 times in 12 samples (manifest.csv row 2, manifest.csv row 7, ")
    assert note.endswith(f"far from all other numbers; `missing: [{mark:g}]` reads as missing")
    card = folder / "d" / "dataset.yaml"
    about = yaml.safe_load(card.read_text(encoding="utf-8"))
    card.write_text(yaml.safe_dump(about | {"columns": {"x": {"vector": {"missing": [mark]}}}}), encoding="utf-8")
    assert notes(folder) == []
    normal = prepared(folder).modalities["x"].normal
    assert normal is not None and max(normal.std) < 8 and min(normal.mean) > 5 and max(normal.mean) < 15


def table_of(folder: Path, **options: Any) -> Path:
    """A table of numbers and words: 12 ages are -999, and two prices are a million times the others."""
    place, draw = folder / "t", np.random.default_rng(0)
    place.mkdir()
    split = [*["train"] * 40, *["validation"] * 10, *["test"] * 10]
    lines = [
        f"{'' if i == 9 else -999 if i % 5 == 0 else draw.integers(1, 90)},{'1e9' if i in (3, 50) else draw.normal()},"
        f"{'xyz'[i % 3]},{'ab'[i % 2]},{split[i]}"
        for i in range(COUNT)
    ]
    (place / "manifest.csv").write_text("age,price,word,label,split\n" + "\n".join(lines), encoding="utf-8")
    about = {
        "manifest": "manifest.csv",
        "columns": {"x": {"table": {"columns": ["age", "price", "word"], **options}}},
        "target": {"classification": "label"},
        "split": "split",
    }
    (place / "dataset.yaml").write_text(yaml.safe_dump(about), encoding="utf-8")
    return folder


def test_marks_and_numbers_far_out_in_a_table(tmp_path: Path) -> None:
    def told(root: Path) -> list[str]:
        found = check(read("t", root))
        assert not found.problems
        return [n for n in found.notes if n.startswith("x: ")]

    for name in ("plain", "mended"):
        (tmp_path / name).mkdir()
    marks, far = told(table_of(tmp_path / "plain"))
    assert marks.startswith("x: -999 stands 12 times in 12 samples (manifest.csv row 2, manifest.csv row 7, ")
    assert marks.endswith("`missing: [-999]` reads as missing")
    assert far.startswith("x: 2 of 60 samples have numbers more than 30 standard deviations from the middle, such as")
    assert told(table_of(tmp_path / "mended", missing=[-999], clip=10)) == []


def test_marks_at_both_ends_and_in_sequences(tmp_path: Path) -> None:
    def write(file: Path, i: int, draw: np.random.Generator) -> None:
        values = draw.normal(0, 20, (12, 2))
        values[i % 3, 1] = 255 if i % 2 else -255
        np.save(file, values)

    (note,) = notes(data(tmp_path, "sequence", write, ".npy"))
    assert "-255, 255 stand 60 times in 60 samples" in note and "`missing: [-255, 255]`" in note


def test_numbers_far_out(tmp_path: Path) -> None:
    def change(values: np.ndarray, i: int) -> None:
        if i in (3, 50):
            values[1] = 1e6 + i

    folder = data(tmp_path, "vector", vectors(change), ".npy")
    (note,) = notes(folder)
    assert "2 of 60 samples have numbers more than 30 standard deviations from the middle" in note
    assert "such as 1.00005e+06 (manifest.csv row 5, manifest.csv row 52); `clip: 30`" in note
    card = folder / "d" / "dataset.yaml"
    about = yaml.safe_load(card.read_text(encoding="utf-8"))
    card.write_text(yaml.safe_dump(about | {"columns": {"x": {"vector": {"clip": 10.0}}}}), encoding="utf-8")
    assert notes(folder) == []


@pytest.mark.parametrize(
    ("kind", "write", "ending", "value"),
    [
        ("image", lambda f, i, d: picture(f, i, d) if i % 6 else Image.new("RGB", (8, 8)).save(f), ".png", " (0)"),
        ("audio", sound(lambda i: float(i % 6 > 0)), ".wav", " (silence)"),
        ("vector", vectors(lambda v, i: v.__imul__(i % 6 > 0)), ".npy", " (0)"),
        ("sequence", lambda f, i, d: np.save(f, d.normal(size=(9, 3)) if i % 6 else np.ones((9, 3))), ".npy", " (1)"),
    ],
)
def test_samples_of_one_value(kind: str, write: Any, ending: str, value: str, tmp_path: Path) -> None:
    folder = data(tmp_path, kind, write, ending)
    (note,) = notes(folder)
    assert note == (
        f"10 of 60 samples are of one value throughout{value} (manifest.csv row 2, manifest.csv row 8, manifest.csv "
        "row 14, ...); `blank: missing` reads them as missing"
    )
    whole = prepared(folder)
    assert whole.modalities["x"].missing == 0
    card = folder / "d" / "dataset.yaml"
    about = yaml.safe_load(card.read_text(encoding="utf-8"))
    card.write_text(yaml.safe_dump(about | {"columns": {"x": {kind: {"blank": "missing"}}}}), encoding="utf-8")
    assert notes(folder) == []
    spec = prepared(folder)
    assert spec.modalities["x"].missing == 10 / 60 and "x: 10 of 60 samples lack it" in spec.notes
    masks = np.concatenate([np.load(folder / "made" / s / "x.mask.npy") for s in ("train", "validation", "test")])
    assert [i for i, mask in enumerate(masks) if not mask.any()] == list(range(0, 60, 6))


def test_blank_films_can_be_missing(tmp_path: Path) -> None:
    def write(file: Path, i: int, draw: np.random.Generator) -> None:
        frames = shades(4) if i % 6 else [np.zeros((32, 48, 3), np.uint8)] * 4
        file.write_bytes(film("x.avi", frames, codec="mjpeg", format="avi").data)

    folder = data(tmp_path, {"video": {"blank": "missing"}}, write, ".avi")
    assert prepared(folder).modalities["x"].missing == 10 / 60


@pytest.mark.parametrize(
    ("loud", "subtype", "said"),
    [
        (lambda i: 13_000.0 if i % 10 == 0 else 1.0, "DOUBLE", "6 of 60 samples are more than 60 dB louder"),
        (lambda i: 5e-4 if i % 10 == 0 else 5.0, "DOUBLE", "6 of 60 samples are more than 60 dB quieter"),
        (lambda i: 32_768.0 if i == 7 else 1.0, "FLOAT", "1 of 60 samples is more than 60 dB louder"),
    ],
)
def test_sounds_on_different_scales(loud: Any, subtype: str, said: str, tmp_path: Path) -> None:
    (note,) = notes(data(tmp_path, "audio", sound(loud, subtype), ".wav"))
    assert note.startswith(said) and note.endswith("are they on another scale?")


def test_remarks_of_decoders_are_notes_of_the_check_only(tmp_path: Path) -> None:
    folder = data(tmp_path, "sequence", lambda f, i, d: np.save(f, d.normal(size=(13, 200))), ".npy")
    assert notes(folder) == ["every sample has 13 steps of 200 numbers: `transpose: true` if it has 200 steps of 13"]
    assert not any("transpose" in n for n in prepared(folder).notes)
