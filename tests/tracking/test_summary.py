from __future__ import annotations

from pathlib import Path

import pytest

from mmbench.report.build import analyse
from mmbench.report.export import export
from mmbench.tracking import log_report
from tests.report.test_ladder import FLAT, catches_up, laddered
from tests.support.factory import make
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


def test_the_summary_tells_what_is_decided(tracked: Tracked, tmp_path: Path) -> None:
    """The same records as in the report's own file; after another report what it says, and nothing of the first."""
    tracked.sync()
    report = analyse(**laddered(make(truths=FLAT, seeds=4, noise=0.002), catches_up))
    export(report, tmp_path / "reports")
    assert log_report(tracked.settings, tracked.root, tmp_path / "reports")
    (run_id,) = summaries(tracked)
    tags = tracked.store().client.get_run(run_id).data.tags
    assert tags["headline"] == report.context.headline
    for kind in ("contrast", "combination", "control"):
        own = [v for v in report.context.verdicts if v.kind == kind]
        part = next(x for x in tags["verdicts.flat"].split("; ") if x.startswith(f"{kind}s: "))
        told = dict(reversed(x.split(" ", 1)) for x in part.removeprefix(f"{kind}s: ").split(", "))
        counts = {v: str(sum(x.verdict == v for x in own)) for v in {x.verdict for x in own}}
        fading = sum(v.lasts is False for v in own)
        assert told == counts | ({"not lasting with more training": str(fading)} if fading else {})
    note = tags["mlflow.note.content"]
    assert f"**{report.context.headline}**" in note and f"- flat: {tags['verdicts.flat']}" in note
    tracked.sync()
    assert report.context.headline in tracked.store().client.get_run(run_id).data.tags["mlflow.note.content"]
