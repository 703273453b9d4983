"""A project that was copied or moved never writes into the original, says so, and can be made its own."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest
from mlflow import MlflowClient

from mmbench.cli import main
from mmbench.tracking import open_store
from mmbench.tracking.store import TrackingError
from tests.support import small_project, trained_project

Shown = pytest.CaptureFixture[str]


@pytest.fixture
def original(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A finished project with runs and a report in its MLflow, in a folder whose name needs quoting in addresses."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    root = tmp_path / "the original"
    root.mkdir()
    small_project.make(root)
    small_project.finish(root)
    assert main(["report", "--root", str(root)]) == 0
    assert main(["track", "--root", str(root)]) == 0
    return root


def content(root: Path) -> dict[str, str]:
    return {
        str(file.relative_to(root)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(root.rglob("*"))
        if file.is_file()
    }


def artifacts(root: Path) -> list[str]:
    """Of every run in the project's own experiment: where its artifacts lie."""
    store = open_store(small_project.read(root).params.tracking, root)
    return [run.info.artifact_uri for run in store.client.search_runs([store.experiment_id])]


@pytest.mark.slow
def test_a_copy_leaves_the_original_alone_and_can_be_made_its_own(
    original: Path, capsys: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = original.parent / "copy"
    shutil.copytree(original, copy)
    before = content(original)
    capsys.readouterr()
    assert main(["track", "--root", str(copy)]) == 1
    said = capsys.readouterr().err
    assert f"mlflow.db in {copy} was made in {original}" in said and "`mmbench track --here` makes it its own" in said
    assert main(["champion", "--root", str(copy)]) == 1
    # The model is looked for in the MLflow of the folder that one stands in.
    (copy / "rows.csv").write_text("text\na b\n", encoding="utf-8")
    with monkeypatch.context() as inside:
        inside.chdir(copy)
        capsys.readouterr()
        assert main(["predict", "--model", "models:/x@champion", "rows.csv"]) == 1
        assert "was made in" in capsys.readouterr().err
    (copy / "reports" / "report.html").unlink()
    assert main(["report", "--root", str(copy)]) == 0, "a report needs no MLflow"
    assert (copy / "reports" / "report.html").is_file()
    assert content(original) == before

    capsys.readouterr()
    assert main(["track", "--here", "--root", str(copy)]) == 0
    assert "addresses in mlflow.db now point here" in capsys.readouterr().out
    assert main(["report", "--root", str(copy)]) == 0
    assert content(original) == before
    assert artifacts(copy) and all(uri.startswith(f"{copy.as_uri()}/") for uri in artifacts(copy))
    assert all(uri.startswith(f"{original.as_uri()}/") for uri in artifacts(original))
    assert main(["track", "--here", "--root", str(copy)]) == 0
    assert "mlflow.db already points here" in capsys.readouterr().out


@pytest.mark.slow
def test_a_copys_champions_are_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Shown) -> None:
    """Of trials that were really trained, whose weights are kept."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    root, copy = tmp_path / "original", tmp_path / "copy"
    root.mkdir()
    trained_project.make(root)
    assert main(["track", "--root", str(root)]) == 0
    shutil.copytree(root, copy)
    before = content(root)
    assert main(["champion", "--root", str(copy), trained_project.NAME]) == 1
    assert content(root) == before
    assert main(["track", "--here", "--root", str(copy)]) == 0
    capsys.readouterr()
    assert main(["champion", "--root", str(copy), trained_project.NAME]) == 0
    assert "models:/mmbench-seen@champion (version 1)" in capsys.readouterr().out
    assert main(["report", "--root", str(copy)]) == 0
    assert content(root) == before
    store = open_store(small_project.read(copy).params.tracking, copy)
    (version,) = store.client.search_model_versions("name = 'mmbench-seen'")
    assert str(version.source).startswith(("models:/", copy.as_uri()))
    store = open_store(small_project.read(root).params.tracking, root)
    assert store.client.search_model_versions("name = 'mmbench-seen'") == []


@pytest.mark.slow
def test_a_moved_project_finds_its_report_again(original: Path) -> None:
    moved = original.parent / "moved"
    original.rename(moved)
    settings = small_project.read(moved).params.tracking
    with pytest.raises(TrackingError, match="copied or moved"):
        open_store(settings, moved)
    assert main(["track", "--here", "--root", str(moved)]) == 0
    store = open_store(settings, moved)
    (run,) = store.client.search_runs([store.experiment_id], filter_string="tags.role = 'summary'")
    assert run.info.artifact_uri.startswith(moved.as_uri())
    found = Path(store.client.download_artifacts(run.info.run_id, "report/report.html"))
    assert found.read_bytes() == (moved / "reports" / "report.html").read_bytes()
    assert not original.exists()


@pytest.mark.slow
def test_two_projects_that_share_a_database_do_not_share_an_experiment(
    original: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = original.parent / "shared.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{database}")
    settings = small_project.read(original).params.tracking
    open_store(settings, original)
    other = original.parent / "other"
    other.mkdir()
    with pytest.raises(TrackingError, match=r"give another name in params\.yaml: tracking\.experiment"):
        open_store(settings, other)
    open_store(settings.model_copy(update={"experiment": "other"}), other)
    assert len(MlflowClient(tracking_uri=f"sqlite:///{database}").search_experiments()) == 3


@pytest.mark.slow
def test_only_what_the_report_made_is_sent(original: Path) -> None:
    (original / "reports" / "data").mkdir()
    (original / "reports" / "data" / "private.html").write_text("my files", encoding="utf-8")
    (original / "reports" / "notes.txt").write_text("mine", encoding="utf-8")
    (original / "reports" / "report.html").write_text("<!doctype html><title>changed</title>", encoding="utf-8")
    assert main(["track", "--root", str(original)]) == 0
    store = open_store(small_project.read(original).params.tracking, original)
    (run,) = store.client.search_runs([store.experiment_id], filter_string="tags.role = 'summary'")
    sent = {f.path for f in store.client.list_artifacts(run.info.run_id, "report")}
    assert "report/report.html" in sent and not {"report/data", "report/notes.txt"} & sent
