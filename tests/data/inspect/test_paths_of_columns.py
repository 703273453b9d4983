"""`check` of data whose files have names of columns: what is missing, what is left over, and what the page shows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from mmbench.cli import main
from mmbench.data.inspect.check import Checked, check
from mmbench.data.prepare.dataset import read
from tests.cli.test_data import project as project
from tests.support.folders import fill

N = 40
SCAN, SOUND = "scans/{patient}/visit{visit}.png", "heard/{patient}_{visit}.wav"


def checked(raw: Path, **columns: Any) -> Checked:
    """Of N visits, each with a scan and a sound; and a scan that no row names."""
    folder = raw / "visits"
    keys = [(f"P{i // 2}", i % 2 + 1) for i in range(N)]
    fill(folder, [f"scans/{p}/visit{v}.png" for p, v in keys] + [f"heard/{p}_{v}.wav" for p, v in keys])
    fill(folder, ["scans/P99/visit1.png"])
    rows = [f"{p},{v},{'ab'[i % 2]},x" for i, (p, v) in enumerate(keys)]
    (folder / "m.csv").write_text("\n".join(["patient,visit,label,more", *rows]), encoding="utf-8")
    named = {"scan": {"image": {"path": SCAN}}, "sound": {"audio": {"path": SOUND}}} | columns
    said = {"manifest": "m.csv", "columns": named, "target": {"classification": "label"}, "group": "patient"}
    (folder / "dataset.yaml").write_text(yaml.safe_dump(said, sort_keys=False), encoding="utf-8")
    return check(read("visits", raw))


def test_all_is_there(tmp_path: Path) -> None:
    found = checked(tmp_path)
    assert not found.problems and found.table is not None and len(found.table) == N
    assert all(len([look for look in seen.looks if look is not None]) == N for seen in found.seen.values())
    assert any("1 file is below" in note and "scans/P99/visit1.png" in note for note in found.notes)
    assert [str(left) for left in found.unused] == [
        "1 column of m.csv: more",
    ]


@pytest.mark.parametrize("gone", [1, 3, 7])
@pytest.mark.parametrize("optional", [False, True])
def test_what_is_not_there(tmp_path: Path, gone: int, optional: bool) -> None:
    checked(tmp_path, sound={"audio": {"path": SOUND, "optional": optional}})
    for file in sorted((tmp_path / "visits" / "heard").iterdir())[:gone]:
        file.unlink()
    found = check(read("visits", tmp_path))
    assert len(found.problems) == (0 if optional else gone)
    assert all("is missing" in p.what and "sound (heard/" in p.where for p in found.problems)
    assert any(f"sound: {gone} sample" in note for note in found.notes) == optional
    assert len(found.seen["sound"].broken) == (0 if optional else gone)


@pytest.mark.parametrize(
    "columns",
    [
        {"scan": {"image": {"path": "{pateint}.png"}}, "sound": {"audio": {"path": "{pateint}.wav"}}},
        {"scan": {"image": {"column": "fil"}}, "sound": {"audio": {"column": "fil"}}},
        {"scan": {"image": {"path": "{visitt}.png"}}, "sound": {"audio": {"column": "fil"}}},
    ],
)
def test_where_no_modality_can_be_read_the_columns_are_told(tmp_path: Path, columns: dict[str, Any]) -> None:
    found = checked(tmp_path, **columns)
    assert found.table is None and not found.seen
    assert all("no column" in p.what for p in found.problems) and found.problems
    if "pateint" in str(columns):
        (said,) = found.problems
        assert "(columns: scan, sound); did you mean 'patient'?" in said.what


def test_from_init_to_the_page(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    checked(project / "elsewhere")
    folder = project / "elsewhere" / "visits"
    (folder / "dataset.yaml").unlink()
    assert main(["data", "init", str(folder)]) == 0
    said = capsys.readouterr().out
    assert f"do patient and visit make the names of its files, `{SCAN}`? Every row finds its file" in said
    card = yaml.safe_load((project / "data" / "raw" / "visits" / "dataset.yaml").read_text(encoding="utf-8"))
    assert card["columns"] == {"audio": {"audio": {"path": SOUND}}, "image": {"image": {"path": SCAN}}}
    assert card["group"] == "patient" and card["target"] == {"classification": "label"}
    assert main(["data", "check", "visits"]) == 0
    assert "no errors" in capsys.readouterr().out
    page = (project / "reports" / "data" / "visits.html").read_text(encoding="utf-8")
    assert page.count("<img") >= 2 and "scans/P99/visit1.png" in page


@pytest.mark.parametrize("path", ["heart/{patient}_{visit}.wav", "heard/{patient}_{visit}.WAV", "heard/{visit}.wav"])
def test_an_optional_file_that_no_sample_has_is_a_path_that_is_wrong(tmp_path: Path, path: str) -> None:
    found = checked(tmp_path, sound={"audio": {"path": path, "optional": True}})
    (problem,) = [p for p in found.problems if "sound" in p.where]
    assert problem.what.startswith(f"none of the {N} files that it names is below")


def test_new_files_of_a_drafted_table_of_columns_are_for_the_person_to_add(tmp_path: Path) -> None:
    checked(tmp_path)
    folder = tmp_path / "visits"
    (folder / "m.csv").rename(folder / "manifest.csv")
    card = (folder / "dataset.yaml").read_text(encoding="utf-8")
    (folder / "dataset.yaml").write_text(card.replace("m.csv", "manifest.csv"), encoding="utf-8")
    (note,) = [note for note in check(read("visits", tmp_path)).notes if "in no row" in note]
    assert "add rows for them" in note and "--update" not in note
