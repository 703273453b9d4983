"""`mmbench ui` as a person starts and ends it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
import warnings
from pathlib import Path

import psutil
import pytest

from mmbench.cli import main
from mmbench.cli.browser import DISPLAYS, can_show, open_page

COMMAND = [sys.executable, "-c", "import sys; from mmbench.cli import main; sys.exit(main(sys.argv[1:]))", "ui"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "option"),
    [(signal.SIGINT, "--browser"), pytest.param(signal.SIGTERM, "--no-browser", marks=pytest.mark.exhaustive)],
)
def test_it_serves_and_opens_the_saved_view_and_leaves_nothing_behind(
    root: Path, tmp_path: Path, number: signal.Signals, option: str
) -> None:
    environment = {k: v for k, v in os.environ.items() if k not in ("MLFLOW_TRACKING_URI", *DISPLAYS)}
    environment |= noted_by(tmp_path / "browser", tmp_path / "noted")
    ui = subprocess.Popen(
        [*COMMAND, "--root", str(root), option],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )
    assert ui.stdout is not None
    try:
        url = ui.stdout.readline().strip()
        assert url.startswith("http://127.0.0.1:")
        assert url.endswith("/runs?workflowType=machine_learning&viewStateShareKey=mmbench.data.small")
        with urllib.request.urlopen(url.split("#")[0], timeout=10) as page:
            assert b"<title>MLflow</title>" in page.read()
        if option == "--browser":
            assert read_when_there(tmp_path / "noted") == url
        family = psutil.Process(ui.pid).children(recursive=True)
        assert family
        ui.send_signal(number)
        _, said = ui.communicate(timeout=180)
    finally:
        ui.kill()
    assert ui.returncode == 130
    assert (tmp_path / "noted").exists() == (option == "--browser")
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


def noted_by(program: Path, where: Path) -> dict[str, str]:
    """The environment in which a program in place of a browser notes what it is asked to open."""
    program.write_text(f'#!/bin/sh\necho "$1" > {where}\n', encoding="utf-8")
    program.chmod(0o700)
    return {"BROWSER": f"{program} %s"}


def read_when_there(file: Path) -> str:
    deadline = time.monotonic() + 30
    while not (file.exists() and file.read_text(encoding="utf-8")) and time.monotonic() < deadline:
        time.sleep(0.05)
    return file.read_text(encoding="utf-8").strip()


def test_the_browser_that_there_is_opens_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BROWSER", noted_by(tmp_path / "browser", tmp_path / "noted")["BROWSER"])
    open_page("http://127.0.0.1:1/#/x?a=b&c=d")
    assert read_when_there(tmp_path / "noted") == "http://127.0.0.1:1/#/x?a=b&c=d"


@pytest.mark.parametrize("command", ["", "/no/such/browser %s", "%"])
def test_a_machine_without_a_browser_is_no_problem(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in DISPLAYS:
        monkeypatch.delenv(name, raising=False)
    if command:
        monkeypatch.setenv("BROWSER", command)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        open_page("http://127.0.0.1:1/")
        for thread in threading.enumerate():
            if thread.name == "browser":
                thread.join(30)


def test_no_browser_of_the_terminal_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    """`w3m` would take the terminal in which Ctrl-C is to end the server."""
    for name in DISPLAYS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    open_page("http://127.0.0.1:1/")
    assert opened == [] and not can_show()
    monkeypatch.setenv("DISPLAY", ":0")
    open_page("http://127.0.0.1:1/")
    for thread in threading.enumerate():
        if thread.name == "browser":
            thread.join(30)
    assert opened == ["http://127.0.0.1:1/"]
