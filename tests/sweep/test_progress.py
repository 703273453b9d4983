from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from mmbench.schema.result import State
from mmbench.sweep.progress import Watch, summary
from mmbench.sweep.wording import duration
from tests.support import small_project


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (0.4, "less than 1 s"),
        (42.4, "42 s"),
        (200, "3 min 20 s"),
        (3599.9, "1 h"),
        (1800, "30 min"),
        (7500, "2 h 5 min"),
    ],
)
def test_durations_read_like_speech(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_a_pipe_gets_few_lines_but_every_failure(tmp_path: Path) -> None:
    loaded = small_project.read(small_project.make(tmp_path))
    output = io.StringIO()
    watch = Watch(Console(file=output, width=60))
    watch.start(len(loaded.plan.jobs), 0, 2)
    results = {}
    for i, job in enumerate(loaded.plan.jobs):
        result = small_project.result(job, State.FAILED if i == 3 else State.DONE)
        results[job.trial_id] = result
        watch.add(result)
    watch.close()
    summary(Console(file=output, width=60), loaded.plan, results)
    total = len(loaded.plan.jobs)
    lines = output.getvalue().splitlines()
    assert lines[0] == f"{total} trials to run, 2 at a time"
    assert lines[1].startswith(f"1/{total} trials: 1 done")
    assert lines[2] == f"failed {loaded.plan.jobs[3].config.name}: it ended as failed"
    assert lines[3].startswith(f"{total}/{total} trials: {total - 1} done, 1 failed · ")
    assert lines[4:] == [f"{total} trials: {total - 1} done, 1 failed", "  1 x failed: it ended as failed"]


def test_a_race_says_how_many_more_it_may_ask_for(tmp_path: Path) -> None:
    loaded = small_project.read(small_project.make(tmp_path))
    output, more = io.StringIO(), iter([1200, 0, 6, 0])
    watch = Watch(Console(file=output, width=120), more=lambda: next(more))
    watch.start(3, 0, 1)
    for i, job in enumerate(loaded.plan.jobs[:4]):
        watch.spoke = float("-inf")
        if i == 3:
            watch.add_more(1)
        watch.add(small_project.result(job))
    first, second, third, last = output.getvalue().splitlines()[1:]
    assert " left for these, then up to 1,200 more · " in first
    assert " left · " in second and ", all of these run, then up to 6 more · " in third and ", all run · " in last


def test_a_terminal_gets_a_bar(tmp_path: Path) -> None:
    loaded = small_project.read(small_project.make(tmp_path))
    output = io.StringIO()
    watch = Watch(Console(file=output, width=120, force_terminal=True))
    watch.start(2, 0, 2)
    for job in loaded.plan.jobs[:2]:
        watch.add(small_project.result(job))
    watch.close()
    assert "2/2" in output.getvalue()
    assert "trials/min" in output.getvalue()
