"""`mmbench data` as a person with a folder of their own files uses it."""

from __future__ import annotations

import csv
import json
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import yaml
from PIL import Image

from mmbench.cli import main
from mmbench.data.prepare import dataset
from mmbench.data.table.card import load_card
from mmbench.errors import UserError
from tests.support import tiny_encoders
from tests.support.clone import Clone
from tests.support.shared_data import SHARED, needs

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
    assert "params.yaml:  datasets: [My_files]\n" in out, "the generated data sets are not trained along"
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


def test_few_test_samples_are_a_warning_and_the_page_tells_missing_from_unreadable(
    project: Path, tmp_path: Path, capsys: Shown
) -> None:
    files = own_files(tmp_path / "own")
    assert main(["data", "init", str(files)]) == 0
    assert main(["data", "check", "own"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"^warning: test has only \d samples: a model that gets .* \(95 % interval\)", out, re.MULTILINE)
    assert "no errors, but too few test samples to decide anything" in out
    page = (project / "reports" / "data" / "own.html").read_text(encoding="utf-8")
    assert re.search(r">\d test samples: too few<", page) and ">missing in train / validation / test</th>" in page
    assert page.count('<div class="missing">missing</div>') == 1 and '<div class="unreadable">' not in page
    (files / "dog" / "000.png").write_bytes(b"no picture")
    assert main(["data", "check", "own"]) == 1
    page = (project / "reports" / "data" / "own.html").read_text(encoding="utf-8")
    assert page.count('<div class="missing">missing</div>') == 1
    assert page.count('<div class="unreadable">unreadable</div>') == 1


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


def test_columns_of_any_script_are_modalities(project: Path) -> None:
    rows = "".join(f"img/{i}.png,img/{3 - i}.png,{'ab'[i % 2]},x: [y #{i}\n" for i in range(4))
    card = drafted(project, "写真,絵,label: #,# {odd\n" + rows)
    assert card["columns"] == {
        "column": {"image": {"column": "写真"}},
        "column_2": {"image": {"column": "絵"}},
        "odd": {"text": {"column": "# {odd"}},
    }


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
    more = [int(count) for line in told for count in re.findall(r"\(and (\d+) more like it: rows \d+, ", line)]
    assert len(found["problems"]) == len(told) + sum(more)
    assert len(told) < 20
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


def two_modalities(folder: Path, told: tuple[float, float], n: int = 3000) -> None:
    """A data set whose modalities tell so much of its class each."""
    draw = np.random.default_rng(0)
    y = draw.integers(2, size=n)
    a, b = (share * (2 * y - 1) + draw.normal(size=n) for share in told)
    rows = [f"{p:.4f},0,{q:.4f},0,{'ab'[c]}" for p, q, c in zip(a, b, y, strict=True)]
    folder.mkdir(parents=True)
    (folder / "m.csv").write_text("p0,p1,q0,q1,y\n" + "\n".join(rows), encoding="utf-8")
    columns = {name: {"vector": {"prefix": name}} for name in "pq"}
    card = {"manifest": "m.csv", "columns": columns, "target": {"classification": "y"}}
    (folder / "dataset.yaml").write_text(yaml.safe_dump(card), encoding="utf-8")


def test_check_says_whether_there_is_anything_to_fuse(project: Path, capsys: Shown) -> None:
    two_modalities(project / "data/raw/own", (1.0, 1.0))
    assert main(["data", "check", "own"]) == 0
    said = "note: anything to fuse? accuracy on validation of cheap models"
    shown = capsys.readouterr().out
    assert said in shown and "so there is something to fuse" in shown
    assert "so there is something to fuse" in (project / "reports/data/own.html").read_text(encoding="utf-8")
    assert main(["data", "check", "own", "--no-signal"]) == 0
    assert said not in capsys.readouterr().out


def test_check_does_not_say_it_of_what_goes_through_an_encoder(project: Path, capsys: Shown, tmp_path: Path) -> None:
    bert = tiny_encoders.bert(tmp_path / "bert")
    rows = ["said,y", *[f"word {i} again,{'ab'[i % 2]}" for i in range(40)]]
    folder = vectors(project / "data/raw/own", rows)
    columns = {"said": {"text": {"encoder": str(bert)}}, "v": {"vector": {"prefix": "f"}}}
    card = {"manifest": "m.csv", "target": {"classification": "y"}, "columns": columns}
    (folder / "dataset.yaml").write_text(yaml.safe_dump(card), encoding="utf-8")
    assert main(["data", "check", "own"]) == 0
    assert "not tried, since said would have to go through an encoder" in capsys.readouterr().out


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


@pytest.mark.exhaustive
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


def vectors(folder: Path, rows: list[str], **card: Any) -> Path:
    """A data set of vectors of two numbers; rows: what else is in the table, its header first."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [f"{'f0,f1' if not i else f'{i}.5,{i % 7}'},{row}" for i, row in enumerate(rows)]
    (folder / "m.csv").write_text("\n".join(lines), encoding="utf-8")
    said = {"manifest": "m.csv", "columns": {"v": {"vector": {"prefix": "f"}}}} | card
    (folder / "dataset.yaml").write_text(yaml.safe_dump(said), encoding="utf-8")
    return folder


def checked(capsys: Shown, name: str, code: int = 0) -> dict[str, Any]:
    capsys.readouterr()
    assert main(["data", "check", name, "--json"]) == code
    return json.loads(capsys.readouterr().out)


def test_a_label_that_a_split_lacks_is_told(project: Path, capsys: Shown) -> None:
    rows = ["tags", *(["a", "b", "a|b", ""] * 10), "a|rare"]
    vectors(project / "data/raw/own", rows, target={"multilabel": "tags"})
    told = checked(capsys, "own")
    lacking = [f"no sample of {s} has these labels: 'rare'" for s in ("validation", "test")]
    assert [note for note in told["notes"] if "rough" not in note] == lacking
    assert main(["data", "check", "own"]) == 0
    assert "note: no sample of test has these labels: 'rare'" in capsys.readouterr().out
    assert "no sample of test has these labels" in (project / "reports/data/own.html").read_text(encoding="utf-8")
    spec = dataset.prepare(dataset.read("own", project / "data/raw"), project / "prepared", progress=False)
    assert set(told["notes"]) <= set(spec.notes)


def test_an_encoder_that_cannot_be_had_is_a_problem(project: Path, capsys: Shown, tmp_path: Path) -> None:
    folder = vectors(project / "data/raw/own", ["said,y", *[f"word {i} again,{'ab'[i % 2]}" for i in range(12)]])
    card = {"manifest": "m.csv", "target": {"classification": "y"}}
    for encoder, says in ((tmp_path / "none", "is neither a folder nor a name"), (tmp_path, "has no config.json")):
        column = {"said": {"text": {"encoder": str(encoder)}}}
        (folder / "dataset.yaml").write_text(yaml.safe_dump(card | {"columns": column}), encoding="utf-8")
        told = checked(capsys, "own", 1)
        assert says in told["problems"][0]["what"]
        with pytest.raises(UserError, match=says):
            dataset.prepare(dataset.read("own", project / "data/raw"), project / "prepared", progress=False)
    bert = tiny_encoders.bert(tmp_path / "bert")
    column = {"said": {"text": {"encoder": str(bert), "tokens": 6}}}
    (folder / "dataset.yaml").write_text(yaml.safe_dump(card | {"columns": column}), encoding="utf-8")
    told = checked(capsys, "own")
    assert re.match(r"up to 6 tokens of features from bert @ \w{12}, frozen", told["modalities"]["said"]["note"])
    assert all("has only" in note for note in told["notes"])


def test_a_misspelt_option_is_told_once_and_nothing_is_counted(project: Path, capsys: Shown) -> None:
    folder = own_files(project / "data/raw/own", each=4)
    assert main(["data", "init", "data/raw/own"]) == 0
    card = folder / "dataset.yaml"
    card.write_text(card.read_text().replace("  audio: audio", "  audio: {audio: {second: 2}}"))
    told = checked(capsys, "own", 1)
    (problem,) = told["problems"]
    said = f"{problem['where']}: {problem['what']}"
    assert said == "dataset.yaml: unknown option 'second' of 'audio' in columns.audio; did you mean 'seconds'?"
    assert (told["modalities"]["audio"]["unreadable"], told["modalities"]["audio"]["repeated"]) == (None, None)
    assert main(["data", "check", "own"]) == 1
    assert re.search(r"^audio +audio +7 +1 +– +–", capsys.readouterr().out, re.MULTILINE)


def test_check_lets_dvc_watch_what_lies_outside(project: Path, tmp_path: Path, capsys: Shown) -> None:
    outside = own_files(tmp_path / "outside", each=4)
    folder = project / "data/raw/own"
    assert main(["data", "init", str(outside), "--name", "own"]) == 0
    stage = (folder / "dvc.yaml").read_text(encoding="utf-8")
    (folder / "dvc.yaml").unlink()
    (folder / "files.txt").unlink()
    assert checked(capsys, "own")["ok"]
    assert (folder / "dvc.yaml").read_text(encoding="utf-8") == stage
    assert len((folder / "files.txt").read_text(encoding="utf-8").splitlines()) == 23
    (folder / "files.txt").write_text("as DVC made it", encoding="utf-8")
    assert checked(capsys, "own")["ok"]
    assert (folder / "files.txt").read_text(encoding="utf-8") == "as DVC made it"
    (folder / "dvc.yaml").write_text("stages: {}\n", encoding="utf-8")
    assert checked(capsys, "own")["ok"]
    assert (folder / "dvc.yaml").read_text(encoding="utf-8") == "stages: {}\n"


@pytest.mark.parametrize("outside", [False, True])
def test_files_that_came_later_are_told_and_added(project: Path, tmp_path: Path, capsys: Shown, outside: bool) -> None:
    home = project / "data/raw/own"
    files = own_files(tmp_path / "own" if outside else home, each=6)
    assert main(["data", "init", str(files)]) == 0
    table = home / "manifest.csv"
    table.write_text(table.read_text().replace("cat/001.txt,cat", "cat/001.txt,lion"), encoding="utf-8")
    card = (home / "dataset.yaml").read_text(encoding="utf-8") + "# mine\n"
    (home / "dataset.yaml").write_text(card, encoding="utf-8")
    picture(files / "dog" / "777.png", 777)
    sound(files / "cat" / "000.wav", 5)
    capsys.readouterr()
    main(["data", "check", "own"])
    out = capsys.readouterr().out
    assert "note: 2 files are below" in out and "(cat/000.wav, dog/777.png)" in out
    command = re.search(r"`mmbench (data init .* --update)` adds them", out)
    assert command is not None
    assert main(command[1].split()) == 0
    assert "1 rows added, 1 completed" in capsys.readouterr().out
    rows = list(csv.DictReader(table.open(encoding="utf-8")))
    assert rows[0] == {"image": "cat/000.png", "audio": "cat/000.wav", "text": "cat/000.txt", "label": "cat"}
    assert rows[1]["label"] == "lion"
    assert rows[-1] == {"image": "dog/777.png", "audio": "", "text": "", "label": "dog"}
    assert (home / "dataset.yaml").read_text(encoding="utf-8") == card
    main(["data", "check", "own"])
    assert "in no row" not in capsys.readouterr().out


@pytest.mark.parametrize("how", ["--force", "--update"])
def test_what_is_stopped_while_it_writes_leaves_card_and_table_whole(
    project: Path, capsys: Shown, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """A full disk stands for it: labels that a person wrote into the table are nowhere else."""
    home = project / "data/raw/own"
    own_files(home, each=6)
    assert main(["data", "init", str(home)]) == 0
    table, card = home / "manifest.csv", home / "dataset.yaml"
    table.write_text(table.read_text().replace("cat/001.txt,cat", "cat/001.txt,lion"), encoding="utf-8")
    card.write_text(card.read_text(encoding="utf-8") + "# mine\n", encoding="utf-8")
    before = table.read_bytes(), card.read_bytes()
    picture(home / "dog" / "777.png", 777)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("mmbench.atomic.os.fsync", full)
        assert main(["data", "init", str(home), how]) == 1
    assert "cannot be written: No space left on device; it is as it was" in capsys.readouterr().err
    assert (table.read_bytes(), card.read_bytes()) == before
    assert not [file.name for file in home.iterdir() if file.name.startswith(".")]
    assert main(["data", "init", str(home), how]) == 0


def test_update_of_a_table_that_is_gone_says_so(project: Path, capsys: Shown) -> None:
    home = project / "data/raw/own"
    own_files(home, each=4)
    assert main(["data", "init", str(home)]) == 0
    (home / "manifest.csv").unlink()
    assert main(["data", "init", str(home), "--update"]) == 1
    assert "manifest.csv is missing; --force drafts it" in capsys.readouterr().err


def test_guesses_are_marked_with_what_else_it_could_be(project: Path, capsys: Shown) -> None:
    header = "file,tags,shape,x,y0,speaker,session\n"
    shapes = ("disc", "ring", "square", "cross")
    rows = [
        f"img/{i % 4}.png,red|big{i % 3},{shapes[i % 4]},{i * 0.37},{i * 1.1},ann{i % 3},{i * 0.13}" for i in range(24)
    ]
    card = drafted(project, header + "\n".join(rows))
    assert card["target"] == {"classification": "shape"}
    assert card["group"] == "speaker"
    text = (project / "data/raw/own/dataset.yaml").read_text(encoding="utf-8")
    assert re.search(r"^target: .*# \? ", text, re.MULTILINE) and re.search(
        r"^group: speaker .*# \? ", text, re.MULTILINE
    )
    told = capsys.readouterr().out.split("Look at this in the card")[1]
    assert "`target: {multilabel: tags}`" in told
    assert "`target: {regression: {columns: [x, y0, session]}}`" in told
    assert "do samples with one speaker belong together, in one split?\n" in told


def test_columns_of_numbers_are_no_groups(project: Path, capsys: Shown) -> None:
    drafted(
        project,
        "file,label,session,size\n" + "".join(f"img/{i % 4}.png,{'ab'[i % 2]},{i}.5,{i * 0.7}\n" for i in range(12)),
    )
    assert "then name the column as `group`" in capsys.readouterr().out


def test_unknown_names_and_lists_need_no_pytorch(project: Path) -> None:
    vectors(project / "data/raw/own", ["y", *"ab" * 6], target={"classification": "y"})
    for args in (["data", "list"], ["data", "check", "onw"]):
        code = f"import sys; from mmbench.cli import main; main({args}); sys.exit('torch' in sys.modules)"
        assert subprocess.run([sys.executable, "-c", code], cwd=project, check=False).returncode == 0


def test_the_page_says_what_it_was_made_from(project: Path, capsys: Shown) -> None:
    folder = vectors(project / "data/raw/own", ["y", *"ab" * 6], target={"classification": "y"})
    page = project / "reports/data/own.html"
    first = checked(capsys, "own")
    text = page.read_text(encoding="utf-8")
    assert f"<code>{first['content'][:12]}</code>" in text
    assert checked(capsys, "own") == first and page.read_text(encoding="utf-8") == text
    (folder / "m.csv").write_text((folder / "m.csv").read_text().replace("3.5", "3.25"), encoding="utf-8")
    assert checked(capsys, "own")["content"] != first["content"]


def test_a_page_without_a_split_does_not_speak_of_training(project: Path, capsys: Shown) -> None:
    folder = vectors(
        project / "data/raw/own", ["said,y", *[f"word {i} again,{'ab'[i % 2]}" for i in range(12)], "one more,c"]
    )
    card = {"manifest": "m.csv", "target": {"classification": "y"}, "columns": {"said": "text"}}
    (folder / "dataset.yaml").write_text(yaml.safe_dump(card), encoding="utf-8")
    told = checked(capsys, "own", 1)
    assert told["splits"] == {}
    assert "training" not in told["modalities"]["said"]["note"]
    page = (project / "reports/data/own.html").read_text(encoding="utf-8")
    assert "or give a <code>split</code>" in page and "`" not in page.split("</style>")[1]
