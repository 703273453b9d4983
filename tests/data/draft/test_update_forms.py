"""A folder whose names come back in the other Unicode form, as copies between systems do: nothing is added twice."""

from __future__ import annotations

import shutil
import unicodedata
from pathlib import Path

import pytest

from mmbench.cli import main
from tests.cli.test_data import project as project
from tests.support.folders import fill


def copied(folder: Path, form: str) -> None:
    """The same files, their names and those of their folders in that form."""
    files = {str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob("*") if f.is_file()}
    shutil.rmtree(folder)
    for name, content in files.items():
        file = folder / unicodedata.normalize(form, name)  # type: ignore[arg-type]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)


def manifest(project: Path) -> list[str]:
    return (project / "data" / "raw" / "mine" / "manifest.csv").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("forms", [("NFC", "NFD"), ("NFD", "NFC")])
def test_files_whose_names_change_their_form_are_not_added_again(project: Path, forms: tuple[str, str]) -> None:
    mine = fill(project / "mine", (f"{c}/é{i:02}.png" for c in ("café", "thé") for i in range(6)))
    copied(mine, forms[0])
    assert main(["data", "init", "mine", "--name", "mine"]) == 0
    before = manifest(project)
    copied(mine, forms[1])
    new = unicodedata.normalize(forms[1], "café/é99.png")
    fill(mine, [new])
    for _ in range(2):
        assert main(["data", "init", "mine", "--name", "mine", "--update"]) == 0
        assert manifest(project)[: len(before)] == before and len(manifest(project)) == len(before) + 1
    assert len({line.rsplit(",", 1)[1] for line in manifest(project)[1:]}) == 2, "a class is spelt as before"


def test_two_files_that_differ_in_their_form_alone_stay_two(project: Path) -> None:
    names = [unicodedata.normalize(form, f"a/é{i:02}.png") for i in range(6) for form in ("NFC", "NFD")]
    fill(project / "mine", [*names[:11], *(f"b/{i}.png" for i in range(6))])
    assert main(["data", "init", "mine", "--name", "mine"]) == 0
    before = manifest(project)
    fill(project / "mine", names[11:])
    assert main(["data", "init", "mine", "--name", "mine", "--update"]) == 0
    assert len(manifest(project)) == len(before) + 1
