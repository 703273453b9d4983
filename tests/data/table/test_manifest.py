"""A person's own table: what it means, and what is wrong with it, row by row."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from mmbench.data.files.problems import DataError
from mmbench.data.files.source import Source
from mmbench.data.table import manifest
from mmbench.data.table.card import FILE, load_card
from mmbench.data.table.cells import TEXT_BYTES
from mmbench.data.table.table import Table
from mmbench.errors import UserError

PLACE = re.compile(r"\b(row|line) \d+")
CARD: dict[str, Any] = {
    "manifest": "manifest.csv",
    "columns": {"photo": "image", "said": {"text": {"column": "caption"}}, "signal": {"vector": {"prefix": "f"}}},
    "target": {"classification": "label"},
}
AFFECT = {"regression": {"columns": ["f0"], "affect": True}}
TEXTS: dict[str, Any] = {
    "manifest": "manifest.csv",
    "columns": {"t": "text"},
    "target": {"classification": "y"},
    "splits": {"validation": 0.2, "test": 0.2},
}
HEADER = "photo,caption,f0,f1,label\n"
GOOD = HEADER + "1.png,one two,0.5,1,cat\n2.png,,,,dog\n,three,1e3,-2,cat\n"


def folder_with(folder: Path, table: str | bytes, card: dict[str, Any] | None = None, **changes: Any) -> Path:
    """A data set of two pictures with this table and card."""
    folder.mkdir(exist_ok=True)
    for name in ("1.png", "2.png"):
        (folder / name).write_bytes(b"a picture")
    said = (card or CARD) | changes
    (folder / FILE).write_text(yaml.safe_dump(said), encoding="utf-8")
    (folder / said["manifest"]).write_bytes(table.encode() if isinstance(table, str) else table)
    return folder


def read(folder: Path) -> Table:
    return manifest.table(load_card(folder), folder)


def problems(folder: Path) -> list[str]:
    with pytest.raises(DataError) as caught:
        read(folder)
    return [str(p) for p in caught.value.problems]


def test_columns_become_modalities(tmp_path: Path) -> None:
    table = read(folder_with(tmp_path / "d", GOOD))
    assert list(table.places) == ["manifest.csv row 2", "manifest.csv row 3", "manifest.csv row 4"]
    photo, said, signal = (table.modalities[m] for m in ("photo", "said", "signal"))
    assert [None if c is None else c.name for c in photo.cells if c is None or isinstance(c, Source)] == [
        "1.png",
        "2.png",
        None,
    ]
    assert list(said.cells) == ["one two", None, "three"]
    assert signal.cells[1] is None
    np.testing.assert_array_equal(np.stack([signal.cells[0], signal.cells[2]]), [[0.5, 1], [1000, -2]])
    assert table.task.targets == ("cat", "dog")
    assert (table.labels.tolist(), table.labels.dtype) == ([0, 1, 0], np.int64)
    assert table.split is None
    assert table.group is None


@pytest.mark.parametrize("suffix", ["csv", "parquet", "jsonl", "csv.gz"])
def test_every_format_means_the_same(tmp_path: Path, suffix: str) -> None:
    frame = pd.DataFrame(
        {"photo": ["1.png", "2.png", None], "caption": ["one", None, "three"], "f0": [0.5, 1, 2], "f1": [1.0, 2, 3]}
    )
    frame["label"], frame["fold"] = [3, 20, 3], ["train", "dev", "TEST"]
    folder = folder_with(tmp_path / "d", "", manifest=f"m.{suffix}", split="fold")
    file = folder / f"m.{suffix}"
    if suffix == "parquet":
        frame.to_parquet(file)
    elif suffix == "jsonl":
        frame.to_json(file, orient="records", lines=True)
    else:
        frame.to_csv(file, index=False)
    table = read(folder)
    assert list(table.modalities["said"].cells) == ["one", None, "three"]
    assert table.modalities["photo"].cells[2] is None
    assert table.task.targets == ("3", "20")
    assert table.labels.tolist() == [0, 1, 0]
    assert table.split is not None
    assert list(table.split) == ["train", "validation", "test"]
    assert table.places[0] == f"m.{suffix} row {1 if suffix in ('parquet', 'jsonl') else 2}"


def test_lists_in_a_table_are_numbers(tmp_path: Path) -> None:
    card = {"columns": {"v": "vector", "s": "sequence"}, "target": {"multilabel": "tags"}, "manifest": "m.parquet"}
    folder = folder_with(tmp_path / "d", "", card)
    columns = {"v": [[1.0, 2.0], None], "s": [[[1.0], [2.0]], [[3.0]]], "tags": [["b", "a"], []]}
    pq.write_table(pa.table(columns), folder / "m.parquet")
    table = read(folder)
    np.testing.assert_array_equal(table.modalities["v"].cells[0], [1, 2])
    assert table.modalities["v"].cells[1] is None
    assert [c.shape for c in table.modalities["s"].cells if isinstance(c, np.ndarray)] == [(2, 1), (1, 1)]
    assert table.task.targets == ("a", "b")
    assert table.labels.tolist() == [[1, 1], [0, 0]]


@pytest.mark.parametrize(
    "text",
    [
        "\ufeff" + GOOD,
        GOOD.replace("\n", "\r\n"),
        GOOD.replace(",", ";"),
        GOOD.replace(",", "\t"),
        GOOD + ",,,,\n\n",
        GOOD.replace("one two", '"one two"'),
    ],
    ids=["BOM", "CRLF", "semicolons", "tabs", "blank rows", "quotes"],
)
def test_what_spreadsheets_write(tmp_path: Path, text: str) -> None:
    table = read(folder_with(tmp_path / "d", text))
    assert len(table) == 3
    assert table.modalities["said"].cells[0] == "one two"


def test_rows_are_counted_as_a_spreadsheet_counts_them(tmp_path: Path) -> None:
    text = HEADER + '1.png,"two\nlines, one text",1,2,cat\n\n2.png,x,1,2,dog\nno.png,x,1,2,dog\n'
    (found,) = problems(folder_with(tmp_path / "d", text))
    assert found.startswith("manifest.csv row 5, photo (no.png): ")


TARGETS: list[tuple[dict[str, Any], list[str], tuple[str, ...], list[Any]]] = [
    ({"classification": "y"}, ["10", "9", "10"], ("9", "10"), [1, 0, 1]),
    ({"classification": "y"}, ["1.0", "2.0", "1.0"], ("1", "2"), [0, 1, 0]),
    ({"binary": "y"}, ["no", "yes", "no"], ("no", "yes"), [0, 1, 0]),
    ({"binary": {"column": "y", "positive": "ham"}}, ["ham", "spam", "ham"], ("spam", "ham"), [1, 0, 1]),
    ({"binary": {"column": "y", "positive": True}}, ["Yes", "No", "No"], ("No", "Yes"), [1, 0, 0]),
    ({"binary": {"column": "y", "positive": 0}}, ["0", "1", "1"], ("1", "0"), [1, 0, 0]),
    ({"multilabel": "y"}, ["b|a", "", "a"], ("a", "b"), [[1, 1], [0, 0], [1, 0]]),
    (
        {"multilabel": {"column": "y", "separator": ";"}},
        ["b;a", "c", "a"],
        ("a", "b", "c"),
        [[1, 1, 0], [0, 0, 1], [1, 0, 0]],
    ),
    ({"multilabel": ["y", "z"]}, ["1", "0", "0"], ("y", "z"), [[1, 0], [0, 1], [0, 1]]),
    ({"regression": "y"}, ["1", "-2.5", "1e3"], ("y",), [[1], [-2.5], [1000]]),
    ({"regression": {"columns": ["y", "w"]}}, ["1", "2", "3"], ("y", "w"), [[1, 0.5], [2, 1.5], [3, 2.5]]),
]


@pytest.mark.parametrize(("target", "values", "names", "labels"), TARGETS)
def test_every_type_of_target(
    tmp_path: Path, target: dict[str, Any], values: list[str], names: tuple[str, ...], labels: list[Any]
) -> None:
    rows = "".join(f"text,{v},{i != 0:d},{i + 0.5}\n" for i, v in enumerate(values))
    card = {"manifest": "m.csv", "columns": {"t": "text"}, "target": target}
    table = read(folder_with(tmp_path / "d", "t,y,z,w\n" + rows, card))
    assert table.task.targets == names
    assert table.labels.tolist() == labels
    assert table.task.kind == next(iter(target))


def test_group_split_and_metric(tmp_path: Path) -> None:
    text = "photo,label,who,part\n1.png,a,7,training\n2.png,b,7,\n1.png,b,8,Val\n"
    changes = {"columns": {"photo": "image"}, "group": "who", "split": "part", "metric": "macro_f1"}
    table = read(folder_with(tmp_path / "d", text, **changes))
    assert list(table.split or ()) == ["train", "", "validation"]
    assert list(table.group or ()) == ["7", "7", "8"]
    assert table.task.metric == "macro_f1"


WRONG: list[tuple[str, str, dict[str, Any]]] = [
    ("", r"row 1: .*is empty", {}),
    (HEADER, r"row 1: there are no samples", {}),
    (GOOD.replace("caption", "capton"), r"row 1: no column 'caption'.*did you mean 'capton'\?", {}),
    (GOOD.replace("f0", "x0").replace("f1", "x1"), r"row 1: no column begins with 'f'", {}),
    (GOOD.replace("caption", "label"), r"row 1, label: 2 columns are named so", {}),
    (GOOD + "1.png,x,1,cat\n", r"row 5: has 4 fields, the header 5", {}),
    (GOOD + '1.png,"x,1,2,cat\n', r"row 5: cannot be read as CSV", {}),
    (GOOD + "no.png,x,1,2,cat\n", r"row 5, photo \(no.png\): 'no.png' is missing", {}),
    (GOOD + "1.jpg,x,1,2,cat\n", r"row 5, photo \(1.jpg\): .*did you mean '1.png'\?", {}),
    (GOOD + "../1.png,x,1,2,cat\n", r"row 5, photo \(../1.png\): .*leads out", {}),
    (GOOD + "/etc/passwd,x,1,2,cat\n", r"row 5, photo \(/etc/passwd\): .*absolute", {}),
    (GOOD + "link.png,x,1,2,cat\n", r"row 5, photo \(link.png\): .*symbolic link", {}),
    (GOOD + "http://x.org/1.png,x,1,2,cat\n", r"row 5, photo .*: is an address; download it", {}),
    (GOOD + "zero.png,x,1,2,cat\n", r"row 5, photo \(zero.png\): .*empty", {}),
    (GOOD + "1.png,x,one,2,cat\n", r"row 5, f0 \(one\): is no \(finite\) number", {}),
    (GOOD + "1.png,x,nan,2,cat\n", r"row 5, f0 \(nan\): is no \(finite\) number", {}),
    (GOOD + "1.png,x,1e99,2,cat\n", r"row 5, f0 \(1e99\): is no \(finite\) number", {}),
    (GOOD + "1.png,x,,2,cat\n", r"row 5, signal: 1 of 2 numbers are missing \(f0\)", {}),
    (GOOD + "1.png,x,1,2,\n", r"row 5, label: the target is missing", {}),
    (GOOD.replace("dog", "cat"), r"row 1, label: every sample has the class 'cat'", {}),
    (GOOD.replace("cat\n", "cow\n", 1), r"row 1, label: 3 classes for 3 samples", {}),
    (GOOD, r"row 1, label: the values are 'cat' and 'dog'; .* which is positive", {"target": {"binary": "label"}}),
    (GOOD, r"row 2, label \(cat\): is no \(finite\) number", {"target": {"regression": "label"}}),
    (GOOD.replace("1e3", '"3,5"'), r"row 4, f0 \(3,5\): .*; write 3.5", {"target": {"regression": "f0"}}),
    (GOOD, r"row 1, label: .*'mae', is none of a classification task", {"metric": "mae"}),
    (GOOD, r"row 1, label: .*'loss', is none of a classification task.*cannot lead", {"metric": "loss"}),
    (GOOD, r"row 1, f0: .*one column|row 3, f0: is empty", {"target": {"multilabel": ["f0", "f1"]}}),
    (GOOD, r"row 2, caption \(one two\): is no split", {"split": "caption", "columns": {"photo": "image"}}),
    (GOOD, r"row 3, caption: has no group", {"group": "caption", "columns": {"photo": "image"}}),
    (
        GOOD.replace("2.png,,", "2.png,other,").replace(",three,", "1.png,one two,"),
        r"row 4, caption \(one two\): this identifier stands in row 2 too",
        {"id": "caption", "columns": {"photo": "image"}},
    ),
    (GOOD.replace("dog", "Cat"), ".*two spellings of one class", {}),
    (GOOD.replace("dog", "c\u200bat"), ".*two spellings of one class", {}),
    (GOOD.replace("dog", "nan"), r".*label \(nan\): means a missing value", {}),
    (GOOD.replace("dog", "d\x07og"), ".*has a control character", {}),
    (GOOD.replace("dog", "cat"), ".*every sample has the same labels", {"target": {"multilabel": "label"}}),
    (
        GOOD.replace("1e3", "9").replace("2.png,,,,", "2.png,,0,1,"),
        r".*row 4, f0 \(9\): `affect`",
        {"target": {"regression": {"columns": ["f0"], "affect": True}}},
    ),
    (GOOD, r"row 1: no column 'nmae', which dataset.yaml names \(id\)", {"id": "nmae"}),
]


@pytest.mark.parametrize(("text", "expected", "changes"), WRONG)
def test_what_is_wrong_is_told_with_its_row(tmp_path: Path, text: str, expected: str, changes: dict[str, Any]) -> None:
    folder = folder_with(tmp_path / "d", text, **changes)
    (tmp_path / "secret").write_text("secret")
    (folder / "link.png").symlink_to(tmp_path / "secret")
    (folder / "zero.png").touch()
    found = problems(folder)
    assert any(re.match(rf"manifest.csv ({expected})", p) for p in found), found
    assert all(PLACE.search(p) for p in found)


def test_all_problems_are_told_at_once_and_in_order(tmp_path: Path) -> None:
    text = HEADER + "1.png,x,1,2,cat\nno.png,x,a,2,\n1.png,x,1\n../1.png,x,1,2,dog\n"
    found = problems(folder_with(tmp_path / "d", text, split="fold"))
    rows = [int(re.search(r"row (\d+)", p)[1]) for p in found]  # type: ignore[index]
    assert rows == [1, 3, 3, 3, 4, 5]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (
            GOOD.encode() + "1.png,caf\u00e9,1,2,cat\n".encode("latin-1"),
            r"manifest.csv line 5: is not UTF-8 \(byte 0xe9",
        ),
        (GOOD.encode("utf-16"), r"manifest.csv row 1: is UTF-16"),
        (GOOD.replace("one two", "a\0b").encode(), r"manifest.csv row 2, caption: holds a zero byte"),
    ],
)
def test_bytes_that_are_no_text(tmp_path: Path, data: bytes, expected: str) -> None:
    assert any(re.match(expected, p) for p in problems(folder_with(tmp_path / "d", data)))


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("{", "m.jsonl row 3: is not JSON"),
        ("[1]", "m.jsonl row 3: is no sample"),
        ('{"t": 1, "t": 2}', "m.jsonl row 3: 't' stands twice"),
        ("[" * 100_000, "m.jsonl row 3: is not JSON"),
        ('{"t": "x", "y": "\\ud800"}', "m.jsonl row 3, y: holds a zero byte or half a character"),
        ('{"t": [1], "y": "a"}', "m.jsonl row 3, t: is a list, not a text"),
        ('{"t": "x", "y": {"a": 1}}', "m.jsonl row 3, y: a target is one value, not a dict"),
        ('{"t": "x", "y": NaN}', "m.jsonl row 3, y (nan): is no class"),
        ('{"t": "x", "y": ' + "9" * 5000 + "}", "m.jsonl row 3: is not JSON"),
    ],
)
def test_lines_that_are_no_samples(tmp_path: Path, line: str, expected: str) -> None:
    card = {"manifest": "m.jsonl", "columns": {"t": "text"}, "target": {"classification": "y"}}
    text = '{"t": "x", "y": "a"}\n{"t": "z", "y": "b"}\n' + line + "\n"
    found = problems(folder_with(tmp_path / "d", text, card))
    assert any(p.startswith(expected) for p in found), found


def test_files_may_be_members_of_an_archive(tmp_path: Path) -> None:
    folder = folder_with(tmp_path / "d", HEADER + "all.zip/in/1.png,x,1,2,cat\nall.zip/in/1.png,x,1,2,dog\n")
    with zipfile.ZipFile(folder / "all.zip", "w") as archive:
        archive.writestr("in/1.png", "a picture")
    source = read(folder).modalities["photo"].cells[0]
    assert isinstance(source, Source)
    assert source.read() == b"a picture"
    with zipfile.ZipFile(folder / "all.zip", "a") as archive:
        archive.writestr("../2.png", "outside")
    assert ["leads out" in p for p in problems(folder)] == [True, True]


def test_texts_may_be_files(tmp_path: Path) -> None:
    folder = folder_with(
        tmp_path / "d", "t,y\n1.txt,a\n2.txt,b\n3.txt,b\n,a\n4.txt,a\n", columns={"t": {"text": {"files": True}}}
    )
    (folder / FILE).write_text((folder / FILE).read_text().replace("classification: label", "classification: y"))
    (folder / "1.txt").write_text("\ufeffone\n", encoding="utf-8")
    (folder / "2.txt").write_bytes(b"\xff\xfe")
    (folder / "3.txt").write_text(" \n")
    (folder / "4.txt").write_text("x" * (TEXT_BYTES + 1))
    found = problems(folder)
    assert [re.sub(r".*row (\d), t .*: (is|holds)", r"\1 \2", p) for p in found if "row 5" not in p] == [
        "3 is not UTF-8 (byte 0xff at 0)",
        "4 holds no text",
        "6 is longer than 1 MiB, too long for one text",
    ]
    (folder / "manifest.csv").write_text("t,y\n1.txt,a\n1.txt,b\n,a\n")
    assert len(read(folder)) == 2


def test_rows_that_lack_every_modality_are_left_out_and_told(tmp_path: Path) -> None:
    # Nothing else of such a row matters either: its label may be one of its own.
    table = read(folder_with(tmp_path / "d", GOOD + ",,,,cat\n1.png,x,1,2,cat\n,,,,cow\n"))
    assert list(table.places) == [f"manifest.csv row {n}" for n in (2, 3, 4, 6)]
    assert table.task.targets == ("cat", "dog")
    assert table.notes == ("2 rows of manifest.csv left out, every modality of which is missing: 5, 7",)
    assert [c is None for c in table.modalities["photo"].cells] == [False, False, True, False]
    assert read(folder_with(tmp_path / "d", GOOD)).notes == ()
    assert any(
        "no sample has this modality" in p for p in problems(folder_with(tmp_path / "d", HEADER + ",,,,cat\n" * 4))
    )


def test_root_may_lie_outside_and_nothing_outside_it_is_read(tmp_path: Path) -> None:
    files = tmp_path / "elsewhere"
    folder = folder_with(tmp_path / "d", HEADER + "a/1.png,x,1,2,cat\na/1.png,x,1,2,dog\n", root=str(files))
    with pytest.raises(UserError, match=r"root: .* is no folder"):
        read(folder)
    (files / "a").mkdir(parents=True)
    (files / "a" / "1.png").write_bytes(b"a picture")
    assert len(read(folder)) == 2
    (folder / "manifest.csv").write_text(HEADER + "a/1.png,x,1,2,cat\n../d/1.png,x,1,2,dog\n1.png,x,1,2,dog\n")
    assert [re.search(r"row \d", p)[0] for p in problems(folder)] == ["row 3", "row 4"]  # type: ignore[index]
    (folder / "manifest.csv").rename(files / "manifest.csv")
    (files / "manifest.csv").write_text(HEADER + "a/1.png,x,1,2,cat\na/1.png,x,1,2,dog\n")
    assert len(read(folder)) == 2
    (files / "manifest.csv").unlink()
    assert "looked for beside the card and in" in problems(folder)[0]


def test_a_name_for_a_terminal_is_harmless(tmp_path: Path) -> None:
    (found,) = problems(folder_with(tmp_path / "d", GOOD + "\x1b[2Jno.png,x,1,2,cat\n"))
    assert "\x1b" not in found
    assert "row 5, photo" in found


def test_names_of_files_that_are_read_as_texts_are_told(tmp_path: Path) -> None:
    rows = "t,y\n1.txt,a\n2.txt,b\n1.txt,a\n2.txt,b\n"
    for name in ("1.txt", "2.txt"):
        (folder_with(tmp_path / "d", rows, TEXTS) / name).write_text(f"words of {name}", encoding="utf-8")
    (note,) = [n for n in read(tmp_path / "d").notes if "names of files" in n]
    assert note.startswith("t: ") and "`{text: {files: true}}`" in note
    files = TEXTS | {"columns": {"t": {"text": {"files": True}}}}
    long = rows.replace("2.txt", "long" * 999 + ".x")
    for table, card in ((rows, files), (long, TEXTS)):
        sound = folder_with(tmp_path / "d", table, card)
        assert not [n for n in read(sound).notes if "names of files" in n]
