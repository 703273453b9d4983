"""A sweep on a real Ray cluster of several nodes on this machine: nodes join, die and are taken away, the driver is
killed. Nothing is lost, nothing is done twice, no process stays."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import psutil
import pytest

from mmbench import registry
from mmbench.ledger.idle_costs import read_costs
from mmbench.ledger.store import limits_of
from mmbench.schema.result import State
from mmbench.sweep.local import run_locally
from tests.support import driver, small_project

pytestmark = [pytest.mark.exhaustive, pytest.mark.timeout(600)]

GRID = {"attention": ["mean", "unhurried"], "fusion": ["concat"], "architecture": ["shared"]}
CONTROLS = {"single_modalities": False, "baselines": ["majority"]}
RAY = [sys.executable, "-m", "ray.scripts.scripts", "start", "--block", "--disable-usage-stats"]


def until(found: Callable[[], object], seconds: float) -> float:
    """Wait for it; returns how long that took."""
    began = time.monotonic()
    while not found():
        assert time.monotonic() - began < seconds, f"not within {seconds} s"
        time.sleep(0.1)
    return time.monotonic() - began


class Node:
    """A Ray node of its own processes, with one core unless the options say otherwise."""

    def __init__(self, *options: str, env: dict[str, str], command: Sequence[str] = RAY) -> None:
        self.process = subprocess.Popen(
            [*command, *([] if any("--num-cpus" in o for o in options) else ["--num-cpus=1"]), *options],
            env=env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def family(self) -> list[psutil.Process]:
        if not psutil.pid_exists(self.process.pid):
            return []
        main = psutil.Process(self.process.pid)
        return [main, *main.children(recursive=True)]

    def works(self) -> bool:
        """Whether a worker of the sweep runs here."""
        names = []
        for process in self.family():
            try:
                names.append(" ".join(process.cmdline()))
            except psutil.Error:
                continue
        return any(n.startswith("ray::") and "IDLE" not in n and "Agent" not in n for n in names)

    def lose(self) -> None:
        """As a machine that loses its power."""
        for process in self.family():
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
        self.process.wait()


class Cluster:
    """A head with one core, and nodes that join it. options: of the head."""

    def __init__(self, *options: str) -> None:
        self.folder = tempfile.mkdtemp(prefix="ray-", dir="/tmp")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{free.getsockname()[1]}"
        path = os.pathsep.join([str(small_project.ROOT), str(driver.PLANTED)])
        kept = {k: v for k, v in os.environ.items() if not k.startswith("RAY_")}
        self.env = kept | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1", "RAY_AUTH_MODE": "disabled"}
        self.nodes = [
            Node(
                "--head",
                "--node-ip-address=127.0.0.1",
                f"--port={self.address.rpartition(':')[2]}",
                "--include-dashboard=false",
                f"--temp-dir={self.folder}",
                *options,
                env=self.env,
            )
        ]
        until(self._answers, 180)

    def _answers(self) -> bool:
        ask = [sys.executable, "-m", "ray.scripts.scripts", "status", f"--address={self.address}"]
        return subprocess.run(ask, env=self.env, capture_output=True, check=False).returncode == 0

    def join(self, *options: str, env: dict[str, str] | None = None, command: Sequence[str] = RAY) -> Node:
        where = (f"--address={self.address}", "--node-ip-address=127.0.0.1")
        self.nodes.append(Node(*where, *options, env=env or self.env, command=command))
        return self.nodes[-1]

    def end(self) -> None:
        for node in reversed(self.nodes):
            node.lose()
        shutil.rmtree(self.folder, ignore_errors=True)


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    made = Cluster()
    monkeypatch.setenv("RAY_ADDRESS", made.address)
    monkeypatch.syspath_prepend(driver.PLANTED)
    # Another test of this process may have looked for variants already, without that folder.
    registry.forget()
    yield made
    made.end()
    monkeypatch.undo()
    registry.forget()


def project(folder: Path, seeds: int) -> Path:
    return driver.project(folder / "project", grid={**GRID, "seeds": seeds}, train={"epochs": 6}, controls=CONTROLS)


def count(root: Path) -> int:
    """Finished trials."""
    return sum(not f.name.endswith(".measured.json") for f in (root / "data" / "ledger").glob("*.json"))


def check_complete(root: Path, output: str) -> None:
    """Every trial is there once and well, with the numbers that it has anywhere."""
    loaded, found = small_project.read(root), driver.results(root)
    assert {job.trial_id for job in loaded.plan.jobs} == found.keys(), output
    assert {result.state for result in found.values()} == {State.DONE}, output
    for job in (loaded.plan.jobs[0], loaded.plan.jobs[-1]):
        again = run_locally(job, root / "data" / "prepared" / "small", limits_of(loaded.params.sweep)).complete
        assert found[job.trial_id].metrics == again.metrics


def test_a_node_that_joins_is_used_within_half_a_minute(tmp_path: Path, cluster: Cluster) -> None:
    root = project(tmp_path, seeds=24)
    sweep = driver.start(root)
    until(lambda: count(root) > 2, 120)
    joined = cluster.join()
    waited = until(joined.works, 30)
    output, _ = sweep.communicate(timeout=300)
    assert sweep.returncode == 0, output
    check_complete(root, output)
    assert "1 at a time" in output and waited < 30
    until(lambda: not any(node.works() for node in cluster.nodes), 30)


def test_a_node_that_dies_costs_only_its_trial(tmp_path: Path, cluster: Cluster) -> None:
    root = project(tmp_path, seeds=16)
    other = cluster.join()
    until(lambda: len(other.family()) > 3, 60)
    time.sleep(5)
    sweep = driver.start(root)
    until(lambda: other.works() and count(root) > 4, 120)
    other.lose()
    output, _ = sweep.communicate(timeout=300)
    assert sweep.returncode == 0, output
    check_complete(root, output)
    # Ray tells at length of a node that is lost; the sweep keeps to its own lines.
    assert "Traceback" not in output and "raylet" not in output and len(output.splitlines()) < 40, output


def test_a_node_that_is_taken_away_ten_times_only_delays(tmp_path: Path, cluster: Cluster) -> None:
    root = project(tmp_path, seeds=90)
    sweep = driver.start(root)
    until(lambda: count(root) > 2, 120)
    taken = 0
    for _ in range(10):
        node = cluster.join()
        until(lambda node=node: node.works() or sweep.poll() is not None, 60)  # type: ignore[misc]
        if sweep.poll() is not None:
            break
        time.sleep(3)
        node.lose()
        taken += 1
    output, _ = sweep.communicate(timeout=400)
    assert sweep.returncode == 0, output
    assert taken == 10, "the sweep ended before"
    check_complete(root, output)


def test_a_driver_that_is_killed_comes_back(tmp_path: Path, cluster: Cluster) -> None:
    root = project(tmp_path, seeds=12)
    first = driver.start(root)
    until(lambda: count(root) > 4, 120)
    os.kill(first.pid, signal.SIGKILL)
    first.communicate(timeout=60)
    done = count(root)
    until(lambda: not any(node.works() for node in cluster.nodes), 60)
    second = driver.start(root)
    output, _ = second.communicate(timeout=300)
    assert second.returncode == 0, output
    left = len(small_project.read(root).plan.jobs) - done
    assert f"{left} trials in" in output, output
    check_complete(root, output)


def test_costs_are_measured_on_the_cluster(tmp_path: Path, cluster: Cluster) -> None:
    grid = {**GRID, "attention": ["mean"], "seeds": 1}
    root = driver.project(tmp_path / "project", grid=grid, controls=CONTROLS, sweep={"time_alone": True})
    sweep = driver.start(root)
    output, _ = sweep.communicate(timeout=300)
    assert sweep.returncode == 0, output
    assert "costs to measure, each with nothing else running: 2 methods" in output
    known = read_costs(root / "data" / "ledger", "small")
    assert known is not None and len(known.methods) == 2
    assert all(cost.failed is None and cost.batch_us for cost in known.methods.values())
    check_complete(root, output)
