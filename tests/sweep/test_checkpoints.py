"""Long trials survive the loss of a worker or of the driver, and Ctrl-C: real sweeps, with a checkpoint an epoch."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

import psutil
import pytest

from mmbench.ledger.store import Ledger
from mmbench.schema.result import TrialResult
from mmbench.sweep.checkpoints import OLD_S, Folder
from tests.support import driver

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

OFTEN = "import mmbench.sweep.checkpoints as c, mmbench.sweep.in_process as p; c.EVERY_S = p.EVERY_S = 0.0"


def project(folder: Path, at_once: int) -> Path:
    """Two trials that take some seconds each."""
    return driver.project(
        folder,
        grid={"attention": ["unhurried"], "fusion": ["concat"], "architecture": ["independent"], "seeds": 2},
        controls={"single_modalities": False, "baselines": []},
        train={"epochs": 60},
        sweep={"at_once": at_once, "retries": 1},
    )


def finish(root: Path) -> dict[str, TrialResult]:
    process = driver.start(root, before=OFTEN)
    said, _ = process.communicate(timeout=300)
    assert process.returncode == 0, said
    assert not list(Folder.beside(root / "data" / "ledger").path.glob("*")), "what is not needed any more stays"
    return driver.results(root)


def when_there_is_one(root: Path) -> None:
    """Wait for a checkpoint, and a little more."""
    folder, end = Folder.beside(root / "data" / "ledger").path, time.monotonic() + 120
    while not list(folder.glob("*.checkpoint")):
        assert time.monotonic() < end
        time.sleep(0.05)
    time.sleep(0.5)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, TrialResult]:
    found = finish(project(tmp_path_factory.mktemp("whole") / "project", 2))
    assert all(r.resumed == 0 for r in found.values())
    return found


def as_undisturbed(found: dict[str, TrialResult], undisturbed: dict[str, TrialResult]) -> None:
    assert found.keys() == undisturbed.keys()
    for i, result in found.items():
        assert (result.outputs, result.curves) == (undisturbed[i].outputs, undisturbed[i].curves)
    assert any(r.resumed > 0 for r in found.values())


@pytest.mark.parametrize(
    ("at_once", "how"),
    [
        (2, signal.SIGKILL),
        pytest.param(2, signal.SIGINT, marks=pytest.mark.exhaustive),
        pytest.param(1, signal.SIGKILL, marks=pytest.mark.exhaustive),
    ],
)
def test_a_sweep_that_ended_goes_on_in_the_middle_of_its_trials(
    tmp_path: Path, undisturbed: dict[str, TrialResult], at_once: int, how: signal.Signals
) -> None:
    root = project(tmp_path / "project", at_once)
    process = driver.start(root, before=OFTEN)
    when_there_is_one(root)
    os.kill(process.pid, how)
    process.communicate(timeout=60)
    assert not driver.results(root), "a trial had ended before it was to be lost"
    as_undisturbed(finish(root), undisturbed)


@pytest.mark.exhaustive
def test_a_worker_that_is_lost_costs_what_came_after_the_last_checkpoint(
    tmp_path: Path, undisturbed: dict[str, TrialResult]
) -> None:
    root = project(tmp_path / "project", 2)
    process = driver.start(root, before=OFTEN)
    when_there_is_one(root)
    lost = 0
    for child in psutil.Process(process.pid).children(recursive=True):
        with contextlib.suppress(psutil.Error):
            # By the name that Tune gives a step.
            if "".join(child.cmdline()[:1]).endswith(".train"):
                child.kill()
                lost += 1
    assert lost
    said, _ = process.communicate(timeout=300)
    assert process.returncode == 0, said
    as_undisturbed(driver.results(root), undisturbed)


def test_what_nobody_came_back_to_and_what_is_done_is_removed(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger")
    folder = Folder.beside(ledger.folder)
    for name in ("a" * 16, "b" * 16, "c" * 16):
        folder.put(name, b"x")
    ledger.folder.mkdir()
    ledger.json_file("a" * 16).write_text("{}")
    long_ago = time.time() - OLD_S - 60
    os.utime(folder.file("b" * 16), (long_ago, long_ago))
    (folder.path / ".writing.x").write_bytes(b"half")
    folder.tidy(ledger)
    assert [f.name for f in folder.path.iterdir()] == [f"{'c' * 16}.checkpoint"]
    assert folder.read("c" * 16) == b"x" and folder.read("d" * 16) is None
