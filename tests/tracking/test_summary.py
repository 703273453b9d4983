from __future__ import annotations

from pathlib import Path

import pytest

from mmbench.tracking import log_report
from tests.tracking.conftest import Tracked


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    (tmp_path / "tables").mkdir()
    (tmp_path / "report.html").write_text("<!doctype html><title>one</title>", encoding="utf-8")
    (tmp_path / "tables" / "cells.csv").write_text("a,b\n", encoding="utf-8")
    return tmp_path


def summaries(tracked: Tracked) -> list[str]:
    return [run.info.run_id for run in tracked.runs("tags.role = 'summary'")]


def test_the_report_is_an_artifact_of_one_run(tracked: Tracked, reports: Path) -> None:
    tracked.sync()
    assert log_report(tracked.settings, tracked.root, reports)
    (run_id,) = summaries(tracked)
    client = tracked.store().client
    assert {f.path for f in client.list_artifacts(run_id, "report")} == {"report/report.html", "report/tables"}
    (reports / "report.html").write_text("<!doctype html><title>two</title>", encoding="utf-8")
    assert log_report(tracked.settings, tracked.root, reports)
    tracked.sync()
    assert summaries(tracked) == [run_id]
    local = Path(client.download_artifacts(run_id, "report/report.html"))
    assert "two" in local.read_text(encoding="utf-8")


@pytest.mark.slow
def test_an_equal_report_is_not_written_again(tracked: Tracked, reports: Path) -> None:
    log_report(tracked.settings, tracked.root, reports)
    (run_id,) = summaries(tracked)
    stored = Path(tracked.store().client.download_artifacts(run_id, "report/report.html"))
    stored.write_text("left alone", encoding="utf-8")
    log_report(tracked.settings, tracked.root, reports)
    assert stored.read_text(encoding="utf-8") == "left alone"


def test_a_report_that_cannot_be_attached_is_a_warning(
    tracked: Tracked, reports: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    assert not log_report(tracked.settings, tracked.root, reports)
    assert "the report is not in MLflow" in caplog.text
