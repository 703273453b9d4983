"""Forms of tables that people bring: without a header, with comments, as JSON, with names in another Unicode form."""

from __future__ import annotations

import io
import json
import unicodedata
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mmbench.data.draft.join_files import join
from mmbench.data.files.problems import DataError
from mmbench.data.files.source import Root
from mmbench.data.files.unlisted_files import unnamed
from mmbench.data.table import rows
from mmbench.data.table.rows import Rows

from .test_words import problems
from .test_words import read as table_of


def read(text: str, name: str = "m.csv", header: bool | None = None) -> Rows:
    found = rows.read(name, io.BytesIO(text.encode()), header=header)
    assert not found.findings.problems()
    return found


def test_rows_without_a_value_are_told_and_empty_lines_are_not() -> None:
    found = read("text,label\na dog,1\n\n , \na cat,0\n\n")
    assert found.numbers == [2, 5]
    assert found.findings.notes == ["m.csv: every field is empty in row 4; left out"]
    assert read("text,label\na,1\n" + ",\n" * 9).findings.notes == [
        "m.csv: every field is empty in rows 3, 4, 5, …; left out"
    ]
    assert not read("text,label\na dog,1\n\n").findings.notes


HEADLESS = [
    "".join(f"clip{i}.mp4,{'ab'[i % 2]} dog\n" for i in range(6)),
    "".join(f"/data/{i}.wav;{i % 2}\n" for i in range(6)),
    "".join(f"---g-f_{i},{i},{('people marching', 'air horn')[i % 2]},{('train', 'test')[i % 2]}\n" for i in range(8)),
    "".join(f"{5.1 + i % 3},{3.5 - i % 2},0.2,{('setosa', 'virginica')[i % 2]}\n" for i in range(8)),
    "".join(f"{i % 3 + 0.5},{-i},{i % 2}\n" for i in range(8)),
    "".join(f"{i + 3},{i % 2}\n" for i in range(8)),
    "".join(f"an opinion on film {i},{i % 2}\n" for i in range(8)),
    "".join(f"an opinion on film {i},{i * 0.37 + 0.1}\n" for i in range(8)),
]


@pytest.mark.parametrize(
    "text", HEADLESS, ids=["file", "path", "words", "iris", "numbers", "two", "text and 0", "text and measure"]
)
def test_a_table_without_header_loses_no_sample(tmp_path: Path, text: str) -> None:
    found = read(text)
    assert found.headless
    assert len(found) == text.count("\n")
    assert found.numbers[0] == 1
    assert list(found.columns)[:2] == ["column_1", "column_2"]
    assert read(text, header=False).columns == found.columns
    columns = {"t": {"text": {"column": "column_1"}}}
    last = f"column_{len(found.columns)}"
    (told,) = problems(tmp_path / "d", text, columns=columns, target={"classification": last})
    assert told.startswith("m.csv row 1: the first line looks like a sample and not like a header")
    assert "Write `header: false`" in told


HEADED = [
    "photo,label\n" + "".join(f"{i}.png,{'ab'[i % 2]}\n" for i in range(6)),
    "0,1,2,3\n" + "0.5,1,2,3\n" * 6,
    "350.0,352.5,355.0\n" + "0.5,1,2\n" * 6,
    "label,text\n" + "label,a text\nother,text\n" * 4,
    "a,b\n" + "1,2\n" * 6,
    "town,2019,2020\n" + "Bern,1,2.5\nUlm,2,1.5\n" * 3,
    "2020,2019,2018\n" + "0.5,1,2\n" * 6,
    "who,0.25,0.5,0.75\n" + "x,0.5,1,2\n" * 6,
    "0,1\n" + "0,1\n1,0\n" * 3,
    "left.png,label\n" + "x,1\n" * 6,
    "thing,kind\n" + "".join(f"thing {i},kind {i}\n" for i in range(6)),
]


@pytest.mark.parametrize("text", HEADED)
def test_a_header_stays_one(text: str) -> None:
    found = read(text)
    assert not found.headless
    assert list(found.columns) == text.split("\n")[0].split(",")
    assert len(found) == text.count("\n") - 1
    assert not found.findings.notes


AUDIOSET = (
    "# Segments csv\n# num_ytids=2, num_segs=2\n# YTID, start_seconds, positive_labels\n"
    '--4gqARaEJE, 0.000, "/m/068hy,/m/07q6cd_"\n--BfvyPmVMo, 20.000, "/m/03l9g"\n'
)
COMMENTED = [
    (AUDIOSET, ["YTID", "start_seconds", "positive_labels"], ["--4gqARaEJE", "0.000", "/m/068hy,/m/07q6cd_"], [4, 5]),
    ("# made by hand\na,b\n1,x\n\n2,y\n", ["a", "b"], ["1", "x"], [3, 5]),
    ("# made in 2020, by hand\nimage,label\n1.png,x\n2.png,y\n", ["image", "label"], ["1.png", "x"], [3, 4]),
    ("#id,label\n1,x\n2,y\n", ["#id", "label"], ["1", "x"], [2, 3]),
    ("sep=;\r\na;b\r\n1;x\r\n2;y\r\n", ["a", "b"], ["1", "x"], [3, 4]),
    ('a, b\n"1, 2", "x ""y"", z"\n3, w\n', ["a", "b"], ["1, 2", 'x "y", z'], [2, 3]),
    ("a|b\n1|x, y\n2|z\n", ["a", "b"], ["1", "x, y"], [2, 3]),
    ('a,b\n1, "so" it was said\n2,z\n', ["a", "b"], ["1", '"so" it was said'], [2, 3]),
]


@pytest.mark.parametrize(("text", "names", "first", "numbers"), COMMENTED)
def test_comments_blanks_and_marks(text: str, names: list[str], first: list[str], numbers: list[int]) -> None:
    found = read(text)
    assert list(found.columns) == names
    assert [values[0] for values in found.columns.values()] == first
    assert found.numbers == numbers


def test_a_header_that_comes_again_is_no_sample() -> None:
    found = read("a,b\n1,x\na,b\n2,y\n")
    assert found.columns == {"a": ["1", "2"], "b": ["x", "y"]}
    assert found.findings.notes == ["m.csv: row 3 repeats the header and is passed over"]


def test_rows_that_all_differ_from_the_header_are_told_once() -> None:
    found = rows.read("m.csv", io.BytesIO(b"a table of mine\n" + b"1,2,3\n" * 40))
    (told,) = found.findings.problems()
    assert str(told).startswith("m.csv row 1: the header (a table of mine) has 1 fields, but every row 3")


RECORDS = [{"p": "1.png", "y": "a", "m": {"age": 3, "who": {"name": "x"}}}, {"p": "2.png", "y": "b", "m": {"age": 4}}]
DOCUMENTS: list[tuple[str, Any]] = [
    ("m.json", RECORDS),
    ("m.json", {"info": {"by": "me"}, "data": RECORDS}),
    (
        "m.json",
        {
            "p": {"0": "1.png", "1": "2.png"},
            "y": {"0": "a", "1": "b"},
            "m": dict(zip("01", (r["m"] for r in RECORDS), strict=True)),
        },
    ),
    ("m.json", {"p": ["1.png", "2.png"], "y": ["a", "b"], "m": [r["m"] for r in RECORDS]}),
    ("m.json", {"first": RECORDS[0], "second": RECORDS[1]}),
    ("m.jsonl", RECORDS),
]


@pytest.mark.parametrize(("name", "document"), DOCUMENTS)
def test_documents_of_records(name: str, document: Any) -> None:
    found = read(json.dumps(document, indent=1), name)
    assert found.columns["p"] == ["1.png", "2.png"]
    assert found.columns["y"] == ["a", "b"]
    assert found.columns["m.age"] == [3, 4]
    assert found.columns["m.who.name"] == ["x", None]
    assert found.numbers == [1, 2]


def test_lines_in_a_file_called_json() -> None:
    assert read("".join(json.dumps(r) + "\n" for r in RECORDS), "m.json").columns["y"] == ["a", "b"]


def test_turns_of_a_conversation_are_columns() -> None:
    turns = [{"from": "human", "value": "what is it?"}, {"from": "gpt", "value": "a cat"}]
    found = read(json.dumps([{"c": turns}, {"c": turns[:1]}]), "m.json")
    assert found.columns["c.0.value"] == ["what is it?", "what is it?"]
    assert found.columns["c.1.value"] == ["a cat", None]


def test_files_within_a_table_stay_whole() -> None:
    found = read(json.dumps([{"p": {"path": "1.png", "bytes": None}}]), "m.json")
    assert list(found.columns) == ["p"]


def test_records_of_parquet() -> None:
    stream = io.BytesIO()
    pq.write_table(pa.table({"m": [{"age": 3, "who": "x"}, None], "y": ["a", "b"]}), stream)
    found = rows.read("m.parquet", stream, lambda name: name == "m.age")
    assert found.columns["m.age"] == [3, None]


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"images": [{"id": 1}], "annotations": [{"id": 2}]}, "holds several lists of records (images, annotations)"),
        ({"a": 1}, "holds no records"),
        ([1, 2], "holds no records"),
        ("x", "holds no records"),
    ],
)
def test_documents_that_are_no_table(document: Any, expected: str) -> None:
    with pytest.raises(DataError) as caught:
        read(json.dumps(document), "m.json")
    assert expected in str(caught.value) and "a list of records, such as" in str(caught.value)


@pytest.mark.parametrize("inside", ["", "Möwen/", "bilder.zip/"])
@pytest.mark.parametrize(("on_disk", "in_table"), [("NFD", "NFC"), ("NFC", "NFD"), ("NFC", "NFC")])
def test_names_of_files_in_any_unicode_form(tmp_path: Path, inside: str, on_disk: str, in_table: str) -> None:
    import zipfile

    path = unicodedata.normalize(on_disk, f"{inside}Äpfel_é.png")  # type: ignore[arg-type]
    if inside.endswith(".zip/"):
        with zipfile.ZipFile(tmp_path / "bilder.zip", "w") as archive:
            archive.writestr(path.removeprefix("bilder.zip/"), "a picture")
    else:
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(b"a picture")
    said = unicodedata.normalize(in_table, f"{inside}Äpfel_é.png")  # type: ignore[arg-type]
    root = Root(tmp_path)
    assert root.exists(said)
    assert root.source(said).read() == b"a picture"
    assert not root.exists(said.replace("é", "e").replace("e\u0301", "e"))


def test_a_name_that_leads_out_does_so_in_any_form(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / unicodedata.normalize("NFD", "Ä.png")).symlink_to(tmp_path / "secret")
    assert not Root(tmp_path / "in").exists("Ä.png")


def test_columns_in_another_unicode_form(tmp_path: Path) -> None:
    table = table_of(
        tmp_path / "d",
        unicodedata.normalize("NFD", "größe,y\n") + "a b,x\nc d,z\n",
        columns={"t": {"text": {"column": "größe"}}},
    )
    assert list(table.modalities["t"].cells) == ["a b", "c d"]


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_files_in_another_unicode_form_are_named_and_joined(tmp_path: Path, form: str) -> None:
    other = {"NFC": "NFD", "NFD": "NFC"}[form]
    files = [unicodedata.normalize(other, f"img/Ä{i}.png") for i in range(4)]
    (tmp_path / "img").mkdir()
    for file in files:
        (tmp_path / file).write_bytes(b"a picture")
    named = [unicodedata.normalize(form, file) for file in files]
    assert unnamed(tmp_path, named[:3]).files == [files[3]]
    table = rows.read("m.csv", io.BytesIO(("k,y\n" + "".join(f"{n[4:-4]},a\n" for n in named)).encode()))
    joined = join(table, files)
    assert joined is not None and joined.text.count("img/") == 4


def test_decimal_commas_between_semicolons_are_points() -> None:
    text = "Hb;CRP (mg/L);n;tags;note\n13,2;0,5;3,2;1,2,3;a, b\n9;;4,1;2;none\n-1,75;12;5,0;3;c\n"
    for data in (text, text.replace(";", "\t")):
        found = rows.read("m.csv", io.BytesIO(data.encode()))
        assert found.columns["Hb"] == ["13.2", "9", "-1.75"] and found.columns["CRP (mg/L)"] == ["0.5", None, "12"]
        assert found.columns["n"] == ["3.2", "4.1", "5.0"], "where others are, so is this"
        assert found.columns["tags"][0] == "1,2,3" and found.columns["note"][0] == "a, b"
        assert found.findings.notes == ["Hb, CRP (mg/L), n: commas are read as decimal points (13,2 is 13.2)"]


@pytest.mark.parametrize(
    "text",
    ["codes;y\n1,2;a\n3;b\n2,4;a\n", 'x,y\n"13,25",a\n"9,5",b\n', "x;y\n1,250,000;a\n2,50;b\n", "x;y\n1,5 mg;a\n"],
)
def test_commas_that_are_no_decimal_points_stay(text: str) -> None:
    """Lists of codes, thousands, and where commas part the fields themselves."""
    found = rows.read("m.csv", io.BytesIO(text.encode()))
    assert any("," in str(v) for v in next(iter(found.columns.values()))) and not found.findings.notes


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Study 12,,\nphoto,age,label\n1.png,7,a\n2.png,8,b\n", "columns 2, 3 have no name"),
        ("photo,,label\n1.png,7,a\n2.png,8,b\n", "column 2 has no name"),
        (",photo,label\nP1,1.png,a\nP2,2.png,b\n", "column 1 has no name"),
        (",photo,label\n0,1.png,a\n1,2.png,b\n", ""),
        ("photo,label,\n1.png,a,\n2.png,b,\n", ""),
    ],
)
def test_columns_without_a_name_that_hold_something_are_told(text: str, told: str) -> None:
    notes = " ".join(rows.read("m.csv", io.BytesIO(text.encode())).findings.notes)
    assert told in notes and bool(told) == bool(notes)
