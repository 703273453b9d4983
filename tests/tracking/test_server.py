"""A real MLflow server on loopback, and its pages in a real browser."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Browser

from mmbench.report.build import analyse
from mmbench.report.pages.html import render
from mmbench.schema.result import State
from mmbench.tracking import TrackingError, log_report, report_url
from mmbench.tracking.names import trial_name
from mmbench.tracking.server import free_port, serving
from tests.tracking.conftest import Tracked


def test_a_taken_port_is_told_and_another_found() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(TrackingError, match=rf"cannot listen on 127.0.0.1:{port} .*leave out --port"):
            free_port("127.0.0.1", port)
    assert free_port("127.0.0.1", None) > 0


@pytest.fixture(scope="module")
def served(_project: tuple[Path, object]) -> Iterator[str]:
    """The address of a server over a database of its own."""
    root, loaded = _project
    tracked = Tracked(root=root, loaded=loaded)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", "sqlite:///served.db")
        store = tracked.store()
        with serving(store, root) as server:
            family = [psutil.Process(server.process.pid), *psutil.Process(server.process.pid).children(recursive=True)]
            yield server.url
    gone, alive = psutil.wait_procs(family, timeout=10)
    assert len(gone) > 1
    assert not alive


@pytest.mark.slow
def test_an_import_through_a_server_gives_the_same_runs(
    served: str, tracked: Tracked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", served)
    results = tracked.loaded.results
    assert tracked.sync().added == len(results)
    assert tracked.sync().unchanged == len(results)
    for run in tracked.runs():
        kept = results[run.data.tags["trial_id"]]
        assert run.data.metrics.get("test/accuracy") == kept.metrics.get("test", {}).get("accuracy")
        assert run.info.start_time == 1767323045678
    (tmp_path / "report.html").write_text("<!doctype html><title>report</title>", encoding="utf-8")
    assert log_report(tracked.settings, tracked.root, tmp_path)
    (summary,) = tracked.runs("tags.role = 'summary'")
    assert [f.path for f in tracked.store().client.list_artifacts(summary.info.run_id, "report")] == [
        "report/report.html"
    ]


@pytest.mark.exhaustive
@pytest.mark.browser
def test_the_report_leads_to_runs_and_runs_to_the_report(
    served: str, tracked: Tracked, browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from playwright.sync_api import expect

    monkeypatch.setenv("MLFLOW_TRACKING_URI", served)
    tracked.sync()
    loaded = tracked.loaded
    page_file = tmp_path / "report.html"
    page_file.write_text(
        render(analyse(loaded.plan, loaded.results, loaded.specs, loaded.params, families={})), encoding="utf-8"
    )
    assert log_report(tracked.settings, tracked.root, tmp_path)
    eid = tracked.store().experiment_id
    failed = next(r for r in loaded.results.values() if r.state is State.FAILED)
    page = browser.new_page(viewport={"width": 1800, "height": 1200})
    page.set_default_timeout(60_000)
    expect.set_options(timeout=60_000)
    for address in (page_file.as_uri(), f"{page_file.as_uri()}#runs=javascript:alert(1)"):
        page.goto("about:blank")
        page.goto(address)
        expect(page.locator("code", has_text=failed.trial_id).first).to_be_attached()
        assert page.locator("a > code").count() == 0
    page.goto("about:blank")
    page.goto(report_url(page_file, served, eid))
    with page.expect_popup() as popup:
        page.locator("a:visible", has_text=failed.trial_id).first.click()
    runs = popup.value
    runs.set_default_timeout(60_000)
    runs.get_by_role("link", name=trial_name(failed.config)).click()
    with runs.expect_popup() as popup:
        runs.get_by_role("link", name="The report", exact=True).click()
    frame = popup.value.frame_locator("iframe")
    expect(frame.get_by_role("heading", level=1)).to_be_visible()
    page.context.close()
