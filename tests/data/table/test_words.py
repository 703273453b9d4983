"""Words, lists and codes of a table: what they mean is what they are read as."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from mmbench.data.files.problems import DataError
from mmbench.data.table import manifest
from mmbench.data.table.card import FILE, load_card
from mmbench.data.table.lists import lists
from mmbench.data.table.table import Table


def read(folder: Path, table: str, name: str = "m.csv", **said: Any) -> Table:
    card = {"manifest": name, "columns": {"t": "text"}, "target": {"classification": "y"}} | said
    folder.mkdir(exist_ok=True)
    (folder / FILE).write_text(yaml.safe_dump(card, sort_keys=False), encoding="utf-8")
    (folder / name).write_text(table, encoding="utf-8")
    return manifest.table(load_card(folder), folder)


def problems(folder: Path, table: str, **said: Any) -> list[str]:
    with pytest.raises(DataError) as caught:
        read(folder, table, **said)
    return [str(p) for p in caught.value.problems]


@pytest.mark.parametrize("word", ["nan", "NaN", "None", "null", "N/A", "<NA>", "NaT", "none", "#N/A"])
def test_a_word_for_nothing_is_a_missing_text(tmp_path: Path, word: str) -> None:
    table = read(
        tmp_path / "d",
        f"t,u,y\n{word},some words,a\nno nan here,some,b\nNatalie,none of it,a\n",
        columns={"t": "text", "u": "text"},
    )
    assert list(table.modalities["t"].cells) == [None, "no nan here", "Natalie"]
    assert list(table.modalities["u"].cells) == ["some words", "some", "none of it"]
    (note,) = table.notes
    assert note.startswith(f"t: 1 field holds '{word}', which is taken for missing; where it is meant as a text")


def test_nan_of_json_is_a_missing_text_and_vector(tmp_path: Path) -> None:
    samples = [{"t": float("nan"), "v": [1.0, 2.0], "y": "a"}, {"t": "x", "v": float("nan"), "y": "b"}]
    text = "".join(json.dumps(s) + "\n" for s in [*samples, {"t": "z", "v": [3, 4], "y": "a"}])
    table = read(tmp_path / "d", text, "m.jsonl", columns={"t": "text", "v": "vector"})
    assert list(table.modalities["t"].cells) == [None, "x", "z"]
    assert [c is None for c in table.modalities["v"].cells] == [False, True, False]
    assert len(table.notes) == 2


def test_a_word_for_nothing_is_a_missing_file_unless_there_is_one(tmp_path: Path) -> None:
    folder = tmp_path / "d"
    folder.mkdir()
    for name in ("1.png", "none"):
        (folder / name).write_bytes(b"a picture")
    table = read(folder, "t,y,p\nw,a,1.png\nw,b,nan\nw,a,none\n", columns={"t": "text", "p": "image"})
    assert [getattr(c, "name", None) for c in table.modalities["p"].cells] == ["1.png", None, "none"]


def test_a_row_of_words_for_nothing_is_left_out(tmp_path: Path) -> None:
    table = read(tmp_path / "d", "t,y\nx,a\nnan,b\nz,b\n")
    assert len(table) == 2
    assert any("1 row of m.csv left out" in note and note.endswith(": 3") for note in table.notes)


LISTS = [
    "\"['a', 'b']\"",
    '"[""a"", ""b""]"',
    "['a'; 'b']",
    "['a'|'b']",
    "\"('a', 'b')\"",
    "\"{'b', 'a'}\"",
    "['a' 'b']",
    '"[a, b]"',
    "\"['a', 'b',]\"",
]


@pytest.mark.parametrize("written", LISTS)
@pytest.mark.parametrize("separator", [None, ","])
def test_lists_in_text_are_labels(tmp_path: Path, written: str, separator: str | None) -> None:
    target = {"column": "y"} | ({"separator": separator} if separator else {})
    rows = f"t,y\nw,{written}\nw,['a']\nw,[]\nw,\n"
    table = read(tmp_path / "d", rows, target={"multilabel": target})
    assert table.task.targets == ("a", "b")
    assert table.labels.tolist() == [[1, 1], [1, 0], [0, 0], [0, 0]]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["['it\\'s', \"don't, no\"]"], [["it's", "don't, no"]]),
        (["[1, 2]", "[3]", None], [["1", "2"], ["3"], []]),
        (["'a','b'"], [["a", "b"]]),
        (["[noise]", "[music]"], None),
        (["[noise]|[music]", "[noise]"], None),
        (["(a) first", "(b) second"], None),
        (["['a'", "['b']"], None),
        (["{'a': 1}"], None),
        (["a, b"], None),
        (["'tis the season"], None),
    ],
)
def test_what_is_a_list(values: list[str | None], expected: list[list[str]] | None) -> None:
    assert lists(values) == expected


def test_names_with_brackets_stay_names(tmp_path: Path) -> None:
    table = read(tmp_path / "d", "t,y\nw,[noise]|[music]\nw,[noise]\n", target={"multilabel": "y"})
    assert table.task.targets == ("[music]", "[noise]")


def test_lists_are_no_classes(tmp_path: Path) -> None:
    rows = "t,y\n" + "w,\"['a', 'b']\"\nw,['a']\n" * 3
    (told,) = problems(tmp_path / "d", rows)
    assert told.startswith("m.csv row 2, y (['a', 'b']): is a list of labels, as in 3 rows: write `{multilabel: y}`")
    assert read(tmp_path / "d", "t,y\nw,['a']\nw,['b']\nw,['a']\n").task.targets == ("a", "b")


def test_lists_of_flags_are_no_labels(tmp_path: Path) -> None:
    (told,) = problems(tmp_path / "d", 't,y\nw,"[0, 1, 0]"\nw,"[1, 1, 0]"\n', target={"multilabel": "y"})
    assert "lists of 0 and 1, one for each label" in told


@pytest.mark.parametrize(
    ("values", "names", "noted"),
    [
        (["1.1", "1.10", "1.2", "1.20"], ("1.1", "1.10", "1.2", "1.20"), 2),
        (["1.0", "1.10", "2.0", "1.1"], ("1.0", "1.1", "1.10", "2.0"), 1),
        (["007", "012", "110", "007"], ("007", "012", "110"), 0),
        (["1e2", "100", "1e2", "1a3"], ("100", "1a3", "1e2"), 1),
        (["1.0", "2.0", "3", "3"], ("1", "2", "3"), 0),
        (["0.5", "1.0", "1.5", "1.0"], ("0.5", "1", "1.5"), 0),
    ],
)
def test_codes_are_classes_as_they_are_written(
    tmp_path: Path, values: list[str], names: tuple[str, ...], noted: int
) -> None:
    table = read(tmp_path / "d", "t,y\n" + "".join(f"w,{v}\n" for v in values * 2))
    assert table.task.targets == names
    assert sum("as they are written" in note for note in table.notes) == noted


def test_a_number_with_and_without_zeros_before_it_is_two_spellings(tmp_path: Path) -> None:
    assert any("two spellings" in p for p in problems(tmp_path / "d", "t,y\nw,7\nw,07\nw,8\n"))


def test_a_target_that_is_empty_everywhere_is_told_once(tmp_path: Path) -> None:
    told = problems(tmp_path / "d", "t,y\n" + "some words,\n" * 30)
    assert told == ["m.csv row 1, y: is empty in every row; fill it in, or name another column as `target`"]


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        ("{}.png", "'0.png' lies in {root}/img: write it as `root` in dataset.yaml"),
        ("pictures/{}.png", "a file of that name is 'img/0.png': write paths from there on"),
        ("a{}.png", "are the files in another folder?"),
    ],
)
def test_the_reason_comes_before_files_that_are_missing(tmp_path: Path, said: str, hint: str) -> None:
    folder = tmp_path / "d"
    (folder / "img").mkdir(parents=True)
    for i in range(9):
        (folder / f"img/{i}.png").write_bytes(b"a picture")
    table = "t,y,p\n" + "".join(f"w,{'ab'[i % 2]},{said.format(i)}\n" for i in range(9))
    told = problems(folder, table, columns={"p": "image"})
    assert told[0].startswith(f"m.csv row 1, p: none of the 9 files that it names is below {folder}; ")
    assert hint.format(root=folder) in told[0]
    assert len(told) == 10


CAPTIONS = [
    ["a man runs", "he is fast"],
    ["one dog sits"],
    [],
    [None, "cats sleep", ""],
    None,
    ["it's, well; here"],
]
ONE = ["a man runs\nhe is fast", "one dog sits", None, "cats sleep", None, "it's, well; here"]


def test_several_texts_of_a_row_are_one(tmp_path: Path) -> None:
    columns = {"t": "text", "u": "text"}
    lines = [json.dumps({"t": c, "u": "other", "y": "ab"[i % 2]}) + "\n" for i, c in enumerate(CAPTIONS)]
    assert list(read(tmp_path / "j", "".join(lines), "m.jsonl", columns=columns).modalities["t"].cells) == ONE
    frame = pd.DataFrame({"t": CAPTIONS, "u": "other", "y": list("ababab")})
    (tmp_path / "p").mkdir()
    frame.to_parquet(tmp_path / "p" / "m.parquet")
    card = {"manifest": "m.parquet", "columns": columns, "target": {"classification": "y"}}
    (tmp_path / "p" / FILE).write_text(yaml.safe_dump(card), encoding="utf-8")
    assert list(manifest.table(load_card(tmp_path / "p"), tmp_path / "p").modalities["t"].cells) == ONE
    written = io.StringIO()
    rows = [["a man runs", "he is fast"], ["one dog sits"], [], ["cats sleep"], [], ["it's, well; here"]]
    pd.DataFrame({"t": rows, "u": "other", "y": list("ababab")}).to_csv(written, index=False)
    assert list(read(tmp_path / "c", written.getvalue(), columns=columns).modalities["t"].cells) == ONE


@pytest.mark.parametrize("value", [[{"role": "user", "content": "hello"}], [["a"]], [1, 2], {"a": "b"}])
def test_what_is_no_list_of_texts_is_refused(tmp_path: Path, value: Any) -> None:
    lines = "".join(json.dumps({"t": t, "y": y}) + "\n" for t, y in ((value, "a"), ("x", "b"), ("z", "a")))
    (tmp_path / "d").mkdir()
    with pytest.raises(DataError, match=r"row 1, t: is a \w+, not a text"):
        read(tmp_path / "d", lines, "m.jsonl")


def test_texts_that_begin_with_a_bracket_stay_as_they_are(tmp_path: Path) -> None:
    table = read(tmp_path / "d", 't,y\n[noise] he said,a\n"(laughs), yes",b\n[no],a\n')
    assert list(table.modalities["t"].cells) == ["[noise] he said", "(laughs), yes", "[no]"]


def test_the_rows_of_the_rarer_spelling_are_named(tmp_path: Path) -> None:
    lines = ["one,AD", "two,ad", *(f"x{i},AD" for i in range(4)), "y,Ad", "z,ad", "w,CN"]
    told = problems(tmp_path / "d", "t,y\n" + "\n".join(lines) + "\n")
    assert told == [
        "m.csv row 3, y: 'AD' and 'ad' are two spellings of one class; write one of them everywhere (also in row 9)",
        "m.csv row 8, y: 'AD' and 'Ad' are two spellings of one class; write one of them everywhere",
    ]
