"""Ctrl-C, SIGTERM, kill -9, then to the end: nothing finished is lost, no process remains, numbers as without Ray."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import psutil
import pytest

from mmbench.ledger.store import limits_of
from mmbench.schema.result import State
from mmbench.sweep.local import run_locally
from tests.support import driver, small_project

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
TRIALS = 2 * 3 * 3 + 2 * 2 + 2


LOSE = """
import signal, weakref
import mmbench.sweep.engine as engine

class Thing:
    pass

def share(*arguments, share=engine._share):
    things = [Thing()]
    lost = weakref.ref(things[0], lambda _: signal.raise_signal(signal.SIGTERM))
    things.clear()
    return share(*arguments)

engine._share = share
"""
"""Where Python imports modules it has such callbacks, which lose every exception."""


def test_an_interrupt_amid_imports_is_not_lost(tmp_path: Path) -> None:
    process = driver.start(driver.project(tmp_path / "project"), before=f"exec({LOSE!r})")
    output, _ = process.communicate(timeout=100)
    assert process.returncode == 130 and f"{TRIALS} trials are left" in output and "Exception ignored" not in output


@pytest.mark.exhaustive
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("after", [1.6, 2.4, 3.2, 4.5])
def test_a_sweep_that_is_stopped_while_it_starts_ends(tmp_path: Path, how: signal.Signals, after: float) -> None:
    """An interrupt amid imports was lost, and left the lock behind on which Ray's imports then hung for ever."""
    root = driver.project(tmp_path / "project")
    process = driver.start(root)
    time.sleep(after)
    family = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(how)
    output, _ = process.communicate(timeout=60)
    assert process.returncode in (130, 0) and "Traceback" not in output and "Exception ignored" not in output, output
    psutil.wait_procs(family, timeout=10)
    assert not any(p.is_running() and p.status() != psutil.STATUS_ZOMBIE for p in family)


def _name(process: psutil.Process) -> str:
    try:
        return process.name()
    except psutil.NoSuchProcess:
        return ""


def test_a_second_signal_ends_it_at_once(tmp_path: Path) -> None:
    root = driver.project(tmp_path / "project")
    slow = "import time, ray; init = ray.init; ray.init = lambda **o: (init(**o), time.sleep(60))"
    process = driver.start(root, before=slow)
    family: dict[int, psutil.Process] = {}
    while not any(_name(p) == "gcs_server" for p in family.values()):
        family |= {p.pid: p for p in psutil.Process(process.pid).children(recursive=True)}
        assert process.poll() is None
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    time.sleep(1)
    assert process.poll() is None, "it waits for Ray"
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=20)
    assert process.returncode == 130 and "once more stops at once" in output and "Traceback" not in output
    psutil.wait_procs(list(family.values()), timeout=10)
    assert not any(p.is_running() and p.status() != psutil.STATUS_ZOMBIE for p in family.values())


def test_sigterm_ends_a_sweep_in_the_background_of_a_script(tmp_path: Path) -> None:
    """There Ctrl-C is ignored."""
    root = driver.project(tmp_path / "project", sweep={"at_once": 1})
    process = driver.start(root, before="import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)")
    while not list((root / "data" / "ledger").glob("*.measured.json")):
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 130 and "trials are left" in output and "Traceback" not in output, output
    assert 0 < len(driver.results(root)) < TRIALS


def test_a_sweep_survives_ctrl_c_and_signals_and_then_has_nothing_to_run(tmp_path: Path) -> None:
    root = driver.project(tmp_path / "project")

    first = {}
    for how in (signal.SIGINT, signal.SIGTERM):
        code, output = driver.stop(root, len(first) + 4, how)
        assert code == 130
        assert "trials are left; the next `dvc repro` goes on from here" in output
        assert "Traceback" not in output
        before, first = first, driver.results(root)
        assert before.items() <= first.items() and len(before) + 4 <= len(first) < TRIALS

    code, _ = driver.stop(root, len(first) + 4, signal.SIGKILL)
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
    files = {f.name: f.stat().st_mtime_ns for f in (root / "data" / "ledger").iterdir()}
    assert set(files) == {i + end for i in last for end in (".json", ".measured.json", ".safetensors")}

    # Trained in this process, without Ray, in the order of the plan: bit for bit the same.
    loaded = small_project.read(root)
    assert {job.trial_id for job in loaded.plan.jobs} == last.keys()
    for job in loaded.plan.jobs[::3]:
        files_of_trial = run_locally(
            job, root / "data" / "prepared" / job.config.dataset, limits_of(loaded.params.sweep)
        )
        result = files_of_trial.complete
        assert result.state is State.DONE
        assert result.metrics == last[job.trial_id].metrics
        assert result.curves == last[job.trial_id].curves

    process = driver.start(root)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert f"{TRIALS} trials: {TRIALS} done" in output
    assert "to run" not in output
    assert files == {f.name: f.stat().st_mtime_ns for f in (root / "data" / "ledger").iterdir()}
