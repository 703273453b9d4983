"""A card that cannot be meant is refused with what to do, never with a traceback."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import pytest

from mmbench.data.files.problems import CellError
from mmbench.data.files.source import Root
from mmbench.data.table import manifest
from mmbench.data.table.card import FILE, load_card
from mmbench.errors import UserError

BASE = "manifest: manifest.csv\ncolumns: {v: vector, t: text}\ntarget: {classification: y}\n"


@pytest.mark.parametrize(
    ("card", "expected"),
    [
        (BASE.replace("v: vector", "label: vector"), "the target is kept under this name"),
        (BASE.replace("v: vector", "y: vector"), "`target: classification` and the modality 'y'"),
        (BASE + "split: t\n", "`split` and the modality 't'"),
        (BASE + "group: t\n", "`group` and the modality 't'"),
        (BASE + "id: y\n", "`target: classification` and `id`"),
        (BASE.replace("v: vector", "v: {vector: 5}"), "the options of vector are a mapping"),
        (BASE.replace("v: vector", "v: {vector: [1]}"), "the options of vector are a mapping"),
        (BASE.replace("v: vector", "? " + "x" * 3000 + "\n  : vector"), "at most 64 letters"),
        (BASE.replace("manifest.csv", '""'), "manifest is ''"),
        (BASE + "root: ~nouser/x\n", "cannot be a folder"),
        (BASE + f"root: {'x' * 5000}\n", "cannot be a folder"),
        (BASE + "3: 4\n", "Keys should be strings"),
        (BASE.replace("classification: y", "multilabel: {column: y, separator: ''}"), "target.separator is ''"),
        (BASE.replace("classification: y", "binary: {column: y, positive: .nan}"), "target.positive is nan"),
        (BASE.replace("classification: y", "classification: {column: y, positive: a}"), "is for a binary target"),
        ("description: x\n", f"{FILE}: give exactly one"),
    ],
)
def test_a_card_that_cannot_be_meant(tmp_path: Path, card: str, expected: str) -> None:
    (tmp_path / FILE).write_text(card)
    (tmp_path / "manifest.csv").write_text("v,t,y\n1,a,b\n2,c,d\n3,e,b\n")
    with pytest.raises(UserError) as caught:
        manifest.table(load_card(tmp_path), tmp_path)
    assert expected in str(caught.value)


@pytest.mark.timeout(20)
def test_pipes_are_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / FILE)
    with pytest.raises(UserError, match="no regular file"):
        load_card(tmp_path)
    (tmp_path / "x.npy").write_bytes(b"x")
    source = Root(tmp_path).source("x.npy")
    (tmp_path / "x.npy").unlink()
    os.mkfifo(tmp_path / "x.npy")
    with pytest.raises(CellError, match="replaced"):
        source.open()


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_members_of_one_name(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("x", "1")
        archive.writestr("x", "2")
    with pytest.raises(CellError, match="two members"):
        Root(tmp_path).source("a.zip/x")
