"""`mmbench data` as a person with a folder of their own files uses it."""

from __future__ import annotations

import csv
import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import yaml
from PIL import Image

from mmbench.cli import main
from mmbench.reading.card import load_card
from tests.clone import Clone
from tests.shared_data import SHARED, needs

Shown = pytest.CaptureFixture[str]
EVIL = "<script>alert(1)</script>"


def picture(file: Path, seed: int) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 255, (12, 16, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(file)


def sound(file: Path, seed: int) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(file, np.random.default_rng(seed).normal(0, 0.1, 1600).astype(np.float32), 8000)


def own_files(folder: Path, each: int = 12) -> Path:
    """Pictures, sounds and texts of two classes, one sub-folder a class; the first lacks its sound."""
    for k, name in enumerate(("cat", "dog")):
        for i in range(each):
            stem = folder / name / f"{i:03}"
            picture(stem.with_suffix(".png"), 100 * k + i)
            sound(stem.with_suffix(".wav"), 100 * k + i)
            stem.with_suffix(".txt").write_text(f"{name} number {i} says {EVIL}", encoding="utf-8")
    (folder / "cat" / "000.wav").unlink()
    return folder


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project's folder with settings and nothing else, in which commands run."""
    folder = tmp_path / "project"
    folder.mkdir()
    shutil.copyfile(Path(__file__).resolve().parents[2] / "params.yaml", folder / "params.yaml")
    monkeypatch.chdir(folder)
    return folder


def card_of(project: Path, name: str) -> dict[str, Any]:
    """The drafted card, which must be a card."""
    folder = project / "data" / "raw" / name
    load_card(folder)
    return yaml.safe_load((folder / "dataset.yaml").read_text(encoding="utf-8"))


def test_a_folder_outside_becomes_a_data_set(project: Path, tmp_path: Path, capsys: Shown) -> None:
    files = own_files(tmp_path / "My files!")
    assert main(["data", "init", str(files)]) == 0
    out = capsys.readouterr().out
    assert "24 samples" in out
    assert "datasets: [redundant, unique, synergy, My_files]" in out
    card = card_of(project, "My_files")
    assert card["root"] == files.as_posix()
    assert card["columns"] == {"image": "image", "audio": "audio", "text": {"text": {"files": True}}}
    assert card["target"] == {"classification": "label"}
    folder = project / "data" / "raw" / "My_files"
    rows = list(csv.DictReader((folder / "manifest.csv").open(encoding="utf-8")))
    assert rows[0] == {"image": "cat/000.png", "audio": "", "text": "cat/000.txt", "label": "cat"}
    index = (folder / "files.txt").read_text(encoding="utf-8").splitlines()
    assert len(index) == 71
    assert all(re.fullmatch(r"(cat|dog)/\d+\.(png|txt|wav)\t\d+\t[0-9a-f]{64}", line) for line in index)
    assert main(["data", "check", "My_files", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["samples"] == 24
    assert told["modalities"]["audio"]["missing"]["all"] == 1
    assert told["modalities"]["image"]["measures"]["width"]["median"] == 16
    assert sum(told["splits"].values()) == 24
    (files / "cat" / "001.txt").write_text("another", encoding="utf-8")
    assert main(["data", "index", "My_files"]) == 0
    assert (folder / "files.txt").read_text(encoding="utf-8").splitlines() != index


def test_a_card_is_not_overwritten(project: Path, capsys: Shown) -> None:
    own_files(project / "data" / "raw" / "own", each=4)
    assert main(["data", "init", "data/raw/own"]) == 0
    folder = project / "data" / "raw" / "own"
    assert card_of(project, "own")["root"] == "."
    assert not (folder / "dvc.yaml").exists()
    (folder / "dataset.yaml").write_text("# mine\n", encoding="utf-8")
    assert main(["data", "init", "data/raw/own"]) == 1
    assert "dataset.yaml exists; --force replaces it" in capsys.readouterr().err
    assert (folder / "dataset.yaml").read_text(encoding="utf-8") == "# mine\n"
    assert main(["data", "init", "data/raw/own", "--force"]) == 0
    assert card_of(project, "own")["target"] == {"classification": "label"}


def drafted(project: Path, table: str) -> dict[str, Any]:
    """The card for a folder that has this table and four pictures."""
    folder = project / "data" / "raw" / "own"
    for i in range(4):
        picture(folder / "img" / f"{i}.png", i)
    (folder / "table.csv").write_text(table, encoding="utf-8")
    assert main(["data", "init", str(folder)]) == 0
    return card_of(project, "own")


def test_columns_are_told_by_their_values(project: Path) -> None:
    header = "id,file,remark,f_0,f_1,f_2,speaker,subset,score\n"
    rows = [f"s{i},img/{i}.png,a few plain words,{i},0.5,{-i},ann{i % 2},train,{i * 0.7}" for i in range(4)]
    card = drafted(project, header + "\n".join(rows))
    assert card["columns"] == {
        "file": "image",
        "remark": "text",
        "f": {"vector": {"prefix": "f_"}},
    }
    assert card["target"] == {"regression": "score"}
    assert (card["group"], card["split"], card["id"]) == ("speaker", "subset", "id")


@pytest.mark.parametrize(
    ("values", "target"),
    [
        (["yes", "no", "yes", "no"], {"binary": "label"}),
        (["a", "b", "a", "b"], {"classification": "label"}),
        (["a|b", "b", "a", ""], {"multilabel": "label"}),
        (["a;b", "b", "a;c", ""], {"multilabel": {"columns": "label", "separator": ";"}}),
        (["0.5", "1.5", "2.5", "7"], {"regression": "label"}),
    ],
)
def test_targets_are_told_by_their_values(project: Path, values: list[str], target: dict[str, Any]) -> None:
    rows = "".join(f"img/{i}.png,{v}\n" for i, v in enumerate(values))
    assert drafted(project, "file,label\n" + rows)["target"] == target


@pytest.mark.parametrize("name", ["{}", "{}.png"])
def test_a_table_that_names_files_without_their_folder_is_joined_with_them(project: Path, name: str) -> None:
    rows = "".join(f"{name.format(i)},{'ab'[i % 2]}\n" for i in range(4))
    card = drafted(project, "key,label\n" + rows)
    assert card["manifest"] == "manifest.csv"
    assert card["columns"] == {"image": "image"}
    text = (project / "data/raw/own/manifest.csv").read_text(encoding="utf-8")
    assert text.splitlines()[1] == ("img/0.png,0,a" if name == "{}" else "img/0.png,a")


def test_parallel_folders_and_split_folders(project: Path) -> None:
    folder = project / "data" / "raw" / "own"
    for split in ("train", "test"):
        for i in range(4):
            picture(folder / "pictures" / split / "ab"[i % 2] / f"{split}{i}.png", i)
            sound(folder / "sounds" / split / "ab"[i % 2] / f"{split}{i}.wav", i)
    assert main(["data", "init", str(folder)]) == 0
    rows = list(csv.DictReader((folder / "manifest.csv").open(encoding="utf-8")))
    assert len(rows) == 8
    assert rows[0]["audio"] == rows[0]["image"].replace("pictures", "sounds").replace("png", "wav")
    assert {(row["label"], row["split"]) for row in rows} == {(y, s) for y in "ab" for s in ("train", "test")}
    assert card_of(project, "own")["split"] == "split"


@pytest.mark.parametrize("name", ["notes.docx", ""])
def test_a_folder_of_nothing_is_told(project: Path, tmp_path: Path, capsys: Shown, name: str) -> None:
    (tmp_path / "other").mkdir()
    if name:
        (tmp_path / "other" / name).touch()
    assert main(["data", "init", str(tmp_path / "other")]) == 1
    assert "holds neither a table" in capsys.readouterr().err
    assert not (project / "data").exists()


def broken(project: Path) -> Path:
    """A data set with nearly everything wrong."""
    folder = own_files(project / "data" / "raw" / "own")
    assert main(["data", "init", str(folder)]) == 0
    half = (folder / "cat" / "003.png").read_bytes()
    (folder / "cat" / "003.png").write_bytes(half[: len(half) // 2])
    (folder / "cat" / "004.wav").write_bytes(b"RIFF")
    (folder / "cat" / "005.wav").write_bytes(b"")
    (folder / "cat" / "006.txt").write_bytes(b"caf\xe9")
    (folder / "cat" / "007.png").write_text("no picture", encoding="utf-8")
    (folder / "cat" / "008.png").unlink()
    (folder / "cat" / "009.png").unlink()
    (folder / "cat" / "009.png").symlink_to("/etc/passwd")
    for i in range(1, 12):
        shutil.copyfile(folder / "dog" / "000.png", folder / "dog" / f"{i:03}.png")
    return folder


def test_check_lists_every_problem_with_its_row(project: Path, capsys: Shown) -> None:
    broken(project)
    capsys.readouterr()
    assert main(["data", "check", "own"]) == 1
    shown = capsys.readouterr()
    assert "Traceback" not in shown.err
    told = [line for line in shown.err.splitlines() if line.startswith("error: ")]
    rows = {int(row) for line in told for row in re.findall(r"error: manifest.csv row (\d+), ", line)}
    assert rows == {5, 6, 7, 8, 9, 10, 11}
    assert any("leakage" in line and "same content" in line for line in told)
    assert main(["data", "check", "own", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert len(found["problems"]) == len(told)
    assert {m: v["unreadable"] for m, v in found["modalities"].items()} == {"image": 4, "audio": 2, "text": 1}
    assert found["modalities"]["image"]["repeated"] == 11


class Tags(HTMLParser):
    """Every tag of a page, and every address that it names."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.addresses: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "action", "srcset")]
        assert not any(name.startswith("on") for name, _ in attrs)


def test_the_page_is_offline_and_escapes_what_people_wrote(project: Path) -> None:
    folder = project / "data" / "raw" / "own"
    rows = []
    for i in range(16):
        picture(folder / f'{"ab"[i % 2]}<img src=x onerror="alert(1)">{i}.png', i)
        rows.append([f'{"ab"[i % 2]}<img src=x onerror="alert(1)">{i}.png', f"{EVIL} {i}", f"{'ab'[i % 2]}{EVIL}"])
    rows.append(["no<script>.png", "text", f"a{EVIL}"])
    with (folder / "manifest.csv").open("w", encoding="utf-8") as stream:
        csv.writer(stream).writerows([["photo", "text", "label"], *rows])
    card = {
        "description": EVIL,
        "manifest": "manifest.csv",
        "columns": {"photo": "image", "text": "text"},
        "target": {"classification": "label"},
        "licence": EVIL,
        "source": "javascript:alert(1)",
    }
    (folder / "dataset.yaml").write_text(yaml.safe_dump(card), encoding="utf-8")
    assert main(["data", "check", "own"]) == 1
    page = (project / "reports" / "data" / "own.html").read_text(encoding="utf-8")
    tags = Tags(page)
    assert "script" not in tags.tags
    assert all(address.startswith("data:image/png;base64,") for address in tags.addresses)
    assert tags.addresses
    assert page.count("&lt;script&gt;") > 10
    assert "http://" not in page
    assert "https://" not in page


@pytest.mark.parametrize(
    ("target", "columns"),
    [("regression", "y,z"), ("multilabel", "y,z"), ("binary", "y")],
)
def test_every_target_has_its_page(project: Path, capsys: Shown, target: str, columns: str) -> None:
    folder = project / "data" / "raw" / "own"
    folder.mkdir(parents=True)
    rows = [f"{i}.5,{i % 7},{i % 2},{(i // 2) % 2}" for i in range(24)]
    (folder / "m.csv").write_text("f0,f1,y,z\n" + "\n".join(rows), encoding="utf-8")
    card = {"manifest": "m.csv", "columns": {"v": {"vector": {"prefix": "f"}}}, "target": {target: columns.split(",")}}
    (folder / "dataset.yaml").write_text(yaml.safe_dump(card), encoding="utf-8")
    assert main(["data", "check", "own"]) == 0
    assert f"Target: {target}" in capsys.readouterr().out
    assert Tags((project / "reports/data/own.html").read_text(encoding="utf-8")).addresses


def test_list_says_how_far_each_is(root: Path, capsys: Shown) -> None:
    for name, card in (("small", "dataset: redundant\n"), ("wrong", "manifest: m.csv\n")):
        (root / "data" / "raw" / name).mkdir(parents=True)
        (root / "data" / "raw" / name / "dataset.yaml").write_text(card, encoding="utf-8")
    assert main(["data", "list", "--root", str(root), "--json"]) == 0
    small, wrong = json.loads(capsys.readouterr().out)
    assert (small["name"], small["card"], small["in_grid"]) == ("small", "ok", True)
    assert small["prepared"]["splits"] == {"train": 64, "validation": 32, "test": 32}
    assert (wrong["prepared"], wrong["in_grid"]) == (None, False)
    assert "needs `columns` and `target`" in wrong["card"]
    assert main(["data", "list", "--root", str(root)]) == 0
    assert main(["data", "check", "small", "--root", str(root)]) == 0
    assert "Random features for tests." in capsys.readouterr().out


def test_an_unknown_data_set_is_told(project: Path, capsys: Shown) -> None:
    own_files(project / "data" / "raw" / "own", each=4)
    main(["data", "init", "data/raw/own"])
    assert main(["data", "check", "onw"]) == 1
    assert "did you mean 'own'?" in capsys.readouterr().err


@needs("grid_s1")
def test_a_table_of_a_real_data_set_is_joined_with_its_films(project: Path, capsys: Shown) -> None:
    assert main(["data", "init", str(SHARED / "grid_s1"), "--name", "grid"]) == 0
    card = card_of(project, "grid")
    assert card["columns"] == {"video": "video"}
    assert len((project / "data/raw/grid/manifest.csv").read_text(encoding="utf-8").splitlines()) == 61


@needs("fsdd")
def test_names_of_real_files_say_digit_and_speaker(project: Path, tmp_path: Path, capsys: Shown) -> None:
    files = tmp_path / "digits"
    files.mkdir()
    for file in sorted((SHARED / "fsdd" / "recordings").glob("*_[0-4].wav")):
        shutil.copyfile(file, files / file.name)
    assert main(["data", "init", str(files)]) == 0
    assert "name_2" in capsys.readouterr().out
    card = project / "data/raw/digits/dataset.yaml"
    card.write_text(card.read_text(encoding="utf-8").replace("# group: column ", "group: name_2"), encoding="utf-8")
    assert main(["data", "check", "digits", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["groups"]["count"] == 6
    assert told["target"]["classes"].keys() == {str(d) for d in range(10)}
    assert 0.1 < told["modalities"]["audio"]["measures"]["seconds"]["least"] < 0.4


@pytest.mark.slow
def test_dvc_sees_that_a_file_outside_has_changed(tmp_path: Path) -> None:
    files, clone = own_files(tmp_path / "files"), Clone(tmp_path / "clone")
    assert clone.run("mmbench", "data", "init", str(files), "--name", "own").returncode == 0
    clone.settings(grid={"datasets": ["own"]})
    stages = ("dvc", "repro", "prepare@own")
    first = clone.run(*stages)
    assert first.returncode == 0, first.stdout + first.stderr
    assert "files.txt" in clone.run("git", "status", "--short", "--ignored").stdout
    hashes = [_hash(clone)]
    again = clone.run(*stages)
    assert "Running stage" not in again.stdout, again.stdout
    (files / "cat" / "001.txt").write_text("another text", encoding="utf-8")
    assert "files" in clone.run("dvc", "status", "prepare@own", "--with-deps").stdout
    changed = clone.run(*stages)
    assert "Running stage 'prepare@own'" in changed.stdout, changed.stdout
    assert _hash(clone) not in hashes


def _hash(clone: Clone) -> str:
    return json.loads((clone.folder / "data/prepared/own/spec.json").read_text(encoding="utf-8"))["hash"]
