"""Ctrl-C, then kill -9, then to the end: nothing finished is lost, no process remains, numbers are the same."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from mmbench.schema.result import State
from tests.support import driver

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
TRIALS = 2 * 3 * 3 + 2 * 2 + 2


def _count(root: Path) -> int:
    return sum(not file.name.endswith(".measured.json") for file in (root / "data" / "ledger").glob("*.json"))


def _until(root: Path, count: int, process: subprocess.Popen[str]) -> None:
    """Wait until so many trials have finished."""
    while _count(root) < count:
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.02)


def _remaining(processes: list[psutil.Process]) -> list[psutil.Process]:
    return [p for p in processes if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]


def _stop(root: Path, count: int, how: signal.Signals) -> tuple[int, str]:
    """Send the signal to the driver at that many finished trials; see every process of the sweep end."""
    process = driver.start(root)
    _until(root, count, process)
    family = psutil.Process(process.pid).children(recursive=True)
    assert len(family) > 3
    os.kill(process.pid, how)
    output, _ = process.communicate(timeout=60)
    end = time.monotonic() + 10
    while _remaining(family) and time.monotonic() < end:
        time.sleep(0.1)
    assert _remaining(family) == []
    return process.returncode, output


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = driver.project(tmp_path_factory.mktemp("whole") / "project")
    process = driver.start(root)
    output, _ = process.communicate(timeout=200)
    assert process.returncode == 0, output
    return root


def test_a_sweep_survives_ctrl_c_and_kill(tmp_path: Path, uninterrupted: Path) -> None:
    root = driver.project(tmp_path / "project")

    code, output = _stop(root, 7, signal.SIGINT)
    assert code == 130
    assert "trials are left; the next `dvc repro` goes on from here" in output
    assert "Traceback" not in output
    first = driver.results(root)
    assert 7 <= len(first) < TRIALS

    code, _ = _stop(root, len(first) + 7, signal.SIGKILL)
    assert code == -signal.SIGKILL
    second = driver.results(root)
    assert first.items() <= second.items()
    assert len(second) < TRIALS

    process = driver.start(root)
    output, _ = process.communicate(timeout=200)
    assert process.returncode == 0, output
    last = driver.results(root)
    assert second.items() <= last.items()
    assert len(last) == TRIALS
    kinds = ("json", "measured.json", "safetensors")
    assert {f.name for f in (root / "data" / "ledger").iterdir()} == {f"{i}.{kind}" for i in last for kind in kinds}

    # Trained in other workers, in another order, with other trials before them: bit for bit the same.
    whole = driver.results(uninterrupted)
    assert whole.keys() == last.keys()
    for i, result in whole.items():
        assert result.state is State.DONE
        assert result.metrics == last[i].metrics
        assert result.curves == last[i].curves


def test_a_finished_sweep_has_nothing_to_run(uninterrupted: Path) -> None:
    before = {f: f.stat().st_mtime_ns for f in (uninterrupted / "data" / "ledger").iterdir()}
    process = driver.start(uninterrupted)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert f"{TRIALS} trials: {TRIALS} done" in output
    assert "to run" not in output
    assert before == {f: f.stat().st_mtime_ns for f in (uninterrupted / "data" / "ledger").iterdir()}
