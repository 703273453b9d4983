"""How long steps take, tried before anything is trained."""

from __future__ import annotations

import json
import math
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from mmbench.cli import main
from mmbench.data.batches import Split
from mmbench.project.folders import PREPARED
from mmbench.schema.budget import LEAST_STEPS
from mmbench.schema.params import Training
from mmbench.sweep.planning import timed_steps
from mmbench.sweep.planning.estimate import at_least
from mmbench.training import loop, replay
from mmbench.training.replay import Replayed
from tests.support import driver, small_project

from .test_schedule import CONTROLS, FIXED

pytestmark = pytest.mark.slow
GRID = {"attention": ["mean", "additive"], "fusion": ["concat"], "architecture": ["shared"]}
TIME = """
import json, sys
from pathlib import Path
from mmbench.project.folders import PREPARED
from mmbench.sweep.planning import timed_steps
from tests.support import small_project
root, seen = Path(sys.argv[1]), []
timed_steps.LONGEST = 3.0
jobs = small_project.read(root).plan.jobs
found = timed_steps.step_seconds(jobs, root / PREPARED, on_model=lambda: seen.append(1))
print(json.dumps([{" ".join(key): seconds for key, seconds in found.items()}, len(seen)]))
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return driver.project(tmp_path / "project", grid={**GRID, "seeds": 2}, train=FIXED, controls=CONTROLS)


def settings(root: Path, section: str, **values: object) -> None:
    file = root / "params.yaml"
    raw = yaml.safe_load(file.read_text(encoding="utf-8"))
    raw[section] |= values
    file.write_text(yaml.safe_dump(raw), encoding="utf-8")


def test_every_model_that_can_be_trained_has_a_time(root: Path) -> None:
    """One that raises has none, nor one that never ends, which does not hold up the others."""
    settings(root, "grid", attention=["mean", "additive", "raises", "endless"])
    path = os.pathsep.join([str(small_project.ROOT), str(driver.PLANTED)])
    done = subprocess.run(
        [sys.executable, "-c", TIME, str(root)],
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
    found, models = json.loads(done.stdout.splitlines()[-1])
    assert set(found) == {"small mean + concat · shared", "small additive + concat · shared"}
    assert all(0 < seconds < 3 for seconds in found.values()) and models == 4


def test_quick_steps_are_timed_as_a_real_training_takes_them(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Replayed, which they are in trainings of some length only."""
    batches, made, real = [], [], timed_steps.fit

    class Kept(Replayed):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args)
            made.append(self)

    def noted(model: Any, train: Split, validation: Split, training: Training, *rest: Any, **options: Any) -> Any:
        batches.append(len(train) / training.batch_size)
        return real(model, train, validation, training, *rest, **options)

    monkeypatch.setattr(loop, "Replayed", Kept)
    # What takes longer on a busy machine is a matter of luck.
    monkeypatch.setattr(replay, "LOOKS", math.inf)
    monkeypatch.setattr(timed_steps, "fit", noted)
    jobs = [j for j in small_project.read(root).plan.jobs if j.config.train is not None][:1]
    assert all(0 < seconds < 1 for seconds in timed_steps.step_seconds(jobs, root / PREPARED).values())
    assert batches == [2, 2, 8, 26, 50]
    assert [len(r.recordings) for r in made] == [0, 0, 0, 1, 1]


@pytest.mark.parametrize("halt", [0.0, 9.0])
def test_a_machine_that_halts_does_not_make_steps_free(
    root: Path, monkeypatch: pytest.MonkeyPatch, halt: float
) -> None:
    """A second a batch; the first training takes longer, since it fills caches, and the second where it is halted."""
    counted = iter([20.0, timed_steps.FEW + halt, float(timed_steps.MORE)])
    real = timed_steps.fit
    monkeypatch.setattr(timed_steps, "fit", lambda *a, **k: replace(real(*a, **k), seconds=next(counted)))
    jobs = [j for j in small_project.read(root).plan.jobs if j.config.train is not None][:1]
    assert list(timed_steps.step_seconds(jobs, root / PREPARED).values()) == [1.0]


def test_plan_tells_the_time_before_anything_has_run(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "--root", str(root)]) == 0
    out = capsys.readouterr().out
    assert "Time: not known yet" in out and "Memory: not known yet" in out and out.count("plan --time") == 2
    assert re.search(r"^Disk: about 1 MB of results, .* and at most 2 GB of weights", out, re.MULTILINE)
    assert main(["plan", "--root", str(root), "--time"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"^Time: about .* on this machine, with \d+ trials at a time", out, re.MULTILINE)
    assert re.search(r"^Memory: up to [\d.]+ [MG]B a trial", out, re.MULTILINE) and "not known" not in out
    assert main(["plan", "--root", str(root), "--time", "--json"]) == 0
    left = json.loads(capsys.readouterr().out)["time_left"]
    assert left["known"] == 4 and left["unknown"] == 1 and left["seconds"] > 0, "two models, two seeds; the baseline"


def test_with_a_budget_that_is_to_be_found_it_tells_of_the_least(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings(root, "train", epochs="auto")
    assert main(["plan", "--root", str(root), "--time"]) == 0
    out = capsys.readouterr().out
    assert re.search(rf"^Time: at least .* if {LEAST_STEPS} gradient steps are enough on small", out, re.MULTILINE)
    assert re.search(r" 1,600 would take about .*\d (s|min|h), the most that it tries \(16,384\) \d.*\.", out)


def test_with_given_epochs_it_speaks_of_no_search_for_the_length(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings(root, "train", learning_rate="auto")
    assert main(["plan", "--root", str(root), "--time"]) == 0
    (told,) = (line for line in capsys.readouterr().out.splitlines() if line.startswith("Time: "))
    assert told.startswith("Time: about ") and "gradient steps" not in told
    assert "This leaves out the search for the learning rate" in told


def test_the_least_budget_is_made_of_whole_epochs(root: Path) -> None:
    loaded = small_project.read(root)
    job = next(j for j in loaded.plan.jobs if j.config.train is not None)
    spec = loaded.specs["small"].model_copy(update={"splits": {"train": 100, "validation": 10, "test": 10}})
    assert (train := at_least(job, 128, spec).config.train) is not None and train.epochs == 64, "of two steps"
    baseline = next(j for j in loaded.plan.jobs if j.config.train is None)
    assert at_least(baseline, 128, spec) == baseline
