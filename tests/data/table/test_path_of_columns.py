"""Names of files that a card puts together from columns: the right file of each row, or what is wrong with it."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from mmbench.data.files.problems import DataError
from mmbench.data.files.source import Source
from mmbench.data.table import manifest
from mmbench.data.table.card import FILE, load_card
from mmbench.data.table.path_pattern import parse
from mmbench.data.table.table import Table
from mmbench.errors import UserError
from tests.support.folders import fill

SCAN = "scans/{patient}/visit{visit}/flair.png"
VISITS = "patient,visit,diagnosis\nP1,1,ill\nP1,2,well\nP2,1,well\nP2,2,ill\n"
FOUR = [f"scans/P{p}/visit{v}/flair.png" for p in (1, 2) for v in (1, 2)]


def folder_with(folder: Path, path: str | dict[str, Any], table: str, files: list[str], **more: Any) -> Path:
    """A data set of these files, with a modality `scan` whose files are named so."""
    fill(folder, files)
    column = path if isinstance(path, dict) else {"image": {"path": path}}
    said = {"manifest": "m.csv", "columns": {"scan": column}, "target": {"classification": "diagnosis"}} | more
    (folder / FILE).write_text(yaml.safe_dump(said, allow_unicode=True, sort_keys=False), encoding="utf-8")
    (folder / "m.csv").write_text(table, encoding="utf-8")
    return folder


def read(folder: Path) -> Table:
    return manifest.table(load_card(folder), folder)


def names(folder: Path) -> list[str | None]:
    cells = read(folder).modalities["scan"].cells
    return [cell.name if isinstance(cell, Source) else None for cell in cells]


def problems(folder: Path) -> list[str]:
    with pytest.raises(DataError) as caught:
        read(folder)
    return [str(p) for p in caught.value.problems]


def one(folder: Path, path: str, cell: str, file: str) -> list[str | None]:
    """What a row names whose one column says `cell`, beside another row of 9."""
    table = f"id,diagnosis\n{cell},ill\n9,well\n"
    other = str(parse(path).path({"id": "9"}))
    return names(folder_with(folder, path, table, [file, other]))[:1]


def test_a_name_of_two_columns(tmp_path: Path) -> None:
    table = read(folder_with(tmp_path, SCAN, VISITS, FOUR))
    column = table.modalities["scan"]
    assert [cell.name for cell in column.cells if isinstance(cell, Source)] == FOUR
    assert (column.named, column.path, column.files) == (("patient", "visit"), SCAN, False)
    assert table.labels.tolist() == [0, 1, 1, 0] and not table.notes


@pytest.mark.parametrize("use", [{"group": "patient"}, {"id": "patient"}, {"split": "visit"}])
def test_what_names_files_may_say_more(tmp_path: Path, use: dict[str, str]) -> None:
    said = "patient,visit,diagnosis\nP1,train,ill\nP2,test,well\nP3,train,well\nP4,test,ill\n"
    files = [f"scans/P{p}/visit{v}/flair.png" for p, v in ((1, "train"), (2, "test"), (3, "train"), (4, "test"))]
    folder = folder_with(tmp_path, SCAN, said, files, **use)
    assert names(folder) == files
    table = read(folder)
    assert (table.group is not None) == ("group" in use) and (table.split is not None) == ("split" in use)


@pytest.mark.parametrize(
    ("path", "cell", "file"),
    [
        ("{id}.png", "3.0", "3.png"),
        ("{id}.png", "007", "007.png"),
        ("{id}.png", "1.0", "1.0.png"),
        ("{id}.png", "-2.0", "-2.png"),
        ("{id:05}.png", "3.0", "00003.png"),
        ("{id:05d}.png", "12", "00012.png"),
        ("{id:02}.png", "123", "123.png"),
        ("{id:05}.png", "007", "00007.png"),
        ("{{a}}/{id}.png", "b", "{a}/b.png"),
        ("x/{id}", "a/b.png", "x/a/b.png"),
        ("{id}/{id}_1.png", "b", "b/b_1.png"),
        ("{id}.png", "nan", "nan.png"),
    ],
)
def test_how_values_are_written(tmp_path: Path, path: str, cell: str, file: str) -> None:
    assert one(tmp_path, path, cell, file) == [file]
    assert str(parse(path)) == path.replace("5d}", "5}")


@pytest.mark.parametrize("name", ["Sr No.", "a:b", "x[0]", "naïve!r", "é", "time:00s", "id.value"])
def test_a_column_of_any_name(tmp_path: Path, name: str) -> None:
    for i, (column, card) in enumerate([(name, name), (unicodedata.normalize("NFD", name), name)]):
        table = f'"{column}",diagnosis\n5,ill\n6,well\n'
        folder = folder_with(tmp_path / str(i), f"p{{{card}}}.png", table, ["p5.png", "p6.png"])
        assert names(folder) == ["p5.png", "p6.png"]


@pytest.mark.parametrize("stored", ["NFC", "NFD"])
@pytest.mark.parametrize("written", ["NFC", "NFD"])
def test_either_unicode_form(tmp_path: Path, stored: str, written: str) -> None:
    files = [unicodedata.normalize(stored, f"né/{name}.png") for name in ("ä", "ö")]  # type: ignore[arg-type]
    table = unicodedata.normalize(written, "id,diagnosis\nä,ill\nö,well\n")  # type: ignore[arg-type]
    folder = folder_with(tmp_path, unicodedata.normalize(written, "né/{id}.png"), table, files)  # type: ignore[arg-type]
    assert [unicodedata.normalize("NFC", name or "") for name in names(folder)] == ["né/ä.png", "né/ö.png"]


@pytest.mark.parametrize("kind", ["text", "vector", "sequence", "audio"])
def test_other_kinds(tmp_path: Path, kind: str) -> None:
    """A name such as `7` is a file's, and no number of the table's own."""
    fill(tmp_path, ["a/7.npy", "a/8.npy", "a/7.txt", "a/8.txt"])
    for i in (7, 8):
        (tmp_path / "a" / f"{i}").write_bytes((tmp_path / "a" / f"{i}.npy").read_bytes())
        (tmp_path / f"{i}").write_bytes(b"x")
    ending = ".txt" if kind == "text" else ""
    folder = folder_with(
        tmp_path, {kind: {"path": f"{{id}}{ending}", "optional": False}}, "id,diagnosis\n7,a\n8,b\n", []
    )
    (folder / "7.txt").write_text("seven", encoding="utf-8")
    (folder / "8.txt").write_text("eight", encoding="utf-8")
    cells = read(folder).modalities["scan"].cells
    assert cells == ["seven", "eight"] if kind == "text" else names(folder) == ["7", "8"]


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ({"path": "scans/flair.png"}, "names no column"),
        ({"path": ""}, "names no column"),
        ({"path": "/scans/{patient}.png"}, "is absolute; write what comes after `root`"),
        ({"path": "C:\\scans\\{patient}.png"}, "is absolute"),
        ({"path": "scans\\{patient}.png"}, "write / between folders"),
        ({"path": "../{patient}.png"}, "leads out of the folder with `..`"),
        ({"path": "{patient}/../../x.png"}, "leads out of the folder with `..`"),
        ({"path": "https://a.b/{patient}.png"}, "is an address"),
        ({"path": "{patient}/{}.png"}, "braces without a column"),
        ({"path": "{patient}/{visit.png"}, "a { that stands alone"),
        ({"path": "{patient}/visit}.png"}, "a } that stands alone"),
        ({"path": "{patient}\t.png"}, "control character"),
        ({"path": "{patient}.png", "column": "x"}, "give `column` or `path`, not both"),
        ({"column": "x", "optional": True}, "`optional` is for a `path`"),
        ({"path": 5}, "path"),
    ],
)
def test_a_path_that_cannot_be_meant(tmp_path: Path, column: dict[str, Any], expected: str) -> None:
    folder = folder_with(tmp_path, {"image": column}, VISITS, FOUR)
    with pytest.raises(UserError) as caught:
        read(folder)
    assert expected in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "column", "expected"),
    [
        ("vector", {"path": "{patient}.npy", "prefix": "f"}, "give `prefix` or `path`"),
        ("table", {"path": "{patient}.npy", "columns": ["a"]}, "give `columns` or `path`"),
        ("table", {"path": "{patient}.npy"}, "a table names its `columns`"),
        ("text", {"path": "{patient}.txt", "files": False}, "leave out `files`"),
    ],
)
def test_no_path_of_other_forms(tmp_path: Path, kind: str, column: dict[str, Any], expected: str) -> None:
    with pytest.raises(UserError, match=expected.replace("`", ".")):
        read(folder_with(tmp_path, {kind: column}, VISITS, FOUR))


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("scans/{pateint}/visit{visit}/flair.png", "did you mean 'patient'?"),
        ("scans/{patient}/visit{visti}/flair.png", "did you mean 'visit'?"),
        ("scans/{patient}/visit{visit:>5}/flair.png", "the only form is zeros in front, as in `{visit:05}`"),
        ("scans/{patient}/visit{visit:3d}/flair.png", "as in `{visit:03}`"),
    ],
)
def test_a_column_that_is_not_there(tmp_path: Path, path: str, expected: str) -> None:
    """Also where the right one is named for something else."""
    (said,) = problems(folder_with(tmp_path, path, VISITS, FOUR, group="patient"))
    assert "m.csv row 1: no column" in said and "(columns: scan)" in said and expected in said


def test_files_that_are_not_there_are_told(tmp_path: Path) -> None:
    (said,) = problems(folder_with(tmp_path, SCAN, VISITS, FOUR[:3]))
    assert said.startswith("m.csv row 5, scan (scans/P2/visit2/flair.png): ") and "is missing" in said
    (tmp_path / "scans/P2/visit2").mkdir()
    (tmp_path / "scans/P2/visit2/FLAIR.PNG").write_bytes(b"x")
    (said,) = problems(tmp_path)
    assert "did you mean 'scans/P2/visit2/FLAIR.PNG'?" in said


def test_where_none_is_there_the_reason_comes_first(tmp_path: Path) -> None:
    said = problems(folder_with(tmp_path, SCAN.removeprefix("scans/"), VISITS, FOUR))
    assert "none of the 4 files that it names is below" in said[0] and "in `path`" in said[0]


@pytest.mark.parametrize(
    ("cells", "told"),
    [
        ("P2,", "visit is empty"),
        (",2", "patient is empty"),
        ("nan,2", "patient is empty"),
        ("P2,n/a", "visit is empty"),
    ],
)
def test_half_a_name_is_a_mistake(tmp_path: Path, cells: str, told: str) -> None:
    folder = folder_with(tmp_path, SCAN, VISITS.replace("P2,2", cells), FOUR)
    (said,) = problems(folder)
    assert said.startswith("m.csv row 5, scan: ") and told in said and "optional" in said
    survey = manifest.survey(load_card(folder), folder)
    assert survey.broken == {"scan": frozenset([3])}


@pytest.mark.parametrize("cells", [",", "nan,nan", "NA,"])
def test_no_name_is_a_missing_modality(tmp_path: Path, cells: str) -> None:
    table = VISITS.replace("diagnosis\n", "diagnosis,said\n").replace("ill\n", "ill,x\n").replace("well\n", "well,y\n")
    columns = {"scan": {"image": {"path": SCAN}}, "said": "text"}
    folder = folder_with(tmp_path, SCAN, table.replace("P2,2", cells), FOUR[:3], columns=columns)
    assert names(folder) == [*FOUR[:3], None]
    assert any("taken for missing" in note for note in read(folder).notes) == (cells != ",")


def test_a_row_of_nothing_is_left_out(tmp_path: Path) -> None:
    table = read(folder_with(tmp_path, SCAN, VISITS.replace("P2,1", ","), FOUR))
    assert len(table) == 3 and "1 row of m.csv left out" in table.notes[-1]


@pytest.mark.parametrize("gone", [1, 2])
def test_a_modality_that_samples_may_lack(tmp_path: Path, gone: int) -> None:
    columns = {"scan": {"image": {"path": SCAN, "optional": True}}, "visit": "text"}
    folder = folder_with(tmp_path, SCAN, VISITS, FOUR[: 4 - gone], columns=columns)
    assert names(folder) == [*FOUR[: 4 - gone], *[None] * gone]
    (note,) = read(folder).notes
    assert f"scan: {gone} sample" in note and "row" in note and note.endswith("5)")


@pytest.mark.parametrize("cell", ["..", "../..", "/etc", "a/../../.."])
def test_values_do_not_lead_out(tmp_path: Path, cell: str) -> None:
    (tmp_path / "x.png").write_bytes(b"a picture")
    folder = folder_with(tmp_path / "d", "{id}/x.png", f"id,diagnosis\n{cell},a\nb,c\nd,a\n", ["b/x.png", "d/x.png"])
    (said,) = problems(folder)
    assert "m.csv row 2, scan" in said and ("leads out" in said or "absolute" in said)


@pytest.mark.parametrize("value", [[1, 2], {"a": 1}, "abc"])
def test_what_is_no_part_of_a_name(tmp_path: Path, value: Any) -> None:
    folder = folder_with(tmp_path, "{id:03}.png", "", ["001.png", "002.png"], manifest="m.jsonl")
    rows = [{"id": 1, "diagnosis": "a"}, {"id": 2.0, "diagnosis": "b"}, {"id": value, "diagnosis": "a"}]
    pd.DataFrame(rows).to_json(folder / "m.jsonl", orient="records", lines=True)
    (said,) = problems(folder)
    assert said.startswith("m.jsonl row 3, scan: id is ") and ("no whole number" in said or "no part" in said)


def test_files_that_no_row_names_and_columns_that_are_used(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, SCAN, VISITS, [*FOUR, "scans/P3/visit1/flair.png"])
    survey = manifest.survey(load_card(folder), folder)
    assert set(FOUR) <= survey.named and "scans/P3/visit1/flair.png" not in survey.named
    assert survey.unused == ()


def test_of_a_column_called_like_the_modality(tmp_path: Path) -> None:
    table = VISITS.replace("diagnosis", "scan")
    folder = folder_with(tmp_path, SCAN, table, FOUR, target={"classification": "scan"})
    assert names(folder) == FOUR and read(folder).task.targets == ("ill", "well")


def test_several_tables_and_the_split_of_each(tmp_path: Path) -> None:
    tables = {"train": "train.csv", "test": "test.csv"}
    files = [f"{s}_a/dia{d}_utt{u}.png" for s in tables for d in range(2) for u in range(2)]
    folder = folder_with(tmp_path, "{set}_a/dia{d}_utt{u}.png", "", files, manifest=tables)
    for split, name in tables.items():
        lines = [f"{split},{d},{u}.0,{'ab'[u]}" for d in range(2) for u in range(2)]
        (folder / name).write_text("\n".join(["set,d,u,diagnosis", *lines]), encoding="utf-8")
    assert names(folder) == files
    assert read(folder).split == ["train"] * 4 + ["test"] * 4
