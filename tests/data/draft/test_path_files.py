"""Tables whose columns together name the files: the draft says how, and its card reads the right file for each row."""

from __future__ import annotations

import csv
import io
import random
import re
import time
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from mmbench.data.draft.draft import Draft
from mmbench.data.draft.path_files import find
from mmbench.data.files.source import Source
from mmbench.data.table import manifest
from mmbench.data.table.card import FILE, load_card
from mmbench.data.table.rows import read
from tests.support.folders import drafted, fill, unused

Row = dict[str, Any]


def text_of(rows: Sequence[Row]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def visits(patients: int = 8, **more: Any) -> list[Row]:
    """Two or three visits of each patient, with other columns whose numbers could be those of visits."""
    draw = random.Random(0)
    return [
        {"patient": f"P{p:02}", "sex": "MF"[p % 2], "visit": v, "site": draw.randint(1, 3), "age": 40 + p, **more}
        | {"diagnosis": ("ill", "well", "odd")[draw.randint(0, 2)]}
        for p in range(1, patients + 1)
        for v in range(1, 3 + p % 2)
    ]


def talks() -> list[Row]:
    """Utterances of dialogues, as they are told in other columns of numbers too."""
    draw = random.Random(1)
    keys = [(d, u) for d in range(20) for u in range(draw.randint(2, 6))]
    return [
        {"Sr No.": i + 1, "Utterance": f"these are some words of {i}", "Dialogue_ID": d, "Utterance_ID": u}
        | {"Season": draw.randint(1, 9), "Episode": draw.randint(1, 24), "Emotion": draw.choice(["joy", "anger"])}
        for i, (d, u) in enumerate(keys)
    ]


def kept(rows: Sequence[Row], folder: Path, paths: Sequence[str], gone: Sequence[int] = ()) -> Draft:
    """The draft of a folder with this table, and files of every row, whose names are put together so."""
    fill(folder, [path.format(**row) for path in paths for i, row in enumerate(rows) if i not in gone])
    (folder / "table.csv").write_text(text_of(rows), encoding="utf-8")
    return drafted(folder)


def columns(made: Draft) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(made.card)["columns"]
    return found


def cells(folder: Path, made: Draft) -> dict[str, list[str | None]]:
    """The files that the drafted card reads, by modality; those of columns are left out."""
    (folder / FILE).write_text(made.card, encoding="utf-8")
    if made.manifest is not None:
        (folder / "manifest.csv").write_text(made.manifest, encoding="utf-8")
    survey = manifest.survey(load_card(folder), folder)
    return {
        name: [cell.name if isinstance(cell, Source) else None for cell in column.cells]
        for name, column in survey.modalities.items()
        if column.path
    }


@pytest.mark.parametrize(
    ("rows", "paths"),
    [
        (visits(), {"image": "scans/{patient}/visit{visit}/flair.png"}),
        (visits(), {"flair": "mr/{patient}/visit{visit}/flair.png", "t1": "mr/{patient}/visit{visit}/t1.png"}),
        (visits(), {"t1": "{patient}/visit{visit}/t1.png", "t2": "{patient}/visit{visit}/t2.png"}),
        (visits(), {"image": "{patient}_{visit:02}.png"}),
        (visits(), {"image": "{patient}/{patient}_{visit}.png"}),
        (visits(), {"image": "scan {patient}-{visit}/{sex}/x.png"}),
        (visits(), {"left": "left/{patient}_{visit}.png", "right": "right/{patient}_{visit}.png"}),
        (visits(), {"image": "{patient}/v{visit}.png", "audio": "{patient}/v{visit}.wav"}),
        (talks(), {"vector": "clips/dia{Dialogue_ID}_utt{Utterance_ID}.npy"}),
        (talks(), {e: f"d{{Dialogue_ID:04}}/u{{Utterance_ID:03}}.{e}" for e in ("wav", "jpg")}),
        (talks(), {"image": "{Utterance_ID}/{Dialogue_ID}.png"}),
    ],
)  # fmt: skip
def test_columns_that_name_files(tmp_path: Path, rows: list[Row], paths: dict[str, str]) -> None:
    made = kept(rows, tmp_path, list(paths.values()))
    found = {name: card for name, card in columns(made).items() if isinstance(card, dict)}
    paths = {{"wav": "audio", "jpg": "image"}.get(name, name): path for name, path in paths.items()}
    assert {name: next(iter(card.values()))["path"] for name, card in found.items()} == paths
    assert made.manifest is None and "no row" not in unused(made)
    for name, path in paths.items():
        (line,) = [line for line in made.card.splitlines() if line.startswith(f"  {name}:")]
        assert "# ? " in line and f"{len(rows)} of {len(rows)} rows" in line
        assert any(said.startswith(f"{name}: do ") and "Every row finds its file" in said for said in made.unsure)
        assert cells(tmp_path, made)[name] == [path.format(**row) for row in rows]
    target = next(iter(yaml.safe_load(made.card)["target"].values()))
    assert target == ("diagnosis" if "diagnosis" in rows[0] else "Emotion")


@pytest.mark.parametrize(
    ("path", "column"), [("img/{id:05}.png", "{id:05}"), ("{id}/scan.png", "{id}"), ("COCO_{id:012}_x.png", "{id:012}")]
)
def test_one_column_that_names_no_file_by_itself(tmp_path: Path, path: str, column: str) -> None:
    rows = [{"id": 7 * i + 1, "count": i % 5, "label": "ab"[i % 2]} for i in range(30)]
    made = kept(rows, tmp_path, [path])
    assert columns(made) == {"image": {"image": {"path": path}}} and column in path
    assert cells(tmp_path, made)["image"] == [path.format(**row) for row in rows]
    assert any("does id name its files" in said for said in made.unsure)


@pytest.mark.parametrize("write", [str, lambda v: f"{v}.0", lambda v: f" {v}"])
def test_numbers_as_tables_with_gaps_write_them(tmp_path: Path, write: Callable[[int], str]) -> None:
    path = "{patient}/visit{visit}.png"
    rows = visits()
    fill(tmp_path, [path.format(**row) for row in rows])
    (tmp_path / "table.csv").write_text(text_of([row | {"visit": write(row["visit"])} for row in rows]), "utf-8")
    made = drafted(tmp_path)
    assert columns(made) == {"image": {"image": {"path": path}}}
    assert cells(tmp_path, made)["image"] == [path.format(**row) for row in rows]


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("name", ["Größe", "é", "naïve"])
def test_either_unicode_form(tmp_path: Path, form: str, name: str) -> None:
    rows = [{"who": f"{name}{i // 2}", "n": i % 2, "label": "ab"[i % 2]} for i in range(20)]
    fill(tmp_path, [unicodedata.normalize(form, f"ä/{row['who']}/n{row['n']}.png") for row in rows])  # type: ignore[arg-type]
    (tmp_path / "table.csv").write_text(text_of(rows), encoding="utf-8")
    made = drafted(tmp_path)
    assert columns(made) == {"image": {"image": {"path": "ä/{who}/n{n}.png"}}}
    assert None not in cells(tmp_path, made)["image"] and "no row" not in unused(made)


@pytest.mark.parametrize("gone", [(3,), (0, 5), (2, 10)])
def test_rows_that_find_no_file_are_counted_and_reported(tmp_path: Path, gone: tuple[int, ...]) -> None:
    rows, path = visits(14), "scans/{patient}/visit{visit}/flair.png"
    made = kept(rows, tmp_path, [path], gone)
    assert columns(made) == {"image": {"image": {"path": path}}}
    (said,) = [line for line in made.unsure if line.startswith("image:")]
    assert (
        f"{len(gone)} of {len(rows)} rows find" in said and f"row {gone[0] + 2}: {path.format(**rows[gone[0]])}" in said
    )
    assert "`check` reports them" in said
    found = cells(tmp_path, made)["image"]
    assert [i for i, cell in enumerate(found) if cell is None] == list(gone)
    problems = manifest.survey(load_card(tmp_path), tmp_path).problems
    assert [re.sub(r", .*", "", p.where) for p in problems] == [f"table.csv row {i + 2}" for i in gone]


@pytest.mark.parametrize("every", [2, 3, 4])
def test_what_few_rows_have_is_optional(tmp_path: Path, every: int) -> None:
    rows, paths = visits(20), ("{patient}/{visit}/flair.png", "{patient}/{visit}/t1.png")
    fill(tmp_path, [paths[1].format(**row) for row in rows[::every]])
    made = kept(rows, tmp_path, paths[:1])
    assert columns(made)["t1"] == {"image": {"path": paths[1], "optional": True}}
    assert columns(made)["flair"] == {"image": {"path": paths[0]}}
    here = [paths[1].format(**row) if i % every == 0 else None for i, row in enumerate(rows)]
    assert cells(tmp_path, made)["t1"] == here
    assert not manifest.survey(load_card(tmp_path), tmp_path).problems


@pytest.mark.parametrize(
    ("rows", "path"),
    [
        ([{"id": f"x{i}", "group": i % 3, "label": "ab"[i % 2]} for i in range(24)], "{label}/{id}.png"),
        ([{"id": f"x{i}", "visit": i % 3, "label": "ab"[i % 2]} for i in range(24)], "visit{visit}/{id}.png"),
        ([{"id": i, "split": ("train", "test")[i % 2], "y": "ab"[i % 4 // 2]} for i in range(24)], "{split}/{id}.jpg"),
        ([{"file": f"{i}.png", "take": i % 2, "label": "ab"[i % 4 // 2]} for i in range(24)], "take{take}/{file}"),
    ],
)  # fmt: skip
def test_where_one_column_names_the_files_nothing_changes(tmp_path: Path, rows: list[Row], path: str) -> None:
    made = kept(rows, tmp_path, [path])
    assert columns(made) == {"image": "image"} and made.manifest is not None
    assert [row["image"] for row in csv.DictReader(io.StringIO(made.manifest))] == [path.format(**row) for row in rows]


@pytest.mark.parametrize("folder", ["fold{fold}", "{fold:02}", "part {fold} of 4"])
def test_names_that_begin_anew_in_each_folder(tmp_path: Path, folder: str) -> None:
    """The column of names alone leaves it open which of several files is meant."""
    rows = [{"id": i, "fold": f, "label": "ab"[(i + f) % 2]} for f in range(1, 5) for i in range(10)]
    made = kept(rows, tmp_path, [f"{folder}/{{id}}.png"])
    assert columns(made) == {"image": {"image": {"path": f"{folder}/{{id}}.png"}}}
    assert cells(tmp_path, made)["image"] == [f"{folder}/{{id}}.png".format(**row) for row in rows]


@pytest.mark.parametrize(
    ("rows", "files"),
    [
        # A few pictures that many rows could mean; counts among numbered files; nothing in common.
        ([{"a": i % 5, "b": i % 7, "y": "ab"[i % 2]} for i in range(200)], [f"plots/fold{i}.png" for i in range(5)]),
        ([{"a": i % 9, "b": i % 7, "y": "ab"[i % 2]} for i in range(200)], [f"img/{i}.png" for i in range(3000, 3400)]),
        ([{"a": i % 9, "b": i * 3, "y": "ab"[i % 2]} for i in range(50)], [f"img/{i:05}.png" for i in range(2000)]),
        ([{"a": f"x{i}", "b": i, "y": "ab"[i % 2]} for i in range(50)], [f"img/y{i}_z.png" for i in range(900, 990)]),
    ],
)  # fmt: skip
def test_no_chance_matches(tmp_path: Path, rows: list[Row], files: list[str]) -> None:
    found = find(read("m.csv", io.BytesIO(text_of(rows).encode()), header=True), files)
    assert found == []


def test_a_table_with_paths_is_read_as_before(tmp_path: Path) -> None:
    rows = [{"photo": f"rgb/{r['patient']}_{r['visit']}.png"} | r for r in visits()]
    fill(tmp_path, [f"depth/{r['patient']}_{r['visit']}.png" for r in rows])
    made = kept(rows, tmp_path, ["{photo}"])
    assert columns(made) == {"photo": "image"}


def test_tables_of_splits(tmp_path: Path) -> None:
    rows = talks()
    for split in ("train", "test"):
        own = [row for row in rows if (row["Dialogue_ID"] % 3 == 0) == (split == "test")]
        (tmp_path / f"{split}.csv").write_text(text_of(own), encoding="utf-8")
    path = "clips/dia{Dialogue_ID}_utt{Utterance_ID}.npy"
    fill(tmp_path, [path.format(**row) for row in rows])
    made = drafted(tmp_path)
    assert columns(made)["vector"] == {"vector": {"path": path}} and made.manifest is None
    assert yaml.safe_load(made.card)["manifest"] == {"train": "train.csv", "test": "test.csv"}
    assert None not in cells(tmp_path, made)["vector"]


def test_names_that_begin_anew_in_each_tables_split(tmp_path: Path) -> None:
    """The split is no column of the tables; a manifest.csv of its own has it."""
    rows = [{"d": d, "u": u, "label": "ab"[(d + u) % 2]} for d in range(6) for u in range(3)]
    for split in ("train", "test"):
        (tmp_path / f"{split}.csv").write_text(text_of(rows), encoding="utf-8")
    fill(tmp_path, [f"{split}/d{row['d']}_{row['u']}.png" for split in ("train", "test") for row in rows])
    made = drafted(tmp_path)
    assert columns(made) == {"image": {"image": {"path": "{split}/d{d}_{u}.png"}}}
    assert cells(tmp_path, made)["image"] == [f"{s}/d{r['d']}_{r['u']}.png" for s in ("train", "test") for r in rows]


@pytest.mark.parametrize(
    ("folders", "named", "column"),
    [
        (("train_splits", "dev_splits_complete", "output_repeated_splits_test"), "{split_folder}", ""),
        (("train_splits", "dev_splits_complete", "output_repeated_splits_test"), "{split_folder}", "Fold"),
        (("clips/train", "clips/dev", "clips/test"), "clips/{split_folder}", ""),
        (("x_train_raw", "x_val_raw", "x_test_raw"), "{split_folder}", ""),
    ],
)
def test_folders_of_splits_that_are_called_otherwise(
    tmp_path: Path, folders: tuple[str, ...], named: str, column: str
) -> None:
    """A row never finds the file that has its name in the folder of another split."""
    sizes = {"train": 20, "dev": 8, "test": 9}
    own = {
        s: [{"d": d, "u": u, "note": f"n{d * u % 7}", "label": "ab"[(d + u) % 2]} for d in range(n) for u in range(4)]
        for s, n in sizes.items()
    }
    if column:
        together = [row | {column: split} for split, rows in own.items() for row in rows]
        (tmp_path / "table.csv").write_text(text_of(together), encoding="utf-8")
    else:
        for split, rows in own.items():
            (tmp_path / f"{split}_x.csv").write_text(text_of(rows), encoding="utf-8")
    paths = [
        f"{folder}/d{row['d']}_{row['u']}.png"
        for folder, rows in zip(folders, own.values(), strict=True)
        for row in rows
    ]
    fill(tmp_path, paths)
    made = drafted(tmp_path)
    assert columns(made) == {"image": {"image": {"path": f"{named}/d{{d}}_{{u}}.png"}}}
    assert made.manifest is not None and any("the folders say splits" in said for said in made.unsure)
    assert cells(tmp_path, made)["image"] == paths


def test_rows_that_name_the_file_of_another_split_are_asked_for(tmp_path: Path) -> None:
    """Of the test nothing is there yet: its rows find what the training's are called."""
    rows = [{"d": d, "u": u, "label": "ab"[(d + u) % 2]} for d in range(9) for u in range(4)]
    for split in ("train", "test"):
        (tmp_path / f"{split}.csv").write_text(text_of(rows), encoding="utf-8")
    fill(tmp_path, [f"clips/d{row['d']}_{row['u']}.png" for row in rows])
    (asked,) = [said for said in drafted(tmp_path).unsure if "another split" in said]
    assert f"{len(rows)} rows name files" in asked and "clips/d0_0.png in row 2 and test.csv row 2" in asked


def test_folders_of_splits_that_hold_several_kinds(tmp_path: Path) -> None:
    rows = [{"d": d, "u": u, "label": "ab"[(d + u) % 2]} for d in range(9) for u in range(4)]
    for split in ("train", "dev"):
        (tmp_path / f"{split}.csv").write_text(text_of(rows), encoding="utf-8")
        fill(tmp_path, [f"{split}_{kind}/d{row['d']}_{row['u']}.png" for kind in ("left", "right") for row in rows])
    made = drafted(tmp_path)
    assert {name: card["image"]["path"] for name, card in columns(made).items()} == {
        "left": "{split_word}_left/d{d}_{u}.png",
        "right": "{split_word}_right/d{d}_{u}.png",
    }


@pytest.mark.parametrize("name", ["image", "audio", "flair"])
def test_a_column_called_like_a_modality(tmp_path: Path, name: str) -> None:
    rows = [row | {name: i % 4} for i, row in enumerate(visits())]
    made = kept(rows, tmp_path, ["{patient}/{visit}/flair.png", "{patient}/{visit}/t1.png", "{patient}/{visit}/t1.wav"])
    found = columns(made)
    assert len(found) == 3 and name not in found
    assert all(None not in own for own in cells(tmp_path, made).values())


def test_it_is_quick() -> None:
    """Of 20,000 files."""
    draw = random.Random(0)
    keys = [(d, u) for d in range(2000) for u in range(10)]
    rows = [
        {"Sr No.": i, "Utterance": f"some words said {i}", "Dialogue_ID": d, "Utterance_ID": u}
        | {f"number_{j}": draw.randint(0, 30) for j in range(8)}
        | {"Emotion": draw.choice("ab")}
        for i, (d, u) in enumerate(keys)
    ]
    table = read("m.csv", io.BytesIO(text_of(rows).encode()), header=True)
    for path, hits in (
        ("clips/dia{}_utt{}.mp4", len(keys)),
        ("clips/a{1}b{0}c.mp4", len(keys)),
        ("x{0}{1}0000.mp4", 0),
    ):
        files = [path.format(d, u) for d, u in keys]
        start = time.process_time()
        found = find(table, files)
        assert time.process_time() - start < 3
        assert sum(f.hits for f in found) == hits
