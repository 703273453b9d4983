"""A table for each split, shards and the Hub's metadata.csv are one manifest; what is left out is told."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from mmbench.data.draft.draft import Draft, draft
from mmbench.data.files.problems import DataError
from mmbench.data.inspect import check as checking
from mmbench.data.prepare.dataset import read
from mmbench.data.table import families, manifest
from mmbench.data.table.card import FILE, load_card
from mmbench.data.table.table import Table
from mmbench.errors import UserError

SIZES = {"train": 12, "dev": 4, "test": 5}


def table_of(start: int, count: int, *, labels: bool = True) -> list[dict[str, Any]]:
    """Samples with a text and a label, numbered on from `start`."""
    texts = [f"these are plain words {i}" for i in range(start, start + count)]
    return [
        {"name": f"s{start + i}", "text": t} | ({"label": "ab"[i % 2]} if labels else {}) for i, t in enumerate(texts)
    ]


def write(file: Path, samples: list[dict[str, Any]]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.suffix == ".jsonl":
        file.write_text("".join(json.dumps(s) + "\n" for s in samples), encoding="utf-8")
    elif file.suffix == ".json":
        file.write_text(json.dumps(samples), encoding="utf-8")
    elif file.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(samples), file)
    else:
        pd.DataFrame(samples).to_csv(file, index=False, sep="\t" if file.suffix == ".tsv" else ",")


def taken(folder: Path) -> tuple[Draft, Table]:
    """The draft for a folder, and the samples that its card reads."""
    made = draft(folder, root=".")
    (folder / FILE).write_text(made.card, encoding="utf-8")
    if made.manifest is not None:
        (folder / "manifest.csv").write_text(made.manifest, encoding="utf-8")
    return made, manifest.table(load_card(folder), folder)


def sizes(table: Table) -> dict[str, int]:
    return dict(Counter(table.split or ()))


@pytest.mark.parametrize("name", ["{}.jsonl", "{}.csv", "{}.tsv", "{}.parquet", "{}.json", "my_{}.csv", "{}-data.tsv"])
def test_a_table_for_each_split_keeps_the_splits(tmp_path: Path, name: str) -> None:
    start = 0
    for split, count in SIZES.items():
        write(tmp_path / name.format(split), table_of(start, count))
        start += count
    made, table = taken(tmp_path)
    assert sizes(table) == {"train": 12, "validation": 4, "test": 5}
    assert made.samples == len(table) == 21
    assert [table.modalities["text"].cells[i] for i in (0, 12, 16)] == [
        f"these are plain words {i}" for i in (0, 12, 16)
    ]
    last = name.format("test")
    number = 5 + (last.endswith(("csv", "tsv")))
    assert table.places[20] == f"{last} row {number}"
    assert any("3 tables are read as one" in said for said in made.unsure)


def test_shards_are_read_together_and_a_gap_is_told(tmp_path: Path) -> None:
    for i in range(3):
        write(tmp_path / f"train-{i:05}-of-00003.parquet", table_of(4 * i, 4))
    made, table = taken(tmp_path)
    assert (len(table), table.split) == (12, None)
    assert not any("shards" in said for said in made.unsure)
    (tmp_path / "train-00001-of-00003.parquet").unlink()
    made, table = taken(tmp_path)
    assert len(table) == 8
    assert any("train has 2 of 3 shards" in said for said in made.unsure)


def test_shards_of_several_splits_below_a_folder(tmp_path: Path) -> None:
    for i in range(2):
        write(tmp_path / f"data/train-{i:05}-of-00002.parquet", table_of(6 * i, 6))
    write(tmp_path / "data/test-00000-of-00001.parquet", table_of(20, 5))
    made, table = taken(tmp_path)
    assert sizes(table) == {"train": 12, "test": 5}
    assert yaml.safe_load(made.card)["manifest"] == {
        "train": ["data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet"],
        "test": "data/test-00000-of-00001.parquet",
    }


def test_numbered_tables_are_parts_unless_they_hold_the_same_samples(tmp_path: Path) -> None:
    for i in range(2):
        write(tmp_path / f"parts/part_{i}.csv", table_of(4 * i, 4))
        write(tmp_path / f"raters/rater{i}.csv", table_of(0, 4 + i))
    assert len(taken(tmp_path / "parts")[1]) == 8
    made, table = taken(tmp_path / "raters")
    assert len(table) == 5
    assert any("rater1.csv is taken as the manifest, not rater0.csv" in said for said in made.unsure)


def picture(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"a picture")


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_metadata_in_the_folders_of_splits(tmp_path: Path, suffix: str) -> None:
    for split, count in (("train", 6), ("test", 4)):
        samples = [{"file_name": f"{i}.png", "label": "ab"[i % 2]} for i in range(count)]
        for i in range(count):
            picture(tmp_path / split / f"{i}.png")
        write(tmp_path / split / f"metadata.{suffix}", samples)
    _, table = taken(tmp_path)
    assert sizes(table) == {"train": 6, "test": 4}
    names = [cell.name for cell in table.modalities["file_name"].cells]  # type: ignore[union-attr]
    assert (names[0], names[6]) == ("train/0.png", "test/0.png")


def test_splits_that_only_the_folders_of_files_name(tmp_path: Path) -> None:
    paths = [f"{split}/{i}.png" for split in ("train", "test") for i in range(6)]
    for path in paths:
        picture(tmp_path / path)
    write(tmp_path / "metadata.csv", [{"file_name": p, "label": "ab"[i % 2]} for i, p in enumerate(paths)])
    assert sizes(taken(tmp_path)[1]) == {"train": 6, "test": 6}


@pytest.mark.parametrize("hidden", [None, -1])
def test_a_test_without_labels_is_left_out_and_told(tmp_path: Path, hidden: int | None) -> None:
    for start, (split, count) in zip((0, 20, 30), SIZES.items(), strict=True):
        samples = table_of(start, count, labels=split != "test" or hidden is not None)
        if hidden is not None:
            samples = [s | {"label": i % 2 if split != "test" else hidden} for i, s in enumerate(samples)]
        write(tmp_path / f"{split}.jsonl", samples)
    made, table = taken(tmp_path)
    assert sizes(table) == {"train": 12, "test": 4}
    (said,) = [s for s in made.unsure if "left out" in s]
    assert said.startswith("test.jsonl has no label and is left out; dev.jsonl is the test in its place")


def test_another_table_is_no_part(tmp_path: Path) -> None:
    write(tmp_path / "train.csv", table_of(0, 12))
    write(tmp_path / "test.csv", [{"query": 1, "answer_key": "x"}])
    write(tmp_path / "sample_submission.csv", [{"name": "s1", "label": "a"}])
    made, table = taken(tmp_path)
    assert (len(table), table.split) == (12, None)
    (said,) = [s for s in made.unsure if "taken as the manifest" in s]
    assert "test.csv" in said and "sample_submission.csv" in said


def card_for(folder: Path, **said: Any) -> None:
    card = {"columns": {"text": "text"}, "target": {"classification": "label"}} | said
    (folder / FILE).write_text(yaml.safe_dump(card, sort_keys=False), encoding="utf-8")


def test_check_tells_tables_that_a_card_does_not_read(tmp_path: Path) -> None:
    folder = tmp_path / "own"
    for start, (split, count) in zip((0, 20, 30), SIZES.items(), strict=True):
        write(folder / f"{split}.jsonl", table_of(start, count))
    card_for(folder, manifest="train.jsonl")
    (said,) = [n for n in checking.check(read("own", tmp_path)).notes if "not read" in n]
    assert said.startswith("dev.jsonl, test.jsonl are tables beside train.jsonl and not read")
    assert "`manifest: {train: train.jsonl, validation: dev.jsonl, test: test.jsonl}`" in said
    card_for(folder, manifest={"train": "train.jsonl", "dev": "dev.jsonl", "test": "test.jsonl"})
    checked = checking.check(read("own", tmp_path))
    assert not [n for n in checked.notes if "not read" in n or "in no row" in n]
    assert len(checked.survey.places) == 21


def test_problems_are_told_with_their_table(tmp_path: Path) -> None:
    write(tmp_path / "train.csv", table_of(0, 4))
    write(tmp_path / "test.csv", [*table_of(2, 2), {"name": "s9", "text": "x y z", "label": None}])
    card_for(tmp_path, manifest={"train": "train.csv", "test": "test.csv"}, id="name")
    with pytest.raises(DataError) as caught:
        manifest.table(load_card(tmp_path), tmp_path)
    assert [str(p) for p in caught.value.problems] == [
        "test.csv row 2, name (s2): this identifier stands in train.csv row 4 too",
        "test.csv row 3, name (s3): this identifier stands in train.csv row 5 too",
        "test.csv row 4, label: the target is missing; every sample needs one",
    ]


def test_a_split_table_without_the_target_is_told_once(tmp_path: Path) -> None:
    write(tmp_path / "train.csv", table_of(0, 4))
    write(tmp_path / "test.csv", table_of(4, 40, labels=False))
    card_for(tmp_path, manifest={"train": "train.csv", "test": "test.csv"})
    with pytest.raises(DataError) as caught:
        manifest.table(load_card(tmp_path), tmp_path)
    (problem,) = caught.value.problems
    assert str(problem).startswith(
        "test.csv row 1: no column 'label', which dataset.yaml names (target: classification)"
    )


def test_a_modality_that_one_table_lacks_is_noted(tmp_path: Path) -> None:
    write(tmp_path / "train.csv", [s | {"remark": "a b c"} for s in table_of(0, 4)])
    write(tmp_path / "test.csv", table_of(4, 4))
    columns = {"text": "text", "remark": "text"}
    card_for(tmp_path, manifest={"train": "train.csv", "test": "test.csv"}, columns=columns)
    table = manifest.table(load_card(tmp_path), tmp_path)
    assert [c is None for c in table.modalities["remark"].cells] == [False] * 4 + [True] * 4
    assert table.notes == ("test.csv: no column 'remark'; it is missing in all samples there",)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"manifest": {"trian": "a.csv"}}, "'trian' is no split"),
        ({"manifest": ["a.csv", "a.csv"]}, "names 'a.csv' twice"),
        ({"manifest": {"train": "a.csv", "test": "b.csv"}, "split": "fold"}, "leave out `split`"),
        ({"manifest": []}, "manifest"),
        ({"manifest": "a.parquet", "header": False}, "`header` is for a .csv"),
    ],
)
def test_cards_that_cannot_be_meant(tmp_path: Path, said: dict[str, Any], expected: str) -> None:
    card_for(tmp_path, **said)
    with pytest.raises(UserError) as caught:
        load_card(tmp_path)
    assert expected in str(caught.value)


@pytest.mark.parametrize(
    ("file", "base", "split", "shard", "of"),
    [
        ("train-00001-of-00003.parquet", (".parquet",), "train", 1, 3),
        ("data/Validation-00000-of-00001.parquet", ("data", ".parquet"), "validation", 0, 1),
        ("my_dev.v2.csv", ("my", "v", ".csv"), "validation", 2, -1),
        ("test/metadata.csv", ("metadata", ".csv"), "test", -1, -1),
        ("train_test.csv", ("train", "test", ".csv"), "", -1, -1),
        ("items.csv.gz", ("items", ".csv.gz"), "", -1, -1),
    ],
)
def test_names_of_tables(file: str, base: tuple[str, ...], split: str, shard: int, of: int) -> None:
    assert families.parse(file) == families.Name(file=file, base=base, split=split, shard=shard, of=of)
