"""`mmbench predict` on a champion of files."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from safetensors.torch import load_file, save_file

from mmbench.cli import main
from mmbench.tracking.champion import fetch
from tests.support import trained_project

pytestmark = [pytest.mark.slow, pytest.mark.timeout(200)]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    root = tmp_path_factory.mktemp("predicted")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        trained_project.make(root)
        assert main(["champion", "--root", str(root), trained_project.NAME]) == 0
        patch.chdir(root)
        yield root


@pytest.fixture
def rows(project: Path) -> pd.DataFrame:
    return pd.read_csv(project / "data" / "raw" / trained_project.NAME / "manifest.csv", keep_default_na=False)


MODEL = ["predict", "--model", "models:/mmbench-seen@champion"]


def test_a_manifest_is_predicted_as_it_is(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = project / "made.parquet"
    manifest = project / "data" / "raw" / "seen" / "manifest.csv"
    assert main([*MODEL, str(manifest), "--out", str(out)]) == 0
    made, given = pd.read_parquet(out), pd.read_csv(manifest)
    assert made["row"].tolist() == list(range(2, len(given) + 2))
    assert (made["prediction"] == given["kind"]).mean() > 0.9
    assert list(made.columns) == [
        *("row", "prediction", "probability.high", "probability.low", "probability.mid, dle", "error")
    ]
    assert "120 of 120 rows predicted" in capsys.readouterr().err


def test_what_cannot_be_read_is_told_by_row(
    project: Path, rows: pd.DataFrame, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(project / "data" / "raw" / "seen" / "img", tmp_path / "photos" / "img")
    (tmp_path / "photos" / "img" / "1.png").write_bytes(b"\x89PNG\r\n\x1a\nno more")
    rows = rows.head(8).astype(object)
    rows.loc[2, "file"] = "img/nowhere.png"
    rows.loc[3, "file"] = "/etc/hostname"
    rows.loc[4, "caption"] = ""
    rows.loc[5, ["f0", "f1", "f2"]] = ""
    rows.loc[6, "f1"] = "many"
    rows.to_csv(tmp_path / "rows.csv", index=False)
    root = ["--files", str(tmp_path / "photos")]
    assert main([*MODEL, str(tmp_path / "rows.csv"), *root, "--out", str(tmp_path / "out.csv")]) == 1
    made = pd.read_csv(tmp_path / "out.csv", keep_default_na=False)
    said = dict(zip(made["row"], made["error"], strict=True))
    assert said[2] == "" and said[9] == ""
    assert said[3].startswith("rows.csv row 3, file (img/1.png): is not an image that can be read")
    assert said[4].startswith("rows.csv row 4, file (img/nowhere.png): 'img/nowhere.png' is missing")
    assert "is an absolute path" in said[5]
    assert said[6] == "", "captions are missing in training too, so the others serve"
    assert said[7] == "rows.csv row 7, numbers: is empty; the model was trained on samples that all have it"
    assert said[8].startswith("rows.csv row 8, f1 (many): is no (finite) number")
    bad = made["error"] != ""
    assert (made["prediction"][bad] == "").all()
    assert made["prediction"][~bad].isin(["low", "mid, dle", "high"]).all()
    # The others are predicted as they are without the bad ones.
    rows[~bad.to_numpy()].to_csv(tmp_path / "good.csv", index=False)
    assert main([*MODEL, str(tmp_path / "good.csv"), *root, "--out", str(tmp_path / "good-out.csv")]) == 0
    again = pd.read_csv(tmp_path / "good-out.csv")
    pd.testing.assert_series_equal(
        again["probability.low"], made["probability.low"][~bad].astype(float).reset_index(drop=True)
    )
    assert "row 3, file (img/1.png)" in capsys.readouterr().err


def test_empty_rows_are_told_and_a_table_without_rows_is_refused(
    project: Path, rows: pd.DataFrame, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    header, first, *_ = rows.to_csv(index=False).splitlines(keepends=True)
    table = tmp_path / "rows.csv"
    table.write_text(header + "," * header.count(",") + "\n" + first, encoding="utf-8")
    root = ["--files", str(project / "data" / "raw" / "seen"), "--out", str(tmp_path / "out.csv")]
    assert main([*MODEL, str(table), *root]) == 0
    said = capsys.readouterr().err
    assert "note: rows.csv: every field is empty in row 2; left out" in said and "1 of 1 rows predicted" in said
    table.write_text(header, encoding="utf-8")
    assert main([*MODEL, str(table), *root]) == 1
    assert "rows.csv has no rows with a value: there is nothing to predict" in capsys.readouterr().err


def test_a_misspelt_column_is_told_with_what_was_meant(
    project: Path, rows: pd.DataFrame, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows.rename(columns={"caption": "captoin"}).to_json(tmp_path / "rows.jsonl", orient="records", lines=True)
    assert main([*MODEL, str(tmp_path / "rows.jsonl")]) == 1
    said = capsys.readouterr().err
    assert "rows.jsonl has no column 'caption', which the model reads as caption; did you mean 'captoin'?" in said


def test_a_model_that_is_none_is_told(project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "rows.csv").write_text("file,caption,f0,f1,f2\n", encoding="utf-8")
    for model, said in {
        "models:/mmbench-sen@champion": "MLflow has no model 'mmbench-sen'; did you mean 'mmbench-seen'?",
        "models:/mmbench-seen@chmpion": "mmbench-seen has no alias 'chmpion'; did you mean 'champion'?",
        "models:/mmbench-seen/7": "mmbench-seen has no version '7'; known: 1",
        "models:/mmbench-seen": "give models:/NAME@champion or models:/NAME/VERSION",
        "models:/mmbench-seen/Production": "that is no address of a model; give models:/NAME@champion",
        str(tmp_path): "no model of mmbench lies there",
    }.items():
        assert main(["predict", "--model", model, str(tmp_path / "rows.csv")]) == 1
        assert said in capsys.readouterr().err
    assert main([*MODEL, str(tmp_path / "rows.csv"), "--out", "x.xls"]) == 1
    assert ".jsonl" in capsys.readouterr().err


def test_a_model_whose_source_changed_is_refused(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Other weights stand in for other code: either way the model is not the one that was saved."""
    folder = Path(shutil.copytree(fetch("models:/mmbench-seen@champion", project), tmp_path / "model"))
    manifest = str(project / "data" / "raw" / "seen" / "manifest.csv")
    assert main(["predict", "--model", str(folder), manifest]) == 0
    weights = load_file(folder / "weights.safetensors")
    save_file({name: value * 1.5 for name, value in weights.items()}, folder / "weights.safetensors")
    assert main(["predict", "--model", str(folder), manifest]) == 1
    assert "makes another model of the weights" in capsys.readouterr().err
    (folder / "weights.safetensors").write_bytes(b"\x80\x04nothing")
    assert main(["predict", "--model", str(folder), manifest]) == 1
    assert "is broken" in capsys.readouterr().err


def test_numbers_that_are_far_too_large_are_an_error_of_their_row(
    project: Path, rows: pd.DataFrame, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = rows.head(3).assign(file=None)
    rows.loc[1, "f0"] = 1e300
    rows["file"] = [f"img/{i}.png" for i in range(3)]
    rows.to_csv(tmp_path / "rows.csv", index=False)
    out = tmp_path / "made.jsonl"
    root = str(project / "data" / "raw" / "seen")
    assert main([*MODEL, str(tmp_path / "rows.csv"), "--root", root, "--out", str(out)]) == 1
    made = pd.read_json(out, lines=True)
    assert made["error"].notna().tolist() == [False, True, False]
    assert made["prediction"].notna().tolist() == [True, False, True]
    capsys.readouterr()
    assert main([*MODEL, str(tmp_path / "rows.csv"), "--out", str(tmp_path / "nowhere" / "x.csv")]) == 1
    assert "there is no folder" in capsys.readouterr().err


def test_a_tampered_model_is_told_in_a_line(project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = str(project / "data" / "raw" / "seen" / "manifest.csv")
    whole = fetch("models:/mmbench-seen@champion", project)
    spec = (whole / "spec.json").read_text(encoding="utf-8")
    for name, change in {
        "spec": lambda f: (f / "spec.json").write_text(spec.replace('"caption"', '"kaption"')),
        "deep": lambda f: (f / "spec.json").write_text("[" * 200_000),
        "shape": lambda f: save_file(
            {k: v[:1] if k != "output" else v for k, v in load_file(whole / "check.safetensors").items()},
            f / "check.safetensors",
        ),
    }.items():
        folder = Path(shutil.copytree(whole, tmp_path / name))
        change(folder)
        assert main(["predict", "--model", str(folder), rows]) == 1
        said = capsys.readouterr().err
        assert "Traceback" not in said and str(folder) in said


def test_outside_a_project_no_database_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    (tmp_path / "rows.csv").write_text("caption\nhello\n")
    assert main([*MODEL, "rows.csv"]) == 1
    said = capsys.readouterr().err
    assert f"there is no MLflow database {tmp_path.resolve()}/mlflow.db; run this in the folder of the project" in said
    assert [file.name for file in tmp_path.iterdir()] == ["rows.csv"]
