"""Nodes of a real Ray cluster that are not like the driver's: without the project's folder, without mmbench, with a
store or a memory that is smaller than the data, with and without GPUs."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from mmbench.data.prepared import save
from mmbench.schema.dataset import DataSpec, Modality
from mmbench.schema.task import task_of
from tests.support import driver
from tests.sweep.test_nodes import RAY, Cluster, check_complete, until

pytestmark = [pytest.mark.exhaustive, pytest.mark.timeout(600)]

GRID = {"attention": ["mean"], "fusion": ["concat"], "architecture": ["shared"], "seeds": 3}
CONTROLS = {"single_modalities": False, "baselines": []}
SMALLEST = 80_000_000
"""Bytes of a store; Ray takes no less."""
LITTLE = 2_500_000_000
"""Bytes that a process may have of its own: PyTorch and Ray take about half of it."""
STACK = 512
"""KiB of each thread's stack, of which a process has many; the usual 8 MiB would count."""


@pytest.fixture
def head(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    """One that takes no trials itself, with the smallest store."""
    made = Cluster("--num-cpus=0", f"--object-store-memory={SMALLEST}")
    monkeypatch.setenv("RAY_ADDRESS", made.address)
    yield made
    made.end()


def large_data(root: Path, shape: tuple[int, int] = (200, 125)) -> int:
    """In place of the small data: more than that store holds, in arrays of which each is more; returns their bytes."""
    draw = torch.Generator().manual_seed(0)
    sizes = {"train": 1000, "validation": 64, "test": 64}
    arrays = {}
    for split, n in sizes.items():
        left, right = (torch.randn(n, *shape, generator=draw) for _ in range(2))
        arrays[split] = {"left": left.numpy(), "right": right.numpy(), "label": (left[:, 0, 0] > 0).long().numpy()}
    spec = DataSpec(
        name="small",
        description="Many random numbers for tests.",
        modalities={m: Modality(kind="feature", shape=shape) for m in ("left", "right")},
        task=task_of("classification", ("no", "yes")),
        splits=sizes,
        chance=0.5,
        ceiling=None,
        licence="CC0",
        source="random numbers",
        hash="",
    )
    shutil.rmtree(root / "data" / "prepared" / "small")
    save(root / "data" / "prepared" / "small", spec, arrays)
    assert all(x.nbytes > SMALLEST for name, x in arrays["train"].items() if name != "label")
    return sum(x.nbytes for x in arrays["train"].values())


def finish(root: Path) -> str:
    sweep = driver.start(root)
    said, _ = sweep.communicate(timeout=400)
    assert sweep.returncode == 0, said
    check_complete(root, said)
    return said


def hidden(root: Path) -> list[str]:
    """How a process is started that does not see this folder: an empty file system is in its place, for it alone."""
    hide = f'mount -t tmpfs none {shlex.quote(str(root))} && exec "$@"'
    unshare = ["unshare", "--mount", "sh", "-c", hide, "sh"]
    if shutil.which("unshare") is None or subprocess.run([*unshare, "true"], check=False).returncode:
        pytest.skip("a folder cannot be hidden from a process here")
    return unshare


def test_data_larger_than_the_store_reach_a_node_that_does_not_see_the_folder(tmp_path: Path, head: Cluster) -> None:
    root = driver.project(tmp_path / "project", grid=GRID, controls=CONTROLS)
    large_data(root)
    head.join(f"--object-store-memory={SMALLEST}", command=[*hidden(root), *RAY])
    finish(root)


@pytest.mark.parametrize("sees_folder", [True, False])
def test_data_larger_than_the_memory_of_a_node(tmp_path: Path, head: Cluster, *, sees_folder: bool) -> None:
    root = driver.project(tmp_path / "project", grid=GRID, controls=CONTROLS)
    size = large_data(root, (80, 4000))
    little = ["sh", "-c", f'ulimit -s {STACK} && ulimit -d {LITTLE // 1024} && exec "$@"', "sh"]
    held = [*little, sys.executable, "-c", f"import numpy; numpy.ones({size}, 'u1')"]
    assert b"Unable to allocate" in subprocess.run(held, capture_output=True, check=False).stderr
    see = [] if sees_folder else hidden(root)
    head.join(f"--object-store-memory={SMALLEST}", command=[*see, *little, *RAY])
    finish(root)


HOLD = """
import ray, sys
ray.init(sys.argv[1], log_to_driver=False)
@ray.remote(num_cpus=1)
class Other: pass
other = Other.remote()
ray.get(other.__ray_ready__.remote())
print("held", flush=True)
sys.stdin.read()
"""


def test_a_sweep_that_gets_no_worker_says_so_and_goes_on_when_it_does(tmp_path: Path, head: Cluster) -> None:
    root = driver.project(tmp_path / "project", grid=GRID, controls=CONTROLS)
    head.join()
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", HOLD, head.address], env=head.env, text=True, **pipes) as other:
        assert other.stdout is not None and other.stdin is not None
        assert other.stdout.readline() == "held\n"
        sweep = driver.start(root, before="import mmbench.sweep.driver as d; d.SILENT_S = 3")
        assert sweep.stdout is not None
        said = ""
        while "no worker has started" not in said:
            said += (line := sweep.stdout.readline())
            assert line, said
        other.stdin.close()
    rest, _ = sweep.communicate(timeout=400)
    assert sweep.returncode == 0, said + rest
    check_complete(root, said + rest)
    assert re.search(r"no worker has started for \d s: others use the cluster, which `ray status` shows, or", said)


def test_a_node_without_mmbench_is_sent_it(tmp_path: Path, head: Cluster) -> None:
    site = tmp_path / "site"
    site.mkdir()
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if "mmbench" not in entry.name and not entry.name.startswith("__editable__"):
            (site / entry.name).symlink_to(entry)
    python = str(getattr(sys, "_base_executable", sys.executable))
    env = {**head.env, "PYTHONPATH": str(site)}
    lacks = subprocess.run([python, "-c", "import mmbench"], cwd=tmp_path, env=env, capture_output=True, check=False)
    assert lacks.returncode != 0 and b"No module named 'mmbench'" in lacks.stderr
    head.join(env=env, command=[python, *RAY[1:]])
    finish(driver.project(tmp_path / "project", grid=GRID, controls=CONTROLS))


def test_nodes_with_and_without_gpus(tmp_path: Path, head: Cluster) -> None:
    """The GPU is Ray's alone where this build of PyTorch has none: then its share is computed on a core."""
    # One after the other: two that start at once on one machine sometimes choose one port, and one of them aborts.
    for options in (["--num-gpus=1"], []):
        node = head.join(*options)
        until(lambda node=node: len(node.family()) > 3, 180)  # type: ignore[misc]
        time.sleep(5)
    root = driver.project(tmp_path / "project", grid={**GRID, "seeds": 6}, controls=CONTROLS)
    finish(root)
