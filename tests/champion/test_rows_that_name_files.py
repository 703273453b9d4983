"""Rows whose columns make the names of files, as new samples of a model that was trained on such."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from mmbench.champion import example
from mmbench.champion.inputs import InputBuilder
from mmbench.champion.predictor import rows_of
from mmbench.data.files.source import Root
from mmbench.data.prepare import dataset, readers
from mmbench.data.prepared import SPLITS, load_prepared
from mmbench.errors import UserError
from mmbench.tracking.model_card import card
from tests.support.folders import fill

N = 30
SCAN, SOUND = "scans/{patient}/visit{visit:02}.png", "heard/{patient}_{visit}.wav"


@dataclass
class Made:
    """builder: of the inputs of a model. folder: of the files. rows: the table. scans: the pictures of `prepare`."""

    builder: InputBuilder
    folder: Path
    rows: pd.DataFrame
    scans: dict[str, np.ndarray]


def make(folder: Path, *, optional: bool = False) -> Made:
    raw = folder / "raw" / "visits"
    keys = [(f"P{i // 3}", i % 3 + 1) for i in range(N)]
    fill(raw, [f"scans/{p}/visit{v:02}.png" for p, v in keys])
    fill(raw, [f"heard/{p}_{v}.wav" for p, v in keys if not (optional and v == 3)])
    rows = pd.DataFrame(keys, columns=["patient", "visit"])
    rows["diagnosis"] = [("ill", "well")[i % 2] for i in range(N)]
    rows["part"] = [("train", "validation", "test")[i // 3 % 3] for i in range(N)]
    # As a table with gaps has them.
    rows.assign(visit=rows["visit"].astype(float)).to_csv(raw / "m.csv", index=False)
    said = {
        "manifest": "m.csv",
        "columns": {
            "scan": {"image": {"path": SCAN, "side": 16}},
            "sound": {"audio": {"path": SOUND, "optional": optional}},
        },
        "target": {"classification": "diagnosis"},
        "split": "part",
        "group": "patient",
        "accept": ["near duplicate", "same content"],
    }
    (raw / "dataset.yaml").write_text(yaml.safe_dump(said), encoding="utf-8")
    prepared = folder / "prepared"
    dataset.prepare(dataset.read("visits", folder / "raw"), prepared, progress=False)
    spec, arrays = load_prepared(prepared)
    found = readers.load(prepared)
    decoders = {name: one.decoder(name) for name, one in found.items()}
    builder = InputBuilder(spec=spec, modalities=("scan", "sound"), readers=found, decoders=decoders)
    scans = {split: np.asarray(arrays[split]["scan"]) for split in SPLITS}
    return Made(builder=builder, folder=raw, rows=rows, scans=scans)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return make(tmp_path_factory.mktemp("plain"))


def test_new_rows_are_read_as_prepare_read_the_old_ones(plain: Made) -> None:
    builder, rows = plain.builder, plain.rows
    assert builder.columns() == {"patient": "sound", "visit": "sound"}
    root = Root(plain.folder)
    for split, prepared in plain.scans.items():
        batch = builder.batch(rows_of(rows[rows["part"] == split][["patient", "visit"]]), root)
        assert not batch.errors
        np.testing.assert_array_equal(batch.arrays["scan"], prepared)
    # Whole numbers, numbers with a gap, or text: it is the same file.
    one = [builder.batch(rows_of(pd.DataFrame({"patient": ["P1"], "visit": [v]})), root) for v in (2, 2.0, "2", "2.0")]
    assert all((batch.arrays["scan"] == one[0].arrays["scan"]).all() and not batch.errors for batch in one)


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"patient": "P1", "visit": 9}, "(scans/P1/visit09.png): 'scans/P1/visit09.png' is missing"),
        ({"patient": "P1", "visit": None}, "visit is empty"),
        ({"patient": "../P1", "visit": 1}, "leads out"),
        ({"patient": None, "visit": None}, "is empty; the model was trained on samples that all have it"),
        ({"patient": "P1", "visit": "two"}, "visit is 'two', no whole number"),
    ],
)
def test_a_row_without_its_file_has_an_error_of_its_own(plain: Made, row: dict[str, object], told: str) -> None:
    builder = plain.builder
    frame = pd.DataFrame([{"patient": "P1", "visit": 1}, row], dtype=object)
    batch = builder.batch(rows_of(frame), Root(plain.folder))
    assert list(batch.errors) == [1]
    assert batch.errors[1].startswith("input row 2, scan") and told in batch.errors[1]


def test_what_a_sample_may_lack(tmp_path: Path) -> None:
    lacking = make(tmp_path, optional=True)
    rows = lacking.rows
    batch = lacking.builder.batch(rows_of(rows[["patient", "visit"]]), Root(lacking.folder))
    assert not batch.errors
    assert [bool(mask.any()) for mask in batch.arrays["sound.mask"]] == [v != 3 for v in rows["visit"]]


def test_a_column_that_is_not_there(plain: Made) -> None:
    builder = plain.builder
    with pytest.raises(UserError, match=r"no column 'visit', of which the names of files .*mean 'vis'"):
        builder.check(rows_of(pd.DataFrame({"patient": ["P1"], "vis": [1]})))


def test_the_example_and_the_card_of_a_model(plain: Made, tmp_path: Path) -> None:
    builder = plain.builder
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    subprocess.run(["sh", "-c", example.command(builder)], cwd=tmp_path, check=True, env=environment)
    assert json.loads((tmp_path / "rows.jsonl").read_text(encoding="utf-8")) == {"patient": 1, "visit": 1}
    said = card("models:/x@champion", builder.spec, builder)
    assert f"scan: `{SCAN}`; sound: `{SOUND}`" in said
