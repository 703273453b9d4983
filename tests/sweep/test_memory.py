"""The machine runs out of memory: where Ray's memory monitor ends workers, Tune gives up; the sweep goes on."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from mmbench.schema.result import State
from tests.support import driver

GIB = 2**30


@pytest.mark.exhaustive
@pytest.mark.timeout(600)
def test_the_sweep_survives_the_memory_monitor(tmp_path: Path) -> None:
    memory = psutil.virtual_memory()
    if memory.available < 12 * GIB:
        pytest.skip("needs 12 GiB of free memory: a trial fills 6")
    # As on a cluster: a monitor that acts where a trial takes 4 GiB more than is used now.
    threshold = (memory.total - memory.available + 4 * GIB) / memory.total
    settings = {"memory_monitor_refresh_ms": 100, "memory_usage_threshold": round(threshold, 3)}
    root = driver.project(
        tmp_path / "project",
        grid={"attention": ["mean", "hoards"], "fusion": ["concat"], "architecture": ["independent"]},
        controls={"single_modalities": False, "baselines": ["majority"]},
        sweep={"retries": 1},
    )
    before = f"from mmbench.sweep import ray_settings; ray_settings.SYSTEM.update({settings})"
    process = driver.start(root, before=before)
    output, _ = process.communicate(timeout=400)
    found = driver.results(root).values()
    assert process.returncode == 0, output
    assert "Traceback" not in output
    states = {r.config.attention.name if r.config.attention else "baseline": r for r in found}
    assert states["hoards"].state is State.OUT_OF_MEMORY
    assert "ran out of memory" in (states["hoards"].message or "")
    assert states["mean"].state is states["baseline"].state is State.DONE
