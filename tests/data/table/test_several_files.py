"""Cells that name several files."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from mmbench.data.decode.factory import decoder
from mmbench.data.draft.draft import draft
from mmbench.data.files.source import Root, SeveralSources, several
from mmbench.data.inspect.check import check
from mmbench.data.prepare.dataset import read
from mmbench.data.table import rows as reading
from mmbench.data.table.cells import Cells
from mmbench.data.table.table import Cell


def pictures(folder: Path, count: int, ending: str = "png") -> None:
    for i in range(count):
        Image.new("L", (8 + i, 8), 10 * i).save(folder / f"{i}.{ending}")


def cells(folder: Path, kind: str, values: list[str]) -> tuple[list[Cell | None], list[str]]:
    text = "x\n" + "".join(f'"{v}"\n' for v in values)
    found = reading.read("manifest.csv", io.BytesIO(text.encode()))
    made = Cells(kind=kind, column="x", rows=found, root=Root(folder)).all()
    return made, [str(p) for p in found.findings.problems()]


@pytest.mark.parametrize("separator", [";", "; ", "|", ", "])
@pytest.mark.parametrize("ending", ["png", "jpg", "bmp", "tif"])
def test_several_pictures_are_frames(separator: str, ending: str, tmp_path: Path) -> None:
    pictures(tmp_path, 6, ending)
    names = [separator.join(f"{i}.{ending}" for i in order) for order in ([5, 0, 2], [1], [3, 4])]
    found, problems = cells(tmp_path, "video", names)
    assert not problems and [isinstance(c, SeveralSources) for c in found] == [True, False, True]
    present = [c for c in found if c is not None]
    made = decoder("video", {"frames": 1})
    assert made.fit(present).shape == (3, 1, 8, 10), "as many as the longest has"
    for cell, order in zip(present, ([5, 0, 2], [1], [3, 4]), strict=True):
        values, mask = made.decode(cell)
        assert mask is not None and mask.tolist() == [i < len(order) for i in range(3)]
        assert np.abs(values[mask].mean(axis=(1, 2, 3)) - 10 * np.array(order)).max() <= 1
    assert len({c.read() for c in present if not isinstance(c, (str, np.ndarray))}) == 3


def test_other_kinds_say_what_is_wrong(tmp_path: Path) -> None:
    pictures(tmp_path, 3)
    _, problems = cells(tmp_path, "image", ["0.png;1.png;2.png", "0.png"])
    assert problems == [
        "manifest.csv row 2, x (0.png;1.png;2.png): names 3 files, and image is read from one; the kind `video` reads "
        "several pictures as frames"
    ]
    _, problems = cells(tmp_path, "vector", ["0.png|1.png"])
    assert "names 2 files, and vector is read from one" in problems[0] and "video" not in problems[0]
    _, problems = cells(tmp_path, "video", ["0.png;gone.png", "0.png;../1.png"])
    assert "'gone.png' is missing" in problems[0] and "leads out of the data set's folder" in problems[1]


def test_a_name_with_a_separator_is_a_name(tmp_path: Path) -> None:
    Image.new("L", (8, 8)).save(tmp_path / "a.b;c.png")
    found, problems = cells(tmp_path, "image", ["a.b;c.png", "x.1,2.png"])
    assert found[0] is not None and len(problems) == 1 and "is missing" in problems[0]
    assert several("one.png") == several("no, names") == several("") == []


def test_init_and_check_see_them(tmp_path: Path) -> None:
    folder = tmp_path / "d"
    folder.mkdir()
    pictures(folder, 24)
    rows = [f"{i}.png;{i + 12}.png,{'ab'[i % 2]}" for i in range(12)]
    (folder / "manifest.csv").write_text("x,label\n" + "\n".join(rows), encoding="utf-8")
    made = draft(folder, root=".")
    assert yaml.safe_load(made.card)["columns"] == {"x": "video"}
    assert any("names up to 2 images a row, which `video` reads as frames" in u for u in made.unsure)
    (folder / "dataset.yaml").write_text(made.card, encoding="utf-8")
    checked = check(read("d", tmp_path))
    assert not checked.problems and not any("in no row" in n for n in checked.notes)


def test_pictures_that_a_cell_names_beside_others_are_used(tmp_path: Path) -> None:
    pictures(tmp_path, 12)
    rows = [f"{2 * i}.png;{2 * i + 1}.png,{'ab'[i % 2]}" for i in range(5)]
    (tmp_path / "t.csv").write_text("\n".join(["pictures,label", *rows]), encoding="utf-8")
    (left,) = (line for line in draft(tmp_path, root=".").unused if "row" in str(line))
    assert left.count == 2 and "10.png" in str(left) and "11.png" in str(left)
