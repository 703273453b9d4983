"""`python -m pipeline.prepare NAME`, as a person or DVC runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from mmbench.data.prepared import load_arrays
from mmbench.schema.dataset import load_spec
from pipeline.prepare import main

ROOT = Path(__file__).resolve().parents[2]


CARDS = {
    "mine": {"unique": {"train": 40, "validation": 8, "test": 8, "carrier": "text"}},
    "typo": {"uniqe": {}},
    "negative": {"unique": {"train": -4}},
    "odd_option": {"unique": {"cariers": "text"}},
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name, dataset in CARDS.items():
        folder = tmp_path / "data" / "raw" / name
        folder.mkdir(parents=True)
        (folder / "dataset.yaml").write_text(yaml.safe_dump({"dataset": dataset}), encoding="utf-8")
    return tmp_path


@pytest.mark.slow
def test_writes_the_data_set_and_says_so_in_a_line(project: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pipeline.prepare", "mine"],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    folder = project / "data" / "prepared" / "mine"
    spec = load_spec(folder)
    assert done.stdout.count("\n") == 1 and spec.hash[:12] in done.stdout
    assert (spec.name, spec.carriers, spec.splits["train"]) == ("mine", ("text",), 40)
    assert len(load_arrays(folder, "test")["label"]) == 8


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("mien", "error: unknown data set 'mien': there is no data/raw/mien/dataset.yaml; did you mean 'mine'?"),
        ("../raw/mine", "error: data set name '../raw/mine': use letters, digits, _, - and . only"),
        ("mine/", "error: data set name 'mine/': use letters, digits, _, - and . only"),
        ("typo", "error: unknown dataset 'uniqe' in data/raw/typo/dataset.yaml: dataset; did you mean 'unique'?"),
        ("negative", "error: data/raw/negative/dataset.yaml: dataset.unique: train is -4; it must be a multiple of 4 "),
        ("odd_option", "error: unknown option 'cariers' of 'unique' in data/raw/odd_option/dataset.yaml: dataset; did"),
    ],
)
def test_bad_input_is_one_line_and_no_traceback(
    project: Path, name: str, message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(project)
    monkeypatch.setattr(sys, "argv", ["prepare", name])
    assert main() == 1
    out, err = capsys.readouterr()
    assert out == "" and err.startswith(message) and err.count("\n") == 1
    assert not (project / "data" / "prepared").exists()


def test_a_place_that_cannot_be_written_is_named(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "data" / "prepared").write_text("a file where the folder belongs")
    monkeypatch.chdir(project)
    monkeypatch.setattr(sys, "argv", ["prepare", "mine"])
    assert main() == 1
    err = capsys.readouterr().err
    assert err.startswith("error: data/prepared/mine cannot be written: ") and err.count("\n") == 1
