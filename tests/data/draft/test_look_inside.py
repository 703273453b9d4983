"""What `init` says of files whose endings do not tell all: tables of numbers, and pictures that move."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from mmbench.data.draft import look_inside
from mmbench.data.draft.draft import Draft, draft
from mmbench.data.files.source import Root


def drafted(folder: Path, text: str) -> tuple[Draft, dict[str, object]]:
    (folder / "manifest.csv").write_text(text, encoding="utf-8")
    made = draft(folder, root=str(folder))
    return made, yaml.safe_load(made.card)


def rows(name: str, count: int = 12) -> str:
    return "file,label\n" + "".join(f"{name.format(i)},{'ab'[i % 2]}\n" for i in range(count))


@pytest.mark.parametrize(
    ("name", "text", "kind"),
    [
        ("{}.csv", "0,1,2\n0.5,1,2\n1,2,3\n", "sequence"),
        ("{}.csv", "x,y\n0.5,1\n1,2\n", "sequence"),
        ("signals/{}.tsv", "0.5\t1\n1\t2\n", "sequence"),
        ("{}.csv", "0.5,1,2\n", "vector"),
        ("{}.csv", "x,y\n0.5,1\n", "vector"),
        ("{}.csv", "0.5\n1\n2\n", "vector"),
    ],
)
def test_a_column_that_names_tables_of_numbers(tmp_path: Path, name: str, text: str, kind: str) -> None:
    for i in range(12):
        file = tmp_path / name.format(i)
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
    made, card = drafted(tmp_path, rows(name))
    assert card["columns"] == {"file": kind} and made.samples == 12
    assert "is taken as the manifest" not in "".join(made.unsure), "the tables that it names are samples"


@pytest.mark.parametrize("text", ["name,age\nAnn,7\n", "just words\n", "\n", "a,b,c\n"])
def test_tables_of_something_else_are_no_modality(tmp_path: Path, text: str) -> None:
    for i in range(12):
        (tmp_path / f"{i}.csv").write_text(text, encoding="utf-8")
    assert drafted(tmp_path, rows("{}.csv"))[1]["columns"] == {}
    assert drafted(tmp_path, rows("{}.csv").replace(".csv", ".csvx"))[1]["columns"] == {}


@pytest.mark.parametrize("ending", ["gif", "tif", "webp", "png"])
def test_pictures_that_move_are_asked_for(tmp_path: Path, ending: str) -> None:
    frames = [Image.new("RGB", (8, 8), (s, 0, 0)) for s in (0, 100, 200)]
    for i in range(12):
        frames[0].save(tmp_path / f"{i}.{ending}", save_all=True, append_images=frames[1:])
    made, card = drafted(tmp_path, rows("{}." + ending))
    assert card["columns"] == {"file": "image"}
    line = next(line for line in made.card.splitlines() if line.startswith("  file:"))
    assert "# ?" in line
    assert any("with up to 3 frames or pages, of which `image` reads one, and `video` all" in u for u in made.unsure)


def test_single_pictures_are_no_question(tmp_path: Path) -> None:
    for i in range(12):
        Image.new("RGB", (8, 8)).save(tmp_path / f"{i}.gif")
    (tmp_path / "0.gif").write_bytes(b"broken")
    made, _ = drafted(tmp_path, rows("{}.gif"))
    assert not any("frames" in u for u in made.unsure)


def test_arrays(tmp_path: Path) -> None:
    np.save(tmp_path / "v.npy", np.zeros(4))
    np.save(tmp_path / "s.npy", np.zeros((4, 3)))
    (tmp_path / "x.npy").write_bytes(b"broken")
    assert [look_inside.array(f"{n}.npy", Root(tmp_path)) for n in "vsx"] == ["vector", "sequence", "vector"]
