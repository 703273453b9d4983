"""`mmbench ui` as a person starts and ends it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import psutil
import pytest

from mmbench.cli import main

COMMAND = [sys.executable, "-c", "import sys; from mmbench.cli import main; sys.exit(main(sys.argv[1:]))", "ui"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), pytest.param(signal.SIGTERM, 130, marks=pytest.mark.exhaustive)]
)
def test_it_serves_the_saved_view_and_leaves_nothing_behind(root: Path, number: signal.Signals, code: int) -> None:
    environment = {k: v for k, v in os.environ.items() if k != "MLFLOW_TRACKING_URI"}
    ui = subprocess.Popen(
        [*COMMAND, "--root", str(root)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )
    assert ui.stdout is not None
    try:
        url = ui.stdout.readline().strip()
        assert url.startswith("http://127.0.0.1:")
        assert url.endswith("/runs?workflowType=machine_learning&viewStateShareKey=best")
        with urllib.request.urlopen(url.split("#")[0], timeout=10) as page:
            assert b"<title>MLflow</title>" in page.read()
        family = psutil.Process(ui.pid).children(recursive=True)
        assert family
        ui.send_signal(number)
        _, said = ui.communicate(timeout=180)
    finally:
        ui.kill()
    assert ui.returncode == code
    assert "no runs yet" in said
    assert "Traceback" not in said
    _, alive = psutil.wait_procs(family, timeout=10)
    assert not alive


def test_a_server_elsewhere_is_told_without_its_password(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://ann:s3cret@127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    assert main(["ui", "--root", str(root)]) == 1
    error = capsys.readouterr().err
    assert "s3cret" not in error
    assert "127.0.0.1:9" in error
