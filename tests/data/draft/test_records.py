"""Folders of records without a table: text files of numbers, a sample each, as sensors and loggers write them."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
import yaml

from mmbench.cli import main
from mmbench.data.prepare.dataset import prepare, read
from mmbench.data.prepared import load_arrays
from mmbench.errors import UserError
from tests.cli.test_data import project as project
from tests.support.folders import drafted, rows, unused
from tests.support.folders import fill as pictures

CLASSES = ("walk", "run")


def record(file: Path, i: int, *, header: str = "ax,ay,az\n", separator: str = ",", steps: int = 12) -> None:
    """(steps + i % 3, 3) numbers, which begin with i."""
    file.parent.mkdir(parents=True, exist_ok=True)
    values = np.random.default_rng(i).normal(size=(steps + i % 3, 3))
    values[0, 0] = i
    text = header.replace(",", separator) + "".join(separator.join(f"{v:.4f}" for v in row) + "\n" for row in values)
    if file.suffix == ".gz":
        file.write_bytes(gzip.compress(text.encode()))
    else:
        file.write_text(text, encoding="utf-8")


def fill(folder: Path, layout: str, n: int = 24, **how: object) -> Path:
    """layout: with {c} for the class, {i} for the number."""
    for i in range(n):
        record(folder / layout.format(c=CLASSES[i % 2], i=i), i, **how)  # type: ignore[arg-type]
    return folder


@pytest.mark.parametrize(
    ("layout", "how"),
    [
        ("{c}/{i:03}.csv", {}),
        ("{c}/{i:03}.csv", {"header": ""}),
        ("{c}/{i:03}.tsv", {"separator": "\t"}),
        ("{c}/{i:03}.csv", {"separator": ";"}),
        ("{c}/{i:03}.csv.gz", {}),
        ("data/v2/{c}/rec_{i:03}.csv", {}),
    ],
)
def test_records_in_folders_of_classes(tmp_path: Path, layout: str, how: dict[str, object]) -> None:
    made, found = drafted(fill(tmp_path, layout, **how)), rows(tmp_path)
    assert len(found) == 24 and not unused(made)
    assert all(f"/{row['label']}/" in f"/{row['vector']}" for row in found)
    assert yaml.safe_load(made.card)["columns"] == {"vector": "sequence"}


def test_their_values_are_read(project: Path) -> None:
    fill(project / "mine", "{c}/{i:03}.csv", n=60)
    assert main(["data", "init", "mine", "--name", "mine"]) == 0
    spec = prepare(read("mine", project / "data" / "raw"), project / "made", progress=False)
    assert spec.modalities["vector"].shape == (14, 3)
    found = []
    for split in spec.splits:
        arrays = load_arrays(project / "made", split)
        values, mask = arrays["vector"], arrays["vector.mask"]
        steps = mask.sum(axis=1)
        first = values[:, 0, 0].round().astype(int)
        assert (steps == 12 + first % 3).all()
        found += first.tolist()
    assert sorted(found) == list(range(60))


def test_records_of_several_sensors_are_modalities(tmp_path: Path) -> None:
    for sensor in ("acc", "gyro"):
        fill(tmp_path, f"{{c}}/{sensor}/s{{i:03}}.csv")
    made, found = drafted(tmp_path), rows(tmp_path)
    assert len(found) == 24 and all(row["acc"].replace("acc", "gyro") == row["gyro"] for row in found)
    assert all(row["acc"].startswith(row["label"]) for row in found) and not unused(made)


@pytest.mark.parametrize(
    "layout", ["{c}/{m}_{i:03}.csv", "{c}/{i:03}_{m}.csv", "{c}/s{i:02}-{m}.csv", "p{p:02}/{c}/{m}_{i:03}.csv"]
)
def test_sensors_that_the_names_tell_apart_are_modalities(tmp_path: Path, layout: str) -> None:
    """A folder of a recording each, or of a person; a file of another name stays out of it."""
    for i in range(24):
        for sensor in ("acc", "gyro") if i != 5 else ("acc",):
            record(tmp_path / layout.format(c=CLASSES[i % 2], m=sensor, i=i, p=i % 4), i)
    stray = "p00/calibration.csv" if "{p" in layout else ""
    if stray:
        record(tmp_path / stray, 99)
    made, found = drafted(tmp_path), rows(tmp_path)
    assert len(found) == 24 and sum(bool(row["gyro"]) for row in found) == 23
    for row in found:
        assert row["gyro"] in ("", row["acc"].replace("acc", "gyro")) and f"{row['label']}/" in row["acc"]
    assert any("names differ in acc, gyro are taken for modalities" in text for text in made.unsure)
    assert sum(unused(made).values()) == bool(stray)


def test_views_that_the_names_tell_apart_and_words_that_are_classes(tmp_path: Path) -> None:
    views, classes = tmp_path / "views", tmp_path / "classes"
    pictures(views, [f"{c}/{i}_{v}.png" for c in ("cat", "dog") for i in range(9) for v in ("left", "right")])
    assert len(rows(views)) == 18 and set(rows(views)[0]) == {"left", "right", "label"}
    pictures(classes, [f"{c}_{i}.png" for c in ("cat", "dog") for i in range(9)])
    assert len(rows(classes)) == 18 and {row["label"] for row in rows(classes)} == {"cat", "dog"}


def test_words_that_may_be_views_are_asked_about(tmp_path: Path) -> None:
    pictures(tmp_path, [f"{c}/{v}_{i}.png" for c in ("cat", "dog") for i in range(9) for v in ("foo", "bar")])
    made = drafted(tmp_path)
    assert len(rows(tmp_path)) == 36
    assert any("names of files differ in bar, foo: are these modalities" in text for text in made.unsure)
    assert any("--folders class/modality`" in text for text in made.unsure)
    found = rows(tmp_path, folders=("class", "modality"))
    assert len(found) == 18 and all(row["foo"].replace("foo", "bar") == row["bar"] for row in found)


def test_more_levels_than_there_are_folders_are_refused(tmp_path: Path) -> None:
    fill(tmp_path, "{c}/{i:03}.csv")
    with pytest.raises(UserError, match=r"--folders group/class names 2 levels, and the files lie in 1 that differ"):
        drafted(tmp_path, folders=("group", "class"))


def test_records_beside_pictures_of_their_names(tmp_path: Path) -> None:
    fill(tmp_path, "{c}/{i:03}.csv")
    for i in range(24):
        (tmp_path / CLASSES[i % 2] / f"{i:03}.png").write_bytes(b"")
    made, found = drafted(tmp_path), rows(tmp_path)
    assert len(found) == 24 and all(row["image"].replace("png", "csv") == row["vector"] for row in found)
    assert not unused(made)


def test_tables_of_words_and_a_few_tables_are_no_samples(tmp_path: Path) -> None:
    words, few, beside = tmp_path / "words", tmp_path / "few", tmp_path / "beside"
    for i in range(24):
        file = words / CLASSES[i % 2] / f"{i}.csv"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("name,place\nAda,London\n", encoding="utf-8")
    for folder in (words, fill(few, "{c}/{i}.csv", n=6)):
        with pytest.raises(UserError, match=r"holds neither a table.*\.csv"):
            drafted(folder)
    for i in range(24):
        file = beside / CLASSES[i % 2] / f"{i}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"")
    fill(beside, "{c}/boxes_{i}.csv", n=10)
    assert len(rows(beside)) == 24 and sum(unused(drafted(beside)).values()) == 10


def test_records_that_arrive_later_are_added_once(project: Path) -> None:
    fill(project / "mine", "{c}/{i:03}.csv", n=20)
    assert main(["data", "init", "mine", "--name", "mine"]) == 0
    fill(project / "mine", "{c}/{i:03}.csv", n=24)
    for expected in (24, 24):
        assert main(["data", "init", "mine", "--name", "mine", "--update"]) == 0
        lines = (project / "data" / "raw" / "mine" / "manifest.csv").read_text(encoding="utf-8").splitlines()
        assert len(lines) == 1 + expected
