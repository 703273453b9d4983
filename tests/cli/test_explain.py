"""`mmbench explain` on a champion of files, and on one of arrays."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from mmbench.champion.explainer import explain
from mmbench.champion.predictor import Predictor, rows_of
from mmbench.champion.tokens import token_names
from mmbench.cli import main
from mmbench.data.files.source import Root
from mmbench.schema.dataset import Modality
from mmbench.tracking.champion import fetch
from tests.support import trained_project

pytestmark = [pytest.mark.slow, pytest.mark.timeout(200)]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    root = tmp_path_factory.mktemp("explained")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        trained_project.make(root)
        assert main(["champion", "--root", str(root), trained_project.NAME]) == 0
        patch.chdir(root)
        yield root


MODEL = ["explain", "--model", "models:/mmbench-seen@champion"]


def manifest(project: Path) -> Path:
    return project / "data" / "raw" / trained_project.NAME / "manifest.csv"


def test_a_manifest_is_explained_as_it_is(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "why.html"
    assert main([*MODEL, str(manifest(project)), "--out", str(out), "--first", "6"]) == 0
    whole = len(pd.read_csv(manifest(project)))
    assert f"6 of the first 6 of {whole} rows (--first 6) explained" in capsys.readouterr().err
    page, made = out.read_text(encoding="utf-8"), pd.read_csv(tmp_path / "why.csv", keep_default_na=False)
    assert page.count("<h2>Row ") == 6 and "Row 7: " in page and "Row 8" not in page
    assert "http" not in page.replace("http-equiv", "") and "<script" not in page
    predictor = Predictor.load(fetch("models:/mmbench-seen@champion", project))
    names = set(predictor.columns.values())
    assert set(made["modality"]) == names and set(made["row"]) == {2, 3, 4, 5, 6, 7}
    assert names == {"photo", "caption", "numbers"}
    assert page.count("data:image/png;base64") == 24 and {"row 1, column 1", "f0", "f2"} <= set(made["name"])
    assert {"sample", "is", "high"} <= set(made["name"]) and ">high</span>" in page
    assert set(made["modality"][made["row"] == 2]) == {"photo", "numbers"}, "it has no caption"
    # Against the probe's own functions: occlusion of one token is what hiding it does to the answer.
    given = pd.read_csv(manifest(project), keep_default_na=False).head(6)
    rows = explain(predictor, rows_of(given), Root(manifest(project).parent))
    first = rows[0].modalities[made["modality"][0]]
    assert float(made["occlusion"][0]) == pytest.approx(first.relevance["occlusion"][0], rel=1e-4)
    assert rows[0].answer.split(" (")[0] in ("low", "mid, dle", "high")


def test_what_is_there_is_never_replaced_silently(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = Path(shutil.copytree(manifest(project).parent, tmp_path / "own")) / "manifest.csv"
    out = tmp_path / "page.html"
    for there in (out, out.with_suffix(".csv")):
        there.write_text("mine", encoding="utf-8")
        assert main([*MODEL, str(rows), "--out", str(out)]) == 1
        assert f"{there} exists; --force replaces it" in capsys.readouterr().err
        assert there.read_text(encoding="utf-8") == "mine"
        there.unlink()
    before = rows.read_bytes()
    assert main([*MODEL, str(rows), "--out", str(rows.with_suffix(".html")), "--force"]) == 1
    assert "its numbers would replace" in capsys.readouterr().err and rows.read_bytes() == before
    out.write_text("mine", encoding="utf-8")
    assert main([*MODEL, str(rows), "--out", str(out), "--force", "--first", "1"]) == 0
    assert out.read_text(encoding="utf-8").startswith("<!doctype html>")


def test_wrong_calls_and_rows_are_told(project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = pd.read_csv(manifest(project), keep_default_na=False).head(3).astype(object)
    out = ["--out", str(tmp_path / "page.html")]
    assert main([*MODEL, str(manifest(project)), "--out", str(tmp_path / "page.pdf")]) == 1
    assert "the page's name ends in .html" in capsys.readouterr().err
    assert main([*MODEL, str(manifest(project)), "--out", str(tmp_path / "no" / "page.html")]) == 1
    assert "there is no folder" in capsys.readouterr().err
    assert main([*MODEL, str(manifest(project)), "--out", "/proc/page.html"]) == 1
    assert "nothing can be written there" in capsys.readouterr().err
    rows.head(0).to_csv(tmp_path / "none.csv", index=False)
    assert main([*MODEL, str(tmp_path / "none.csv"), *out]) == 1
    assert "none.csv has no rows" in capsys.readouterr().err
    assert not (tmp_path / "page.html").exists()
    predictor = Predictor.load(fetch("models:/mmbench-seen@champion", project))
    column = next(iter(predictor.columns))
    rows.rename(columns={column: f"{column}x"}).to_csv(tmp_path / "rows.csv", index=False)
    assert main([*MODEL, str(tmp_path / "rows.csv"), *out]) == 1
    assert f"rows.csv has no column {column!r}" in capsys.readouterr().err
    rows.loc[1, ["file", "f1"]] = ["img/<b>nowhere.png", "many"]
    rows.to_csv(tmp_path / "rows.csv", index=False)
    assert main([*MODEL, str(tmp_path / "rows.csv"), "--files", str(manifest(project).parent), *out]) == 1
    assert "2 of 3 rows explained" in capsys.readouterr().err
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert 'class="error"' in page and "<b>" not in page
    made = pd.read_csv(tmp_path / "page.csv")
    assert made["error"].notna().sum() == 1 and set(made["row"]) == {2, 3, 4}


def test_help_is_quick() -> None:
    code = "import sys; from mmbench.cli import main; main(['explain', '--help']); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"torch", "pandas", "mlflow", "PIL"} & set(done.stdout.splitlines()[-1].split())


def test_tokens_have_names() -> None:
    import numpy as np

    image = Modality(kind="image", shape=(1, 8, 12), options={"patch": 4})
    assert token_names(image, 6, np.zeros((1, 8, 12)), None)[4] == "row 2, column 2"
    sound = Modality(kind="audio", shape=(40, 24), options={"frames": 5})
    assert token_names(sound, 8, np.zeros((40, 24)), None)[1] == "frames 6 to 10"
    assert token_names(Modality(kind="feature", shape=(3, 2)), 3, np.zeros((3, 2)), None)[2] == "token 3"
    assert token_names(Modality(kind="feature", shape=(2,)), 2, np.zeros(2), None, ["age", "dose"]) == ["age", "dose"]
