"""Tables that name files without saying where they lie: what is missing or ambiguous never becomes a gap."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path
from typing import Any

import pytest

from mmbench.data.draft.draft import Draft
from mmbench.data.draft.update import Updated, update
from mmbench.data.files.source import Root
from tests.support.folders import drafted, fill, table

N = 20
GONE = (3, 10)


def named(folder: Path, name: str, paths: str, gone: tuple[int, ...] = GONE, header: str = "name,text,label") -> Path:
    """A table that names N samples, and a file of each but those that are gone; all named with `{}`."""
    fill(folder, [paths.format(i, "ab"[i % 2]) for i in range(N) if i not in gone])
    lines = [f"{name.format(i, 'ab'[i % 2])},some words of {i},{'ab'[i % 2]}" for i in range(N)]
    (folder / "labels.csv").write_text("\n".join([header, *lines]), encoding="utf-8")
    return folder


def manifest(made: Draft) -> list[dict[str, str]]:
    assert made.manifest is not None
    return table(made.manifest)


def updated(folder: Path, old: str) -> Updated:
    made = drafted(folder)
    assert made.manifest is not None
    how: dict[str, Any] = {"joined": made.joined, "key": made.key, "several": made.several}
    return update(old.encode(), made.manifest, Root(folder).exists, **how)


def empty(rows: list[dict[str, str]], column: str) -> list[int]:
    return [i for i, row in enumerate(rows) if not row[column]]


@pytest.mark.parametrize(
    ("name", "paths", "path"),
    [
        ("p{0:03}", "images/p{0:03}.png", "images/p003.png"),
        ("p{0:03}.jpg", "images/p{0:03}.jpg", "images/p003.jpg"),
        ("{1}/{0}", "pictures/{1}/{0}.png", "pictures/b/3.png"),
        ("{0}", "{1}/{0}.wav", "b/3.wav"),
    ],
)
def test_a_file_that_is_not_there_is_a_path_to_nowhere(tmp_path: Path, name: str, paths: str, path: str) -> None:
    folder = named(tmp_path, name, paths)
    made = drafted(folder)
    rows = manifest(made)
    column = next(iter(rows[0]))
    assert len(rows) == N and not empty(rows, column)
    assert rows[3][column] == path and not (folder / path).exists()
    assert [i for i, row in enumerate(rows) if not (folder / row[column]).exists()] == list(GONE)
    (said,) = [line for line in made.unsure if "not there" in line]
    assert f"2 of {N} rows" in said and "row 5: " in said and "row 12: " in said and path in said


@pytest.mark.parametrize(
    ("name", "paths"),
    [("p{0:03}", "images/p{0:03}.png"), ("p{0:03}.jpg", "images/p{0:03}.jpg"), ("{1}/{0}", "pictures/{1}/{0}.png")],
)
def test_update_changes_nothing_twice_and_completes_what_arrives(tmp_path: Path, name: str, paths: str) -> None:
    folder = named(tmp_path, name, paths)
    old = drafted(folder).manifest
    assert old is not None
    for _ in range(2):
        done = updated(folder, old)
        assert (done.text, done.added, done.completed, done.gone) == (old, 0, 0, 2)
    fill(folder, [paths.format(3, "b")])
    done = updated(folder, old)
    assert (done.text, done.added, done.gone) == (old, 0, 1), "its path stood there already"
    # In another folder, or of another ending.
    late = paths.format(10, "a").replace("images/", "later/")
    fill(folder, [late])
    done = updated(folder, done.text)
    assert (done.added, done.gone) == (0, 0)
    assert len(table(done.text)) == N and late in next(iter(table(done.text)[10].values()))
    assert updated(folder, done.text).text == done.text


def test_a_manifest_with_gaps_of_before_is_completed_and_not_repeated(tmp_path: Path) -> None:
    folder = named(tmp_path, "p{0:03}", "images/p{0:03}.png")
    old = drafted(folder).manifest
    assert old is not None
    gaps = re.sub(r"^images/p0(03|10).png,", ",", old, flags=re.MULTILINE)
    assert empty(table(gaps), "image") == list(GONE)
    done = updated(folder, gaps)
    assert (done.text, done.added, done.completed) == (gaps, 0, 0)
    fill(folder, ["images/p003.png"])
    done = updated(folder, gaps)
    assert (done.added, done.completed) == (0, 1)
    assert empty(table(done.text), "image") == [10]


def test_rows_that_a_person_took_out_or_changed_stay_so(tmp_path: Path) -> None:
    folder = named(tmp_path, "p{0:03}", "images/p{0:03}.png")
    old = drafted(folder).manifest
    assert old is not None
    lines = old.split("\n")
    mine = "\n".join([*lines[:4], *lines[5:]]).replace("some words of 7", "others").replace("words of 10", "mine")
    done = updated(folder, mine)
    assert (done.text, done.added, done.waiting) == (mine, 0, 1)
    fill(folder, ["images/p003.png", "images/p010.png"])
    done = updated(folder, mine)
    assert done.added == 1 and len(table(done.text)) == N
    assert [row["text"] for row in table(done.text) if row["name"] == "p010"] == ["some mine"]


def test_several_rows_of_one_picture_are_neither_lost_nor_repeated(tmp_path: Path) -> None:
    fill(tmp_path, [f"img/{i}.png" for i in range(9)])
    lines = [f"{i}.png,caption {j} of {i},{'ab'[i % 2]}" for i in range(10) for j in range(5)]
    (tmp_path / "captions.csv").write_text("\n".join(["file,caption,label", *lines]), encoding="utf-8")
    old = drafted(tmp_path).manifest
    assert old is not None and len(table(old)) == 50
    assert updated(tmp_path, old).text == old
    fill(tmp_path, ["img/9.png"])
    assert updated(tmp_path, old).text == old


@pytest.mark.parametrize(
    ("name", "paths"),
    [
        ("P{0:03}", "images/p{0:03}.png"),
        ("p{0:03}.png", "images/P{0:03}.PNG"),
        ("caf\u00e9{0}", "images/" + unicodedata.normalize("NFD", "caf\u00e9") + "{0}.png"),
        ("IMG_{0}.JPG", "images/img_{0}.jpg"),
    ],
)
def test_names_in_another_spelling_are_found(tmp_path: Path, name: str, paths: str) -> None:
    made = drafted(named(tmp_path, name, paths, gone=()))
    rows = manifest(made)
    assert [row["image"] for row in rows] == [paths.format(i) for i in range(N)]
    told = any(f"{N} of {N} rows differ from the names of their files" in line for line in made.unsure)
    # The same letters, composed in another way, are the same name.
    assert told is (unicodedata.normalize("NFC", paths) == paths)


def test_a_name_of_several_files_is_told_apart_by_its_row_or_told(tmp_path: Path) -> None:
    # Each class counts its own; the label says which is meant.
    fill(tmp_path, [f"{c}/{i}.png" for c in "ab" for i in range(5)])
    lines = [f"{i},{c}" for c in "ab" for i in range(5)]
    (tmp_path / "t.csv").write_text("\n".join(["name,label", *lines]), encoding="utf-8")
    made = drafted(tmp_path)
    assert [row["image"] for row in manifest(made)] == [f"{c}/{i}.png" for c in "ab" for i in range(5)]
    assert not any("several files" in line for line in made.unsure)


def test_a_name_that_nothing_tells_apart_is_no_gap(tmp_path: Path) -> None:
    fill(tmp_path, [*(f"old/{i}.png" for i in range(N)), "new/7.png", "new/8.png"])
    lines = [f"{i},{'ab'[i % 2]}" for i in range(N)]
    (tmp_path / "t.csv").write_text("\n".join(["name,label", *lines]), encoding="utf-8")
    made = drafted(tmp_path)
    rows = manifest(made)
    assert not empty(rows, "image")
    assert [i for i, row in enumerate(rows) if not (tmp_path / row["image"]).exists()] == [7, 8]
    (said,) = [line for line in made.unsure if "several files" in line]
    assert "2 of 20 rows" in said and "row 9: new/7.png or old/7.png" in said


def test_parallel_folders_are_columns(tmp_path: Path) -> None:
    fill(tmp_path, [f"{side}/{i}.png" for side in ("left", "right") for i in range(N)])
    lines = [f"{i},{'ab'[i % 2]}" for i in range(N)]
    (tmp_path / "t.csv").write_text("\n".join(["name,label", *lines]), encoding="utf-8")
    rows = manifest(drafted(tmp_path))
    assert [(row["left"], row["right"]) for row in rows] == [(f"left/{i}.png", f"right/{i}.png") for i in range(N)]


@pytest.mark.parametrize("have", [18, 10])
def test_a_kind_that_nearly_all_have_is_missed_and_one_that_half_have_is_told(tmp_path: Path, have: int) -> None:
    fill(tmp_path, [*(f"img/{i}.png" for i in range(N)), *(f"snd/{i}.wav" for i in range(have))])
    lines = [f"{i},{'ab'[i % 2]}" for i in range(N)]
    (tmp_path / "t.csv").write_text("\n".join(["name,label", *lines]), encoding="utf-8")
    made = drafted(tmp_path)
    rows = manifest(made)
    gone = [row["audio"] for row in rows if not row["audio"] or not (tmp_path / row["audio"]).exists()]
    if have == 18:
        assert gone == ["snd/18.wav", "snd/19.wav"]
        assert any("audio: 2 of 20 rows name files that are not there (row 20: 18, " in line for line in made.unsure)
        fill(tmp_path, ["snd/18.wav"])
        assert made.manifest is not None and updated(tmp_path, made.manifest).gone == 1
    else:
        assert gone == [""] * 10
        assert any("audio: 10 of 20 rows have none (row 12: 10, row 13: 11, ...)" in line for line in made.unsure)


@pytest.mark.parametrize("folders", ["{s}_videos/{n}.wav", "audio/{s}/{n}.wav", "{s}.audio/x/{n}.wav"])
def test_names_that_begin_anew_in_every_split_are_joined_within_it(tmp_path: Path, folders: str) -> None:
    """Row 2 of train has no file of its own; that of dev is another clip."""
    for s, n in (("train", 20), ("dev", 8), ("test", 8)):
        fill(tmp_path, [folders.format(s=s, n=f"clip{i}") for i in range(n) if (s, i) != ("train", 2)])
        lines = [f"clip{i},{'ab'[i % 2]}" for i in range(n)]
        (tmp_path / f"{s}.csv").write_text("\n".join(["clip,label", *lines]), encoding="utf-8")
    made = drafted(tmp_path)
    rows = manifest(made)
    assert len(rows) == 36 and len({row["audio"] for row in rows}) == 36
    folder = {"train": "train", "validation": "dev", "test": "test"}
    assert all(row["audio"] == folders.format(s=folder[row["split"]], n=row["clip"]) for row in rows)
    (lost,) = [row["audio"] for row in rows if not (tmp_path / row["audio"]).exists()]
    assert lost == folders.format(s="train", n="clip2") and any("not there" in line for line in made.unsure)
    assert not any("could mean several" in line for line in made.unsure)


def test_a_class_that_is_called_as_a_split_is_none(tmp_path: Path) -> None:
    """Pictures of trains and of cars, in folders of splits: the table does not say which."""
    fill(tmp_path, [f"{('test', 'train')[i % 3 > 0]}/p{i}.png" for i in range(N)])
    lines = [f"p{i},{('train', 'car')[i % 2]}" for i in range(N)]
    (tmp_path / "labels.csv").write_text("\n".join(["name,label", *lines]), encoding="utf-8")
    assert all((tmp_path / row["image"]).exists() for row in manifest(drafted(tmp_path)))


@pytest.mark.parametrize("more", [0, 1, 5])
def test_files_of_other_endings_do_not_count_against_names_with_endings(tmp_path: Path, more: int) -> None:
    fill(tmp_path, [f"wav/c{i}.wav" for i in range(N)])
    fill(tmp_path, [f"transcripts/c{i}.txt" for i in range(N + more)])
    lines = [f"c{i}.wav,{'ab'[i % 2]}" for i in range(N)]
    (tmp_path / "labels.csv").write_text("\n".join(["name,label", *lines]), encoding="utf-8")
    rows = manifest(drafted(tmp_path))
    assert [row["audio"] for row in rows] == [f"wav/c{i}.wav" for i in range(N)]


@pytest.mark.parametrize("twins", [2, 3, 5])
def test_of_rows_that_say_the_same_one_gets_the_file(tmp_path: Path, twins: int) -> None:
    """They name nothing: it is no matter which, and as many stay without a file as in the table."""
    folder = named(tmp_path, "p{0:03}.png", "images/p{0:03}.png", gone=())
    lines = (folder / "labels.csv").read_text(encoding="utf-8").split("\n")
    bare = ",some words of many,a"
    (folder / "labels.csv").write_text("\n".join([*lines, *[bare] * twins]), encoding="utf-8")
    old = drafted(folder).manifest
    assert old is not None
    done = updated(folder, old)
    assert (done.text, done.added, done.notes()) == (old, 0, []), "its rows are there, though none of their files"
    fill(folder, ["images/new.png"])
    (folder / "labels.csv").write_text("\n".join([*lines, f"new.png{bare}", *[bare] * (twins - 1)]), encoding="utf-8")
    done = updated(folder, old)
    assert (done.added, done.completed, done.waiting, done.notes()) == (0, 1, 0, [])
    assert sorted(row["image"] for row in table(done.text)[N:]) == [*[""] * (twins - 1), "images/new.png"]
    assert updated(folder, done.text).text == done.text
    # A row more is a new one.
    (folder / "labels.csv").write_text("\n".join([*lines, f"new.png{bare}", *[bare] * twins]), encoding="utf-8")
    assert updated(folder, old).added == 1


@pytest.mark.parametrize("places", [("u", "v"), ("u", "v", "w"), ("x/y", "z")])
def test_rows_that_could_mean_several_files_are_told_again(tmp_path: Path, places: tuple[str, ...]) -> None:
    """The cause, which rows, and what to do; as long as nobody has written a path there."""
    folder = named(tmp_path, "p{0:03}", "images/p{0:03}.png", gone=())
    fill(folder, [f"{place}/q{i}.png" for place in places for i in range(4)])
    with (folder / "labels.csv").open("a", encoding="utf-8") as file:
        file.write("".join(f"\nq{i},other words,a" for i in range(4)))
    old = drafted(folder).manifest
    assert old is not None
    done = updated(folder, old)
    assert (done.text, done.added, done.gone) == (old, 0, 0)
    (said,) = done.notes()
    assert said.startswith("several files have the name that 4 rows of manifest.csv give (row 22: ")
    assert " or ".join(f"{place}/q0.png" for place in places) in said
    assert said.endswith("...): write the path of the right one there")
    mended = old.replace("\nq", f"\n{places[-1]}/q")
    done = updated(folder, mended)
    assert (done.text, done.notes()) == (mended, [])


@pytest.mark.parametrize("twins", [2, 3, 4])
def test_rows_of_one_name_all_get_the_file_that_arrives(tmp_path: Path, twins: int) -> None:
    folder = named(tmp_path, "p{0:03}", "images/p{0:03}.png", gone=())
    with (folder / "labels.csv").open("a", encoding="utf-8") as file:
        file.write("".join(f"\nq1,other words {i},a" for i in range(twins)))
    old = drafted(folder).manifest
    assert old is not None
    fill(folder, ["later/q1.png"])
    done = updated(folder, old)
    assert (done.added, done.completed, done.gone, done.notes()) == (0, twins, 0, [])
    assert [row["image"] for row in table(done.text)[N:]] == ["later/q1.png"] * twins
    assert updated(folder, done.text).text == done.text


@pytest.mark.parametrize("more", [1, 2, 6])
def test_rows_of_the_table_without_files_are_told(tmp_path: Path, more: int) -> None:
    folder = named(tmp_path, "p{0:03}", "images/p{0:03}.png", gone=())
    old = drafted(folder).manifest
    assert old is not None
    with (folder / "labels.csv").open("a", encoding="utf-8") as file:
        file.write("".join(f"\nq{i},other words,a" for i in range(more)))
    (said,) = updated(folder, old).notes()
    assert said.startswith(f"no file is there of {more} row") and "(images/q0.png" in said
    assert said.endswith("run this again when the files are there") and ("..." in said) == (more > 3)
