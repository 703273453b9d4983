"""Trials that are so short that their driver cannot keep up go to workers several at a time."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmbench.schema.result import State
from tests.support import driver

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

TOLD = """
import mmbench.sweep.driver as d
d.EVENT_S = {event}
next_ = d.Driver._next
def told(self):
    found = next_(self)
    with open("batches", "a") as file:
        print(len(found), file=file)
    return found
d.Driver._next = told
"""


def swept(root: Path, event: float) -> list[int]:
    """The sizes of what was handed out, of a sweep that ends well."""
    process = driver.start(root, before=f"exec({TOLD.format(event=event)!r})")
    said, _ = process.communicate(timeout=500)
    assert process.returncode == 0, said
    return [int(line) for line in (root / "batches").read_text().split()]


@pytest.mark.exhaustive
def test_a_worker_that_is_lost_in_a_batch_costs_its_mates_nothing(tmp_path: Path) -> None:
    root = driver.project(
        tmp_path / "project",
        grid={"attention": ["mean", "vanishing"], "fusion": ["concat"], "architecture": ["independent"], "seeds": 8},
        controls={"single_modalities": False, "baselines": []},
        sweep={"at_once": 2, "retries": 0},
    )
    assert max(swept(root, event=1e6)) > 1
    states: dict[str, set[State]] = {}
    for result in driver.results(root).values():
        assert result.config.attention is not None
        states.setdefault(result.config.attention.name, set()).add(result.state)
    assert states == {"mean": {State.DONE}, "vanishing": {State.FAILED}}


def test_trials_of_a_usual_length_go_one_by_one_and_none_comes_twice(tmp_path: Path) -> None:
    root = driver.project(
        tmp_path / "project",
        grid={"attention": ["mean"], "fusion": ["concat"], "architecture": ["independent"], "seeds": 8},
        # A baseline takes milliseconds: while it is the only one that has ended, all trials seem to be short.
        controls={"single_modalities": False, "baselines": []},
        sweep={"at_once": 2},
    )
    sizes = swept(root, event=0.001)
    assert max(sizes) == 1 and sum(sizes) == len(driver.results(root)) == 8
